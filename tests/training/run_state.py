"""All that must be the same in two runs that are to be the same."""

import keras
import numpy as np
import tensorflow as tf

FILES = ("config.json", "metrics.json", "predictions.csv", "predictions_dev.csv")


def _checkpoint(run_dir):
    """Reads weights, dropout seeds, optimizer, best weights and counters."""
    (index,) = (run_dir / "checkpoints").glob("*.index")
    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    names = reader.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    return {name: reader.get_tensor(name) for name in names}  # not what Keras counts up in names


def assert_same(run_dir, other):
    """Compares two runs' files bit by bit, but for logs, pictures and times."""
    for name in FILES:
        assert (run_dir / name).read_bytes() == (other / name).read_bytes(), name
    tensors, others = _checkpoint(run_dir), _checkpoint(other)
    assert tensors.keys() == others.keys() and len(tensors) > 20
    for name, tensor in tensors.items():
        same = np.asarray(tensor).tobytes() == np.asarray(others[name]).tobytes()
        assert same or (tensor == others[name] and isinstance(tensor, bytes)), name
    weights, other_weights = (
        keras.saving.load_model(folder / "model.keras").get_weights() for folder in (run_dir, other)
    )
    assert len(weights) == len(other_weights)
    for weight, other_weight in zip(weights, other_weights):
        assert weight.tobytes() == other_weight.tobytes()
    assert not [path for path in run_dir.rglob("*") if "partial" in path.name]
