"""The commands, each in a process of its own."""

import json
import shlex
import subprocess
import sys

import pytest

from amh_tf.corpora import planted
from tests import commands, conftest
from tests.commands import ROOT, assert_refused

SMALL = ["--audio_units=6", "--text_units=5", "--video_units=4", "--batch_size=8"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    source = planted.read(seed=5, sizes={"train": 24, "dev": 8, "test": 8})
    conftest.write_fold(folder / "fold01", source)
    finished = commands.run(
        "-m", "amh_tf.prepare", "--source=folds", f"--source_dir={folder / 'fold01'}",
        f"--output_dir={folder / 'data'}", "--name=tiny fold (synthetic)",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "24 train, 8 dev, 8 test" in finished.stdout
    assert "amh_tf.train --hops=7" in finished.stdout
    return folder


def test_fold_goes_from_arrays_to_scores(prepared):
    run_dir = prepared / "run"
    train = ["-m", "amh_tf.train", "--flagfile=flags/amh_3.flags", *SMALL]
    train += [f"--data_dir={prepared / 'data'}", f"--run_dir={run_dir}", "--max_steps=4"]
    finished = commands.run(*train)
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    for text in ("tiny fold (synthetic)", "AMH-3 (A+T+V)", "WA (WAR", "Next:"):
        assert text in finished.stdout
    assert json.loads((run_dir / "config.json").read_text())["model"]["num_hops"] == 3
    trained = json.loads((run_dir / "metrics.json").read_text())
    assert set(trained) == {"dev", "test"}

    finished = commands.run("-m", "amh_tf.evaluate", f"--run_dir={run_dir}")
    assert finished.returncode == 0, finished.stderr
    assert "UA (UAR, macro recall)" in finished.stdout
    assert json.loads((run_dir / "metrics.json").read_text()) == trained

    assert_refused(commands.run(*train, "--seed=5"), "seed was 1, now 5", "--run_dir")
    finished = commands.run(*train, "--seed=5", "--v=1")
    assert finished.returncode == 1 and "Traceback" in finished.stderr
    assert "This is a fault" not in finished.stderr


@pytest.mark.slow
def test_bare_command_makes_its_own_data(tmp_path):
    sizes = "from amh_tf.corpora import planted; planted.SIZES = dict(train=24, dev=8, test=8); "
    start = "import runpy, sys; runpy.run_module('amh_tf.train', run_name='__main__')"
    flags = ["--hops=7", "--max_steps=2", *SMALL, f"--cache_dir={tmp_path / 'cache'}"]
    finished = commands.run("-c", sizes + start, *flags, cwd=tmp_path, afresh=True)
    assert finished.returncode == 0, finished.stderr
    assert "planted-cue set (synthetic, seed 1)" in finished.stdout
    (folder,) = (tmp_path / "cache").iterdir()
    assert (folder / "dataset.json").exists()
    (run,) = (tmp_path / "runs" / folder.name).iterdir()
    assert run.name == "amh_7-atv-fold_0-seed_1" and (run / "model.keras").exists()


def test_planted_set_is_prepared(tmp_path):
    prepare = ["-m", "amh_tf.prepare", "--source=planted", f"--output_dir={tmp_path / 'set'}"]
    finished = commands.run(*prepare, "--planted_sizes=5,2,2")
    assert finished.returncode == 0, finished.stderr
    assert "synthetic" in finished.stdout
    assert_refused(
        commands.run(*prepare, "--planted_sizes=6,2,2"),
        "already holds another data set",
        "Choose another",
    )


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["-m", "amh_tf.train", "--hops=0"], ["`num_hops`", "num_hops=0", "--hops"]),
        (["-m", "amh_tf.train", "--hops=many"], ["--hops=many"]),
        (["-m", "amh_tf.train", "--data_dir=nowhere"], ["dataset.json", "--data_dir"]),
        (["-m", "amh_tf.train", "--data_dir="], ["`data_dir` is empty", "--data_dir"]),
        (["-m", "amh_tf.train", "--seeds=1,x"], ["`seeds`", "seeds='1,x'", "--seeds"]),
        (["-m", "amh_tf.train", "--seeds=1,1"], ["`seeds`", "different", "--seeds"]),
        (["-m", "amh_tf.train", "hops=7"], ["unexpected arguments", "hops=7"]),
        (["-m", "amh_tf.evaluate", "--run_dir=nowhere"], ["config.json", "amh_tf.train"]),
        (["-m", "amh_tf.evaluate"], ["--run_dir"]),
        (["-m", "amh_tf.predict", "--run_dir=export/models/ravdess"], ["no clip", "--video"]),
        (
            ["-m", "amh_tf.prepare", "--source=iemocap", "--source_dir=tests/demo_corpus"]
            + ["--output_dir=never"],
            ["`resnet_weights` is missing", "--modalities=at", "resnet101_weights"],
        ),
        (["-m", "amh_tf.evaluate", "--run_dir=x", "--hops=3"], ["hops"]),
    ],
)
def test_bad_command_is_refused(arguments, texts, tmp_path):
    before = sorted(ROOT.iterdir())
    if "amh_tf.train" in arguments:
        arguments = [*arguments, f"--cache_dir={tmp_path}", f"--run_dir={tmp_path / 'run'}"]
    # One as a user starts it: nothing that TensorFlow's start writes comes before the message.
    afresh = "--data_dir=nowhere" in arguments
    assert_refused(commands.run(*arguments, afresh=afresh), *texts)
    assert sorted(ROOT.iterdir()) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "texts"),
    [
        (lambda fold: (fold / "test_video.npy").unlink(), ["test_video.npy", "--source_dir"]),
        (
            lambda fold: (fold / "dic.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR."),
            ["os.system", "dic.pkl"],
        ),
    ],
)
def test_bad_fold_is_refused_and_nothing_written(fold, tmp_path, damage, texts):
    damage(fold)
    output_dir = tmp_path / "data"
    prepare = ["-m", "amh_tf.prepare", "--source=folds", f"--source_dir={fold}"]
    assert_refused(commands.run(*prepare, f"--output_dir={output_dir}"), *texts)
    assert [path.name for path in tmp_path.iterdir()] == ["fold01"]
    assert not (ROOT / "owned").exists()


def test_reference_checkpoint_is_converted(tmp_path):
    prefix = conftest.REFERENCE / "checkpoint" / "amh_7.ckpt"
    convert = ["-m", "tools.import_reference", f"--output={tmp_path / 'amh_7.keras'}"]
    finished = commands.run(*convert, f"--checkpoint={prefix}")
    assert finished.returncode == 0, finished.stderr
    assert "AMH-7" in finished.stdout and (tmp_path / "amh_7.keras").exists()
    assert_refused(commands.run(*convert, "--checkpoint=nothing"), "not a checkpoint")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("bug", "TypeError: a bug"),
        # Of a library, not of the package; and of a graph.
        pytest.param("value", "ValueError: invalid literal for int()", marks=pytest.mark.slow),
        pytest.param("graph", "InvalidArgumentError: ", marks=pytest.mark.slow),
    ],
)
def test_fault_of_the_program_asks_for_a_report(prepared, tmp_path, fault, text):
    train = ["-m", "tests.faulty", fault, "amh_tf.train", f"--data_dir={prepared / 'data'}", *SMALL]
    finished = commands.run(*train, f"--run_dir={tmp_path / 'run'}")
    assert finished.returncode == 1
    assert text in finished.stderr and "Traceback" in finished.stderr
    assert "This is a fault of amh_tf, not of your input. Please report it" in finished.stderr


def test_fault_of_the_machine_is_told_in_a_line(prepared, tmp_path):
    train = [
        "-m",
        "tests.faulty",
        "disk",
        "amh_tf.train",
        f"--data_dir={prepared / 'data'}",
        *SMALL,
    ]
    finished = commands.run(*train, f"--run_dir={tmp_path / 'run'}")
    assert_refused(finished, "No space left on device")


@pytest.mark.slow
@pytest.mark.parametrize("output", ["full", "closed", "unread"])
def test_training_ends_well_without_standard_output(prepared, tmp_path, output):
    """As on a full disk, without a terminal, or behind `| head`."""
    run_dir = tmp_path / "run"
    redirected = {"full": ">/dev/full", "closed": ">&-", "unread": "| true"}[output]
    command = [sys.executable, "-m", "amh_tf.train", "--hops=1", "--max_steps=2", *SMALL]
    command += [f"--data_dir={prepared / 'data'}", f"--run_dir={run_dir}"]
    finished = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shlex.join(command)} {redirected}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stderr.count("Standard output is lost") == (output != "closed")
    assert json.loads((run_dir / "metrics.json").read_text())["test"]
