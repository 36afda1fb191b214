"""The commands, each in a process of its own, as users start them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amh_tf.corpora import planted
from tests import conftest

SMALL = ["--audio_units=6", "--text_units=5", "--video_units=4", "--batch_size=8"]
ROOT = Path(__file__).parent.parent


def command(*arguments, cwd=None):
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout, finished.stderr


def assert_refused(result, *texts):
    status, output, errors = result
    assert status == 1, output + errors
    assert "Traceback" not in output + errors
    assert errors.startswith("error: ") or "FATAL Flags parsing error" in errors
    for text in texts:
        assert text in errors


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    source = planted.read(seed=5, sizes={"train": 24, "dev": 8, "test": 8})
    conftest.write_fold(folder / "fold01", source)
    status, output, errors = command(
        "-m", "amh_tf.prepare", "--source=folds", f"--source_dir={folder / 'fold01'}",
        f"--output_dir={folder / 'data'}", "--name=tiny fold (synthetic)",
    )  # fmt: skip
    assert status == 0, errors
    assert "24 train, 8 dev, 8 test" in output and "amh_tf.train --hops=7" in output
    return folder


def test_fold_goes_from_arrays_to_scores(prepared):
    run_dir = prepared / "run"
    train = ["-m", "amh_tf.train", "--flagfile=flags/amh_3.flags", *SMALL]
    train += [f"--data_dir={prepared / 'data'}", f"--run_dir={run_dir}", "--max_steps=4"]
    status, output, errors = command(*train)
    assert status == 0, errors
    assert "Traceback" not in errors
    for text in ("tiny fold (synthetic)", "AMH-3 (A+T+V)", "weighted accuracy (WA)", "Next:"):
        assert text in output
    assert json.loads((run_dir / "config.json").read_text())["model"]["num_hops"] == 3
    trained = json.loads((run_dir / "metrics.json").read_text())
    assert set(trained) == {"dev", "test"}

    status, output, errors = command("-m", "amh_tf.evaluate", f"--run_dir={run_dir}")
    assert status == 0, errors
    assert "unweighted accuracy (UA)" in output
    assert json.loads((run_dir / "metrics.json").read_text()) == trained

    assert_refused(command(*train, "--seed=5"), "seed was 1, now 5", "--run_dir")
    status, output, errors = command(*train, "--seed=5", "--v=1")
    assert status == 1 and "Traceback" in errors


def test_bare_command_makes_its_own_data(tmp_path):
    sizes = "from amh_tf.corpora import planted; planted.SIZES = dict(train=24, dev=8, test=8); "
    start = "import runpy, sys; runpy.run_module('amh_tf.train', run_name='__main__')"
    flags = ["--hops=7", "--max_steps=2", *SMALL, f"--cache_dir={tmp_path / 'cache'}"]
    status, output, errors = command("-c", sizes + start, *flags, cwd=tmp_path)
    assert status == 0, errors
    assert "planted-cue set (synthetic, seed 1)" in output
    (folder,) = (tmp_path / "cache").iterdir()
    assert (folder / "dataset.json").exists()
    (run,) = (tmp_path / "runs" / folder.name).iterdir()
    assert run.name == "amh_7-atv-fold_0-seed_1" and (run / "model.keras").exists()


def test_planted_set_is_prepared(tmp_path):
    prepare = ["-m", "amh_tf.prepare", "--source=planted", f"--output_dir={tmp_path / 'set'}"]
    status, output, errors = command(*prepare, "--planted_sizes=5,2,2")
    assert status == 0, errors
    assert "synthetic" in output
    assert_refused(
        command(*prepare, "--planted_sizes=6,2,2"),
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
        (["-m", "amh_tf.train", "hops=7"], ["left over", "hops=7"]),
        (["-m", "amh_tf.evaluate", "--run_dir=nowhere"], ["config.json", "amh_tf.train"]),
        (["-m", "amh_tf.evaluate"], ["--run_dir"]),
        (["-m", "amh_tf.predict", "--run_dir=nowhere"], ["There is no clip", "--video"]),
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
    assert_refused(command(*arguments), *texts)
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
    assert_refused(command(*prepare, f"--output_dir={output_dir}"), *texts)
    assert [path.name for path in tmp_path.iterdir()] == ["fold01"]
    assert not (ROOT / "owned").exists()


def test_reference_checkpoint_is_converted(tmp_path):
    prefix = conftest.REFERENCE / "checkpoint" / "amh_7.ckpt"
    convert = ["tools/import_reference.py", f"--output={tmp_path / 'amh_7.keras'}"]
    status, output, errors = command(*convert, f"--checkpoint={prefix}")
    assert status == 0, errors
    assert "AMH-7" in output and (tmp_path / "amh_7.keras").exists()
    assert_refused(command(*convert, "--checkpoint=nothing"), "not a checkpoint")
