"""The ONNX file against Keras' own layers; skipped where the extra is not installed."""

import numpy as np
import pytest

pytest.importorskip("tf2onnx", reason="extra onnx")
pytest.importorskip("onnxruntime", reason="extra onnx")
from amh_tf import config, models
from amh_tf.deploy import edge
from export import onnx_model
from tests.deploy import test_edge


@pytest.mark.parametrize(
    "name",
    [
        "amh by two layers of two-way LSTM",
        "amh trained in bfloat16",
        "amh on averaged sound, standardized by the training part",
    ],
)
def test_onnx_runtime_gives_keras_answers(name, tmp_path):
    settings = config.ModelConfig(**{**test_edge.SMALL, **test_edge.MODELS[name]})
    model = models.build(settings)
    test_edge.large_weights(model)
    edge.save(model, settings, tmp_path / "edge")
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_model.convert(tmp_path / "edge"))
    run = onnx_model.Runner(path)
    twin = models.build(test_edge.dataclasses.replace(settings, dtype="float32"))
    twin.set_weights(model.get_weights())
    for pad in (0, 13):
        for inputs in test_edge.utterances(settings, pad=pad):
            # tf2onnx turns choices into products: NaN in the padding would give NaN.
            inputs = {name: np.nan_to_num(value, nan=77) for name, value in inputs.items()}
            expected = test_edge.keras_answer(twin, inputs)
            np.testing.assert_allclose(run(inputs), expected, atol=5e-6)
    inputs["video_length"][:] = 99
    assert np.isnan(run(inputs)).all()
