"""Paths and quotes in flags, on the command line and in flag files."""

import ast
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver

from amh_tf.commands import flag_kit
from tests import commands
from tests.commands import ROOT, assert_refused

KINDS = {"path": "a", "paths": ["a"], "string": "a", "list": ["a"], "integer": 1, "text": "a"}


@pytest.fixture(scope="module", autouse=True)
def defined():
    for kind, default in KINDS.items():
        flag_kit.define(kind, f"some_{kind}", default, "For the tests of this file.")
    flag_kit.define("enum", "some_enum", "a", "For the tests of this file.", enum_values=["a"])


@pytest.fixture(params=["command line", "flag file"])
def read(request, tmp_path, monkeypatch):
    """Reads flags in either way, in a home folder of its own; returns a flag's value."""
    monkeypatch.setenv("HOME", "/home/ann")

    def value(name, text):
        argument = f"--some_{name}={text}"
        if request.param == "flag file":
            path = tmp_path / "some.flags"
            path.write_text(f"# a comment\n{argument}\n", encoding="utf-8")
            argument = f"--flagfile={path}"
        with flagsaver.flagsaver():
            flags.FLAGS(["test", argument])
            return flags.FLAGS[f"some_{name}"].value

    return value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/home/ann"),
        ("~/x", "/home/ann/x"),
        ("~/my shards/x y", "/home/ann/my shards/x y"),
        ("~root/x", str(Path("~root").expanduser() / "x")),
        ("x/~/y~", "x/~/y~"),
        ("./~", "./~"),
        ("s3://bucket/~/x", "s3://bucket/~/x"),
        ("a$HOME", "a$HOME"),
        ("", ""),
    ],
)
def test_tilde_is_the_home_folder(read, text, path):
    assert read("path", text) == path


def test_every_path_of_a_list_may_begin_with_a_tilde(read):
    assert read("paths", "~/a.wav,b.wav, ~/c d.mp4") == [
        "/home/ann/a.wav", "b.wav", "/home/ann/c d.mp4",
    ]  # fmt: skip
    assert read("paths", "") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("~nobody_of_this_name/x", "home folder of an unknown user.*./~nobody_of_this_name/x"),
        ("$HOME/x", "begins with a variable.*Write ~"),
        ("${DATA}/x", "begins with a variable"),
    ],
)
def test_path_that_no_shell_has_read_is_refused(read, text, message):
    for kind in ("path", "paths"):
        with pytest.raises(flags.IllegalFlagValueError, match=message):
            read(kind, text)


@pytest.mark.parametrize(
    "text", ['"my shards"', "'1'", '"a', "\u201ca\u201d", "\u2018a\u2019", "`a`"]
)
@pytest.mark.parametrize("kind", ["path", "paths", "string", "list", "integer", "enum"])
def test_quotes_are_refused_with_the_reason(read, kind, text):
    with pytest.raises(flags.IllegalFlagValueError, match=r"begins with a quote.*flag file"):
        read(kind, text)


def test_what_is_said_may_begin_with_a_quote(read):
    assert read("text", '"Go," she said') == '"Go," she said'


def test_value_with_a_quote_in_it_stays(read):
    assert read("string", 'Ann\'s "set"') == 'Ann\'s "set"'
    assert read("path", "~/Ann's") == "/home/ann/Ann's"


def test_defaults_and_help_are_those_of_the_kind():
    for kind, default in KINDS.items():
        assert flags.FLAGS[f"some_{kind}"].value == default
    assert "comma" in flags.FLAGS.get_help() and "--some_paths" in flags.FLAGS.get_help()
    with pytest.raises(flags.IllegalFlagValueError, match="should be one of"):
        flags.FLAGS["some_enum"].parse("b")


def _defined(file):
    """Yields the kind and the help of each flag that a file defines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
        if name in ("_define", "define") and len(texts) >= 2:
            yield texts[0], texts[-1]
        elif name.startswith("DEFINE_") and texts:
            yield name.removeprefix("DEFINE_"), texts[-1]


def test_flags_of_files_and_folders_are_paths():
    files = [*(ROOT / "amh_tf" / "commands").glob("*flags.py"), *(ROOT / "tools").glob("*.py")]
    seen = [each for file in [*files, *(ROOT / "export").glob("*.py")] for each in _defined(file)]
    places = ("Folder", "File ", "Where ", "Data folder", "Weights of", "Film", "Picture to")
    kinds = {kind for kind, told in seen if str(told).startswith(places)}
    assert len(seen) > 120 and kinds == {"path", "enum"}  # an enum: where utterances come from


def test_data_go_to_the_home_folder(tmp_path):
    (tmp_path / "home").mkdir()
    environment = {"HOME": str(tmp_path / "home")}
    prepare = ["-m", "amh_tf.prepare", "--source=planted", "--planted_sizes=20,10,10"]
    where = {"cwd": tmp_path, "environment": environment}
    finished = commands.run(*prepare, "--output_dir=~/shards", **where)
    assert finished.returncode == 0, finished.stderr
    home = tmp_path / "home" / "shards"
    assert (home / "dataset.json").is_file() and "~" not in finished.stdout
    assert f"--data_dir={home}" in finished.stdout.replace("\n", "")
    (tmp_path / "my.flags").write_text('--output_dir="my shards"\n')
    assert_refused(commands.run(*prepare, "--flagfile=my.flags", **where), "begins with a quote")
    (tmp_path / "home" / "its.flags").write_text("--data_dir=~/shards\n")
    finished = commands.run("-m", "amh_tf.verify", "--flagfile=~/its.flags", **where)
    assert finished.returncode == 0, finished.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "my.flags"]
