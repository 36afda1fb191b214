"""Runs and the kernel that they are computed with."""

import json
import shutil

import pytest

from amh_tf.layers.kernels import choice, compiled
from amh_tf.models import registry
from amh_tf.runs import run_folder
from amh_tf.training import trainer
from tests.layers.kernels.test_kernels import load_compiled
from tests.training.tiny_runs import Killed, configure, kill, train, watch_steps

pytestmark = pytest.mark.slow


def begin(data, run_dir):
    """Trains two steps, is killed, and leaves a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "SECONDS_BETWEEN_CHECKPOINTS", -1)
        watch_steps(patch, lambda number: kill() if number > 2 else None)
        with pytest.raises(Killed):
            train(data, run_dir)


@pytest.fixture(scope="module")
def begun(tiny_data, tmp_path_factory):
    """A run with the compiled kernel. Tests must not change it."""
    load_compiled()
    run_dir = tmp_path_factory.mktemp("begun") / "run"
    begin(tiny_data, run_dir)
    return run_dir


def test_run_that_goes_on_with_another_kernel_says_so(
    begun, tiny_data, tmp_path, monkeypatch, capsys
):
    run_dir = shutil.copytree(begun, tmp_path / "run")
    monkeypatch.setattr(compiled, "is_loaded", lambda: False)
    train(tiny_data, run_dir)
    said = capsys.readouterr().out
    assert "continues in another environment: kernel was compiled, now packed." in said


def test_run_that_goes_on_with_its_kernel_says_nothing(begun, tiny_data, tmp_path, capsys):
    train(tiny_data, shutil.copytree(begun, tmp_path / "run"))
    said = capsys.readouterr().out
    assert "Continuing at step 2" in said
    assert "another environment" not in said


def test_folder_says_what_its_run_was_begun_with(begun, tiny_data, tmp_path, monkeypatch):
    """A compiler that appears while the run is stopped changes nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "is_loaded", lambda: False)
        begin(tiny_data, tmp_path / "without")
    without, with_compiler = map(run_folder.RunFolder, (tmp_path / "without", begun))
    assert (without.begun_kernel(), with_compiler.begun_kernel()) == ("packed", "compiled")
    train(tiny_data, tmp_path / "without")
    assert without.begun_kernel() == "packed"
    assert run_folder.RunFolder(tmp_path / "new").begun_kernel() is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "compiled"),
        ({"kernel": "compiled"}, "compiled"),
        ({"kernel": "packed"}, "packed"),
        ({"kernel": "keras"}, "keras"),
        ({"cell": "lstm"}, "compiled"),
    ],
)
def test_kernel_of_a_model_is_told(tiny_data, settings, expected):
    load_compiled()
    run_config, _ = configure(tiny_data, model=settings)
    with choice.preferred():
        encoder = registry.build(run_config.model).get_layer("audio_encoder")
        assert encoder.chosen_kernel() == expected
    model = run_config.model
    assert choice.of_process(model.kernel, model.dtype) == expected


def test_scores_hardly_depend_on_the_kernel(tiny_data, tmp_path):
    """Without dropout, training with each gives the same probabilities but for rounding."""
    load_compiled()
    still = {f"{modality}_dropout": 0.0 for modality in ("audio", "text", "video")}
    found = {}
    for kernel in ("compiled", "packed", "keras"):
        run_dir = tmp_path / kernel
        train(tiny_data, run_dir, max_steps=3, model={**still, "kernel": kernel})
        rows = (run_dir / "predictions.csv").read_text().splitlines()[1:]
        found[kernel] = [[float(value) for value in row.split(",")[3:]] for row in rows]
        assert json.loads((run_dir / "metrics.json").read_text())
    for kernel in ("packed", "keras"):
        assert found[kernel] == [pytest.approx(row, abs=1e-4) for row in found["compiled"]]
