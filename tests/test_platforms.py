"""Which Pythons and TensorFlows are taken, how others are refused, and a quiet start."""

import ast
import configparser
import os
import re
import subprocess
import sys

import pytest

from amh_tf import platforms
from tests.commands import ROOT

INFORMATION = "I0000 00:00:1795993853.392750   31602 port.cc:153] oneDNN operations are on."
WARNING = "W0000 00:00:1795993853.392750   31602 some.cc:1] A warning."
ERROR = "E0000 00:00:1795993853.392750   31602 cuda_dnn.cc:1] An error."
FATAL = "F0000 00:00:1795993853.392750   31602 cpu_feature_guard.cc:1] No AVX."
BEFORE = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"
PLAIN = "ImportError: numpy"
LINES = [BEFORE, INFORMATION, WARNING, ERROR, FATAL, PLAIN]


def start(code, environment=None, cwd=ROOT):
    """Runs code in an interpreter that knows `platforms`, and not the package."""
    code = f"import sys; sys.path[:0] = [{str(ROOT / 'amh_tf')!r}]; import platforms\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
    )


def with_tensorflow(folder, content):
    """Writes a package that passes for TensorFlow, and returns the environment to find it in."""
    (folder / "tensorflow").mkdir()
    (folder / "tensorflow" / "__init__.py").write_text(content)
    return {"PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}


def settings():
    parsed = configparser.ConfigParser()
    parsed.read(ROOT / "setup.cfg")
    return parsed


@pytest.mark.parametrize("version", [(3, 6), (3, 10, 13), (3, 14, 0), (4, 0)])
def test_other_pythons_are_refused(version):
    received = f"Received: Python {version[0]}.{version[1]}"
    with pytest.raises(ImportError, match=f"Expected Python 3.11.*{received}.*constraints.txt"):
        platforms.check_python(version)


def test_pip_and_import_take_the_same_pythons():
    wanted = settings()
    low, high = (".".join(map(str, version)) for version in platforms.PYTHONS)
    assert wanted["options"]["python_requires"] == f">={low},<{high}"
    minors = re.findall(r"Python :: 3\.(\d+)", wanted["metadata"]["classifiers"])
    assert [(3, int(minor)) for minor in minors] == [(3, 11), (3, 12), (3, 13)]
    for minor in minors:
        platforms.check_python((3, int(minor)))


@pytest.mark.parametrize("name", ["__init__.py", "platforms.py"])
def test_other_pythons_can_read_what_refuses_them(name):
    ast.parse((ROOT / "amh_tf" / name).read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("version", ["2.16.2", "2.17.0", "2.22.0-rc1", "2.22.0", "3.0.0"])
def test_other_tensorflows_are_refused(version):
    with pytest.raises(ImportError, match=rf"Received: TensorFlow {version} in .*constraints.txt"):
        platforms.check_tensorflow(version)


@pytest.mark.parametrize("version", ["2.17.1", "2.21.0", "2.21.0-rc1"])
def test_known_tensorflows_are_taken(version):
    platforms.check_tensorflow(version)


def test_pip_and_import_take_the_same_tensorflows():
    low, high = (".".join(map(str, version)) for version in platforms.TENSORFLOWS)
    required = settings()["options"]["install_requires"].split("\n")
    assert f"tensorflow>={low},<{high}" in required
    assert f"tensorflow-serving-api>={low},<{high}" in required


def test_constraints_keep_tensorflow_io_to_the_one_python_where_it_loads():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    constrained = [line for line in lines if line.startswith("tensorflow-io")]
    assert len(constrained) == 2
    required = settings()["options"]["install_requires"].split("\n")
    required = [line for line in required if line.startswith("tensorflow-io")]
    for line in constrained + required:
        assert line.endswith('; python_version < "3.12"')


def test_import_refuses_another_tensorflow(tmp_path):
    environment = with_tensorflow(tmp_path, "__version__ = '2.22.0'")
    done = start("platforms.prepare()\nimport tensorflow", environment)
    assert done.returncode == 1 and "Received: TensorFlow 2.22.0 in " in done.stderr


def test_import_refuses_what_is_left_of_a_tensorflow(tmp_path):
    (tmp_path / "tensorflow" / "python").mkdir(parents=True)
    code = "sys.meta_path[:] = [f for f in sys.meta_path if 'ditable' not in repr(f)]\n"
    code += f"sys.path[:] = [{str(tmp_path)!r}, *(p for p in sys.path if 'site-packages' not in p)]"
    done = start(f"{code}\nplatforms.prepare()\nimport tensorflow")
    assert done.returncode == 1 and "Received: TensorFlow of no version in " in done.stderr


def test_loaded_tensorflow_is_refused_as_well(tmp_path):
    environment = with_tensorflow(tmp_path, "__version__ = '2.16.2'")
    done = start("import tensorflow\nplatforms.prepare()", environment)
    assert done.returncode == 1 and "Received: TensorFlow 2.16.2 in " in done.stderr


def test_known_tensorflow_is_loaded_quietly_and_once(tmp_path):
    writing = f"import os\nos.write(2, b'{INFORMATION}\\n')\n__version__ = '2.21.0'"
    environment = with_tensorflow(tmp_path, writing)
    code = (
        "platforms.prepare(); platforms.prepare()\nimport tensorflow\n"
        "print(len([f for f in sys.meta_path if 'TensorFlow' in repr(f)]), tensorflow.__version__)"
    )
    done = start(code, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 2.21.0\n", "")


@pytest.mark.parametrize(
    "level, shown",
    [
        ("0", LINES),
        ("none", LINES),
        ("1", [WARNING, ERROR, FATAL, PLAIN]),
        ("2", [ERROR, FATAL, PLAIN]),
        ("3", [FATAL, PLAIN]),
    ],
)
@pytest.mark.parametrize("end", ["", "raise OSError", "os.abort()"])
def test_level_decides_what_is_shown_while_tensorflow_loads(level, shown, end):
    text = "".join(f"{line}\n" for line in LINES)
    code = (
        f"import os\nwith platforms.without_notes({level!r}):\n"
        f"    os.write(2, {text.encode()!r})\n    {end}\nos.write(2, b'I0000 later')"
    )
    done = start(code)
    lines = [line for line in done.stderr.splitlines() if "0000" in line or line in LINES]
    assert lines == (shown if end else [*shown, "I0000 later"])
    assert (done.returncode == 0) == (not end)


@pytest.mark.parametrize("broken", ["os.environ['PATH'] = ''", "os.close(2)"])
def test_start_goes_on_without_grep_or_standard_error(broken):
    code = f"import os\n{broken}\nwith platforms.without_notes('3'):\n    print('here')"
    done = start(code)
    assert (done.returncode, done.stdout) == (0, "here\n")


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "no tensorflow-io"),
        ("import warnings; warnings.warn('not loaded')", "it does not load"),
        ("raise NotImplementedError('undefined symbol')", "it does not load"),
    ],
)
def test_message_says_where_tensorflow_io_loads(content, reason, tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.io.gfile, "get_registered_schemes", lambda: ["file", "ram"])
    if content is None:
        monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    else:
        monkeypatch.delitem(sys.modules, "tensorflow_io", raising=False)
        (tmp_path / "tensorflow_io.py").write_text(content)
        monkeypatch.syspath_prepend(tmp_path)
    expected = rf"hdfs://name/set.*TensorFlow {tf.__version__} on Python 3.*{reason}.*Python 3.11"
    with pytest.raises(ImportError, match=expected):
        platforms.load_tensorflow_io("hdfs://name/set")
    sys.modules.pop("tensorflow_io", None)


@pytest.mark.slow
def test_commands_start_without_what_keras_alone_would_import():
    code = """
import sys
from amh_tf import platforms
platforms.start_lean()
import tensorflow, keras
assert not {"sklearn", "matplotlib"} & {*sys.modules}, "imported, or left hidden"
import sklearn, matplotlib  # as reports do later
print(keras.layers.Dense(1, name="works").name)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout.strip() == "works", printed.stderr
