"""How the compiled kernel is compiled: by which command, where to, and what goes wrong."""

from pathlib import Path

import pytest

from amh_tf.layers.kernels import compiled, compiler
from tests.layers.kernels.test_kernels import load_compiled


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty cache, and a process that has not loaded the kernel."""
    load_compiled()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "_loaded", [])
    return tmp_path


def test_no_compiler_is_said(elsewhere, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(compiled.NotAvailable, match=r"no C\+\+ compiler.*the packed kernel"):
        compiled.load()


def program(path, script):
    """Writes a program in the place of a compiler; $out is the file that it should write."""
    path.parent.mkdir(exist_ok=True)
    find = 'for word in "$@"; do [ "$before" = -o ] && out=$word; before=$word; done\n'
    path.write_text(f"#!/bin/sh\n{find}{script}\n")
    path.chmod(0o755)
    return path


VERSION = '[ "$1" = --version ] && exit 0\n'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (VERSION + "echo 'ops.cc:1: error: no such thing' >&2; exit 1", "error: no such thing"),
        (VERSION + "echo 'ops.cc:1: Fehler' >&2; exit 1", "ops.cc:1: Fehler"),
        (VERSION + "printf 'error: \\377\\376' >&2; exit 1", "error: \ufffd"),
        (VERSION + "exit 3", "no message, exit code 3"),
        (VERSION + "kill -9 $$", "no message, exit code -9"),
        (VERSION + "exit 0", "has written nothing"),
        ("echo 'error: no licence' >&2; exit 1", "error: no licence"),
        ("exec sleep 60", "did not end in 1 seconds"),
    ],
)
def test_failing_compiler_is_said(elsewhere, monkeypatch, script, said):
    monkeypatch.setattr(compiler, "VERSION_SECONDS", 1)
    monkeypatch.setenv("CXX", str(program(elsewhere / "broken", script)))
    with pytest.raises(compiled.NotAvailable, match=rf"{said}.*(Set CXX|the packed kernel)"):
        compiled.load()
    assert {path.suffix for path in elsewhere.glob("amh_tf/kernels/*")} <= {".lock"}


def test_compiler_of_another_machine_is_said(elsewhere, monkeypatch):
    path = elsewhere / "foreign"
    path.write_bytes(b"\x7fELF of no processor")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    with pytest.raises(compiled.NotAvailable, match=r"cannot be started.*Exec format.*Set CXX"):
        compiled.load()


# Takes down its arguments, and compiles nothing.
RECORDING = 'echo "$0 $@" >> "$RECORD"; [ -n "$out" ] && echo compiled > "$out"; exit 0'


@pytest.fixture
def recorded(elsewhere, monkeypatch):
    """A compiler `rec++` on the path; returns a function that gives the commands it has had."""
    program(elsewhere / "bin" / "rec++", RECORDING)
    program(elsewhere / "my bin" / "rec++", RECORDING)
    program(elsewhere / "bin" / "ccache", 'echo ccache >> "$RECORD"; exec "$@"')
    monkeypatch.setenv("PATH", f"{elsewhere / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(elsewhere / "record"))
    return lambda: (elsewhere / "record").read_text().splitlines()


@pytest.mark.parametrize(
    ("text", "before", "arguments"),
    [
        ("rec++", [], ""),
        ("rec++ -m64 -DNAME='a b'", [], "-m64 -DNAME=a b"),
        ("/usr/bin/env rec++", [], ""),
        ("/usr/bin/env LEVEL=1 rec++ -m64", [], "-m64"),
        ("ccache rec++", ["ccache"], ""),
        ("  ccache   rec++ -m64 ", ["ccache"], "-m64"),
        ("sccache rec++", [], ""),  # which is not installed
        ("distcc ccache rec++", ["ccache"], ""),
        ("{folder}/my bin/rec++", [], ""),
        ("'{folder}/my bin/rec++' -m64", [], "-m64"),
    ],
)
def test_cxx_is_a_command(recorded, elsewhere, monkeypatch, text, before, arguments):
    monkeypatch.setenv("CXX", text.format(folder=elsewhere))
    path = compiler.library()
    assert path.read_text() == "compiled\n"
    *begun, version, compiled_by = [line for line in recorded() if line != "ccache"]
    assert not begun
    assert recorded() == [*before, version, *before, compiled_by]
    name, _, rest = version.partition("rec++ ")
    assert Path(name).parent == elsewhere
    assert rest.split("--version")[0].strip() == arguments
    flags = " ".join([*filter(None, [arguments]), *compiler.FLAGS])
    assert compiled_by.startswith(f"{name}rec++ {flags}")


@pytest.mark.parametrize("text", ["ccache no-such-compiler", "'rec++", "-m64 rec++", "''"])
def test_cxx_that_is_no_command_is_said(recorded, monkeypatch, text):
    monkeypatch.setenv("CXX", text)
    with pytest.raises(compiled.NotAvailable, match=r"Received: .*the packed kernel"):
        compiler.library()


def test_commands_have_libraries_of_their_own(recorded, monkeypatch):
    paths = set()
    for text in ("rec++", "rec++ -m64", "rec++ -DX", "ccache rec++"):
        monkeypatch.setenv("CXX", text)
        paths.add(compiler.library())
    assert len(paths) == 4


@pytest.mark.parametrize("value", [None, "", "  "])
def test_compiler_that_fails_is_followed_by_the_next(recorded, elsewhere, monkeypatch, value):
    """Where nobody has chosen one: a `c++` without its parts, as some images have it."""
    if value is None:
        monkeypatch.delenv("CXX", raising=False)
    else:
        monkeypatch.setenv("CXX", value)
    monkeypatch.setenv("PATH", f"{elsewhere / 'bin'}")
    tried = elsewhere / "tried"
    broken = f'echo x >> "{tried}"; echo "c++: fatal error: cannot execute cc1plus" >&2; exit 1'
    program(elsewhere / "bin" / "c++", VERSION + broken)
    (elsewhere / "bin" / "g++").symlink_to("c++")
    with pytest.raises(compiled.NotAvailable, match="cannot execute cc1plus"):
        compiler.library()
    assert tried.read_text() == "x\n"  # one program, whatever its names
    program(elsewhere / "bin" / "clang++", RECORDING)
    assert compiler.library().read_text() == "compiled\n"
    tried.unlink()
    assert compiler.library() == compiler.library_path()
    assert not tried.exists()


def planted_library(content=b"not a library"):
    path = compiler.library_path()
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(content)
    path.chmod(0o700)
    return path


def test_damaged_library_is_said(elsewhere):
    planted_library()
    with pytest.raises(compiled.NotAvailable, match=r"could not be loaded.*Delete"):
        compiled.load()


@pytest.mark.parametrize("what", ["library", "folder"])
def test_library_that_others_may_write_is_refused(elsewhere, what):
    path = planted_library()
    (path if what == "library" else path.parent).chmod(0o777)
    with pytest.raises(compiled.NotAvailable, match="writable by nobody else"):
        compiled.load()


def test_folder_that_cannot_be_made_is_said(elsewhere):
    (elsewhere / "amh_tf").write_text("in the way")
    with pytest.raises(compiled.NotAvailable, match=r"could not be written.*XDG_CACHE_HOME"):
        compiled.load()
