"""The front door, `amh`, and what all commands answer before TensorFlow is imported."""

import configparser
import importlib
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from matplotlib import backend_bases

import amh_tf
from amh_tf import checking
from amh_tf.commands import front_door
from tests import commands
from tests.commands import ROOT, assert_refused
from tests.features import media_files

SOURCES = ("folds", "iemocap", "ravdess", "meld", "cremad", "emodb", "savee", "tess", "urdu")
SOURCES += ("emobox", "table")
NOWHERE = {
    "train": ["--data_dir=nowhere"],
    "crossval": ["--data_dir=nowhere", "--output_dir=never"],
    "evaluate": ["--run_dir=nowhere"],
    "export": ["--run_dir=nowhere", "--output_dir=never"],
    "predict": ["nowhere.wav", "--run_dir=nowhere"],
    "timeline": ["nowhere.wav", "--run_dir=nowhere", "--output=never.html"],
    "report": ["--runs=nowhere", "--output_dir=never"],
    "verify": ["--data_dir=nowhere"],
    "audit": ["--data_dir=nowhere"],
    "prepare": ["--source=meld", "--source_dir=nowhere", "--output_dir=never"],
}
MODEL = "export/models/ravdess"
TABLE = ["--source=table", "--source_dir=tests/reference/lines.csv", "--output_dir=never"]
MORE = [
    (["train", "--hops=0"], "`num_hops`"),
    (["train", "--hops=many"], "--hops=many"),
    (["train", "--recipe=cooking"], "recipe"),
    (["train", "--distribution=mirrored", "--data_dir=nowhere"], "nowhere"),
    (["train", "--distribution=multi_worker"], "`TF_CONFIG` does not name the workers"),
    (["train", "hops=7"], "unexpected arguments"),
    (["audit", "--splits=nowhere.csv"], "nowhere.csv"),
    (["verify", "--source=ravdess", "--source_dir=nowhere"], "nowhere"),
    (["predict", "--text=hello", "--run_dir=nowhere"], "'nowhere' is neither a run nor an export"),
    (["predict", "--video=nowhere.mp4", f"--run_dir={MODEL}"], "'nowhere.mp4' is missing"),
    (["predict", "a.wav", "b.wav", f"--run_dir={MODEL}"], "more than one clip"),
    (["predict", "a.wav", "--audio=b.wav", f"--run_dir={MODEL}"], "a.wav --audio=b.wav"),
    (["predict", f"--run_dir={MODEL}"], "There is no clip"),
    (["predict", "--text=a", "--attention=a.cfg", f"--run_dir={MODEL}"], "name of a picture"),
    (
        ["predict", "setup.cfg", f"--run_dir={MODEL}"],
        "'setup.cfg' is of a format that is not read here",
    ),
    (["evaluate", f"--run_dir={MODEL}", "--data_dir=nowhere"], "nowhere"),
    (["predict", "--text=a", "--text_features=nowhere", f"--run_dir={MODEL}"], "name an encoder"),
    (["prepare", *TABLE, "--text_layer=9"], "`text_layer` is not used without an encoder"),
    (["prepare", *TABLE, "--audio_layer=x"], "`audio_layer` does not name a layer"),
    (["prepare", *TABLE, "--text_features=nowhere"], "`text_features` does not name an encoder"),
    (["prepare", *TABLE, "--text_features=a", "--glove=b"], "`glove` is not used by an encoder"),
    (["prepare", "--source=planted", "--output_dir=a", "--text_features=a"], "by this source"),
    *(
        (["prepare", f"--source={source}", "--source_dir=nowhere", "--output_dir=never"], "nowhere")
        for source in SOURCES
    ),
]
CASES = [
    *(([name, "--help"], "") for name in front_door.NAMES),
    *(([name, *rest, "--hopz=1"], "hopz") for name, rest in NOWHERE.items()),
    *(([name, *rest], "nowhere") for name, rest in NOWHERE.items()),
    *MORE,
]
# Runs each in a process forked from one that has imported what is light, and tells what is not.
FORKING = """
import json, os, sys, tempfile
from amh_tf import checking
from amh_tf.commands import front_door, preparation_flags, training_flags
def run(case):
    with tempfile.TemporaryFile() as file:
        process = os.fork()
        if not process:
            os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
            sys.argv = ["amh", *case]
            try:
                front_door.main()
            except SystemExit as ended:
                print(ended.code)
            heavy = ["tensorflow", "keras", "matplotlib", "sklearn", "scipy", "h5py", "jinja2"]
            heavy += ["torch", "transformers", "tokenizers", "onnxruntime"]
            print(json.dumps([name for name in heavy if name in sys.modules]))
            sys.stdout.flush(), sys.stderr.flush(), os._exit(0)
        os.waitpid(process, 0)
        file.seek(0)
        return file.read().decode()
print(json.dumps([run(case) for case in json.loads(sys.argv[1])]))
"""


def amh(*arguments, **settings):
    """Runs the front door as its script does."""
    start = "from amh_tf.commands import front_door; front_door.main()"
    return commands.run("-c", start, *arguments, **settings)


def test_nothing_heavy_is_imported_for_a_refusal_or_for_help():
    assert {case[0] for case, _ in CASES[: len(front_door.NAMES)]} == set(NOWHERE)
    finished = commands.run("-c", FORKING, json.dumps([case for case, _ in CASES]), afresh=True)
    answers = json.loads(finished.stdout)
    assert len(answers) == len(CASES)
    for (case, text), answer in zip(CASES, answers):
        *said, code, imported = answer.splitlines()
        assert imported == "[]" and code == "1", (case, answer)
        assert text in "\n".join(said) and "Traceback" not in answer, (case, answer)
        assert case[-1] == "--help" or "error: " in answer, (case, answer)


@pytest.mark.parametrize("arguments", [["--help"], ["--hopz=1"], ["--data_dir=nowhere"]])
def test_answer_takes_little_time(arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "amh_tf.train", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1
    assert usage.ru_utime + usage.ru_stime < 1.5  # 0.3 alone; TensorFlow's import takes 4


def test_every_command_is_listed():
    listed = amh()
    assert listed.returncode == 0
    assert amh("--help").stdout == listed.stdout
    programs = {
        path.stem for path in (ROOT / "amh_tf").glob("*.py") if "cli.run(" in path.read_text()
    }
    assert set(front_door.NAMES) == programs
    for group, names in front_door.COMMANDS.items():
        assert f"\n{group}:\n" in listed.stdout
        for name, purpose in names.items():
            assert re.search(rf"^  {name} +{re.escape(purpose)}$", listed.stdout, re.MULTILINE)
    assert max(map(len, listed.stdout.splitlines())) <= 80


def test_pictures_are_those_that_can_be_drawn():
    drawn = backend_bases.FigureCanvasBase.get_supported_filetypes()
    assert set(checking.PICTURES) <= set(drawn)


def test_version_is_the_packages():
    assert amh("--version").stdout == f"amh_tf {amh_tf.__version__}\n"


@pytest.mark.parametrize(
    ("word", "nearest"), [("trian", "train"), ("prdict", "predict"), ("--vresion", "--version")]
)
def test_unknown_command_names_the_nearest(word, nearest):
    finished = amh(word, "--hops=7")
    assert_refused(finished, f"Received: {word}", f"Did you mean {nearest}?")
    assert finished.stdout == ""


def test_script_of_the_wheel_is_the_front_door():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    name, place = settings["options.entry_points"]["console_scripts"].strip().split(" = ")
    module, function = place.split(":")
    assert name == "amh"
    assert getattr(importlib.import_module(module), function) is front_door.main


def test_next_command_is_the_one_that_was_used(tmp_path):
    data = f"--output_dir={tmp_path / 'data'}"
    prepare = ["prepare", "--source=planted", "--planted_sizes=5,2,2", data]
    for start, shown in (
        ([*prepare], "\n  amh train --hops=7"),
        (["-m", "amh_tf", *prepare], "\n  python -m amh_tf train --hops=7"),
        (["-m", "amh_tf.prepare", *prepare[1:]], "\n  python -m amh_tf.train --hops=7"),
    ):
        finished = (commands.run if start[0] == "-m" else amh)(*start)
        assert finished.returncode == 0, finished.stderr
        assert f"\nNext:{shown}" in finished.stdout
    assert "Train one with `amh train`" in amh("evaluate", "--run_dir=nowhere").stderr


def test_help_groups_flags_for_80_columns():
    narrow = {"environment": {"COLUMNS": "80"}}
    shown = commands.run("-m", "amh_tf.train", "--help", **narrow).stdout
    headings = re.findall(r"^(\w[^:\n]*):$", shown, re.MULTILINE)
    assert headings[:4] == ["Data", "Model", "Features, as the model takes them", "Training"]
    flags = re.findall(r"^  --(?:\[no\])?(\w+):", shown, re.MULTILINE)
    assert len(flags) == len(set(flags)) > 50
    sections = dict(zip(headings, re.split(r"^\w[^:\n]*:$", shown, flags=re.MULTILINE)[1:]))
    for heading, flag in (("Data", "fold"), ("Model", "hops"), ("Training", "learning_rate")):
        assert f"\n  --{flag}: " in sections[heading]
    assert "--batch_size: Utterances per batch, over all devices.\n    (default: '128')" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Trains a model and scores it: python -m amh_tf.train --hops=7\n" in shown

    short = commands.run("-m", "amh_tf.train", "--helpshort", **narrow).stdout
    assert sorted(re.findall(r"^  --(?:\[no\])?(\w+):", short, re.MULTILINE)) == sorted(flags)
    full = commands.run("-m", "amh_tf.train", "--helpfull", **narrow).stdout
    assert "\nabsl.flags:\n" in full and "\nData:\n" in full


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("amh tr", ["train"]),
        ("amh ", sorted(front_door.NAMES)),
        ("amh train --recipe", ["--recipe="]),
        ("amh train --recipe=", ["authors", "small_corpus"]),
        ("amh train --hops=7 --nob", ["--nobidirectional", "--nobucketing"]),
        ("amh train --data_dir=", []),
        ("amh sing --", []),
    ],
)
def test_bash_completes(line, expected, tmp_path):
    script = tmp_path / "amh"
    start = "from amh_tf.commands import front_door; front_door.main()"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{start}" "$@"\n')
    script.chmod(0o755)
    typed = f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}"
    finished = subprocess.run(
        ["bash", "-c", f'eval "$(amh --completion=bash)"; {typed}; _amh amh; '
         'printf "%s\\n" "${COMPREPLY[@]}"'],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert finished.stdout.split() == expected


LOAD = f"""
import sys
assert "amh_tf.layers" in sys.modules
model = keras.saving.load_model("{MODEL}/model.keras")
assert any(type(layer).__module__.startswith("amh_tf.layers") for layer in model.layers)
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", ["import amh_tf, keras", "import keras, amh_tf"])
def test_keras_opens_our_models_in_either_order_of_imports(first):
    finished = commands.run("-c", first + LOAD, afresh=True)
    assert finished.returncode == 0, finished.stderr


def test_tensorflow_brings_keras_and_the_layers():
    """It imports Keras in the middle of its own import, and keeps quiet of what goes wrong."""
    code = "import amh_tf, tensorflow, sys; assert 'keras' in sys.modules; import keras" + LOAD
    finished = commands.run("-c", code, afresh=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""  # its start is quiet


@pytest.mark.parametrize(("backend", "code"), [("torch", 1), ("tensorflow", 0), ("", 0)])
def test_another_backend_is_refused_at_once(backend, code):
    start = "import amh_tf, os, sys; print(os.environ['KERAS_BACKEND'], 'keras' in sys.modules)"
    environment = {"KERAS_BACKEND": backend}
    finished = commands.run("-c", start, environment=environment, afresh=True)
    assert finished.returncode == code
    if code:
        assert "Expected 'tensorflow'. Received: 'torch'" in finished.stderr
    else:
        assert finished.stdout == "tensorflow False\n"


def test_package_has_what_it_names():
    for name in amh_tf.__all__:
        assert name in dir(amh_tf) and getattr(amh_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lajers'"):
        _ = amh_tf.lajers


@pytest.mark.slow
def test_clip_needs_no_flag(tmp_path):
    sound, film = tmp_path / "clip.wav", tmp_path / "clip.mp4"
    media_files.write_sound(sound, "pcm_s16le", rate=16000)
    media_files.write_picture(film, codec="mpeg4")
    predict = [f"--run_dir={MODEL}", "--format=json"]
    named = amh("predict", *predict, f"--audio={sound}")
    assert named.returncode == 0, named.stderr
    finished = amh("predict", str(sound), *predict)
    assert (finished.returncode, finished.stdout) == (0, named.stdout)
    # The model hears alone, and this film is silent.
    assert_refused(amh("predict", *predict, str(film)), "clip.mp4' has no sound")
