"""The script of a device: its features are the package's, without the package."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from amh_tf.features import audio
from export import litert
from tests.deploy import conftest

pytest.importorskip("ai_edge_litert", reason="extra edge")


def script(*command):
    settings = {"capture_output": True, "text": True, "check": False, "cwd": conftest.ROOT}
    environment = {**conftest.clean_environment(), "PYTHONPATH": ""}
    finished = subprocess.run([sys.executable, *map(str, command)], env=environment, **settings)
    return finished.returncode, finished.stdout + finished.stderr


def test_device_example_needs_litert_and_numpy_alone(exported, edge_file, tmp_path):
    """Its features are those of the package, in a process that can import no TensorFlow."""
    rng = np.random.default_rng(3)
    samples = np.cumsum(rng.integers(-300, 301, 9000)).clip(-32768, 32767)
    wav = conftest.write_wav(tmp_path / "clip.wav", samples)
    run = "import runpy, sys; sys.modules['tensorflow'] = None; runpy.run_path(sys.argv[0], "
    run = f"import sys; sys.argv = sys.argv[1:]; {run} run_name='__main__')"
    arguments = [f"--model={edge_file}", f"--tables={exported.edge / 'assets.extra'}"]
    arguments += [f"--audio={wav}", "--text=Key1 filler3, tag2class4!"]
    status, output = script("-c", run, "export/edge/emotion.py", *arguments)
    assert status == 0, output
    words = exported.trained.inputs.vocabulary_path.read_text().split("\n")
    ids = [words.index("key1"), words.index("filler3"), 1, words.index("tag2class4"), 1]
    features = audio.mfcc_with_deltas(samples.astype(np.float32) / 32768).numpy()
    expected = litert.Runner(edge_file)(
        {
            "audio": features[None], "audio_length": np.array([len(features)], np.int32),
            "text": np.array([ids], np.int32), "text_length": np.array([5], np.int32),
            "video": np.zeros((1, 1, 2048), np.float32), "video_length": np.array([0], np.int32),
        }
    )  # fmt: skip
    shown = dict(reversed(line.split()) for line in output.splitlines() if line[:2] == "0.")
    for name, probability in zip(exported.trained.inputs.classes, expected):
        assert float(shown[name]) == pytest.approx(probability, abs=2e-3)


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        (lambda told: told["audio"].update(kind="other", refusal="Why not."), "audio", "Why not."),
        (lambda told: told["audio"].update(kind="wav2vec2"), "audio", "wav2vec2"),
        (lambda told: told["text"].update(kind="unknown", refusal="Who?"), "text", "Who?"),
        (lambda told: told.pop("audio"), "audio", "reads no audio. Leave --audio out"),
        (None, "audio", "edge.json does not say how features are made"),
    ],
)
def test_device_example_refuses_what_it_cannot_make(exported, tmp_path, change, given, message):
    tables = shutil.copytree(exported.edge / "assets.extra", tmp_path / "tables")
    described = json.loads((tables / "edge.json").read_text())
    change(described["features"]) if change else described.pop("features")
    (tables / "edge.json").write_text(json.dumps(described))
    wav = conftest.write_wav(tmp_path / "clip.wav", np.zeros(9000))
    arguments = ["--model=none.tflite", f"--tables={tables}"]
    arguments += [f"--audio={wav}" if given == "audio" else "--text=hello"]
    status, output = script("export/edge/emotion.py", *arguments)
    assert status == 1 and output == f"error: {output[7:]}" and message in output, output
