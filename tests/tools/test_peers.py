"""Peers of the benchmark are the same network: as many parameters, and the same answers."""

import os
import sys

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config, errors
from amh_tf.models import registry
from tools.speed import bench as benches
from tools.speed import data, network, ours, peer, processes, stock_keras

# An environment of its own may hold PyTorch and JAX, as for --peers_python.
PYTHON = os.environ.get("AMH_PEERS_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def model():
    """AMH-7 as the benchmark has it, of a fair size of weights."""
    settings = {"vocabulary_size": network.VOCABULARY_SIZE, "reset_after": True}
    model = registry.build(config.ModelConfig(kernel="packed", **settings))
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.standard_normal(weight.shape) * (weight.shape[0] ** -0.5))
    return model


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder of a tiny set's batches, and its first batch as the model takes it."""
    folder = tmp_path_factory.mktemp("speed")
    data.write(folder / "set", 12, longest=20)
    data.write_batches(folder / "set", folder / "batches", batch_size=4)
    with np.load(folder / "batches" / "in_order" / "0000.npz") as arrays:
        inputs = {name: tf.constant(arrays[name]) for name in arrays if name != "labels"}
    return folder, inputs


def _values(model):
    return [weight.numpy() for weight in model.trainable_variables]


def test_parameters_are_those_of_the_package(model):
    assert [w.shape for w in _values(model)] == list(network.parameters().values())


PEERS = [name for name, (kind, _) in benches.ENGINES.items() if kind in benches.PEERS]


@pytest.mark.slow  # each imports a library, and some compile
@pytest.mark.parametrize("engine", PEERS)
def test_peer_answers_as_the_package_does(engine, model, written):
    kind, options = benches.ENGINES[engine]
    library = benches.PEERS[kind]
    if not benches.versions(PYTHON, library)[library]:
        pytest.skip(f"{library} is not in the environment of AMH_PEERS_PYTHON")
    folder, inputs = written
    np.savez(folder / "weights.npz", *_values(model))
    options = {"folder": str(folder / "batches"), "pilot": False, **options}
    process = processes.Process(kind, options, folder / "log", PYTHON)
    try:
        count = process.ask("set_weights", path=str(folder / "weights.npz"))
        assert count == model.count_params()
        expected = tf.nn.softmax(model(inputs, training=False))
        np.testing.assert_allclose(process.ask("probabilities"), expected, atol=1e-5)
        assert process.ask("train", bucketed=True) > 0
        assert np.abs(process.ask("probabilities") - expected.numpy()).max() > 1e-4
    finally:
        process.close()


def test_stock_keras_answers_as_the_package_does(model, written):
    stock = stock_keras.build("amh", reset_after=True)
    # Its layers in the order in which they were made: words, encoders, hops, logits.
    kinds = ("embedding", "gru", "dense")
    layers = [layer for layer in stock.layers if layer.name.split("_")[0] in kinds]
    layers.sort(key=lambda layer: (kinds.index(layer.name.split("_")[0]), _number(layer.name)))
    weights = [weight for layer in layers for weight in layer.weights]
    for weight, value in zip(weights, _values(model), strict=True):
        weight.assign(value)
    _, inputs = written
    np.testing.assert_allclose(stock(inputs), model(inputs), atol=1e-4)


def _number(name):
    return int(name.rpartition("_")[2]) if "_" in name else 0


@pytest.mark.parametrize("name", network.MODALITIES)
def test_stock_keras_has_as_many_parameters(name):
    reset_after = True if network.CELLS[name] == "gru" else None
    ours = registry.build(
        config.ModelConfig(
            vocabulary_size=network.VOCABULARY_SIZE,
            model=name,
            modalities=network.MODALITIES[name],
            reset_after=bool(reset_after),
        )
    )
    assert stock_keras.build(name, reset_after).count_params() == ours.count_params()


class _Slow(peer.Peer):
    """Computes in seconds that the variant says; remembers what it was asked."""

    VARIANTS = {"slow": 20.0, "fast": 2.0}  # noqa: RUF012

    def __init__(self, folder, pilot):
        super().__init__(folder, pilot)
        self.asked = []

    def _convert(self, inputs, labels):
        return inputs, labels

    def _train(self, batches, seconds):
        self.asked.append((len(batches), seconds))
        return seconds * len(batches)


def test_peer_keeps_the_fastest_variant(written):
    folder, _ = written
    tried = _Slow(folder / "batches", pilot=True)
    assert [tried.train(bucketed=True, epochs=2) for _ in range(2)] == [12.0, 12.0]
    # What takes longer than anyone waits is timed once.
    assert tried.asked == [(1, 20.0)] * 2 + [(1, 2.0)] * 4 + [(6, 2.0)] * 2
    assert tried.notes() == {"bucketed, seconds a batch in the trial": "slow 20.00, fast 2.00"}
    first = _Slow(folder / "batches", pilot=False)
    assert first.train(bucketed=False) == 60.0
    assert first.asked == [(3, 20.0)] and not first.notes()


def test_batches_are_written_in_every_order(written):
    folder, _ = written
    for order in ("bucketed", "random", "in_order"):
        labels = []
        for path in sorted((folder / "batches" / order).iterdir()):
            with np.load(path) as arrays:
                assert arrays["audio"].shape[1] == arrays["audio_length"].max()
                labels.extend(arrays["labels"])
        assert len(labels) == 12


def test_batches_under_xla_have_ten_shapes_at_most():
    steps = data.lengths(2000, longest=750)
    longest = {name: int(steps[name].max()) for name in network.SIZES}
    order, shapes = np.argsort(steps["audio"]), set()
    for rows in np.array_split(order, 50):
        batch = {name: int(steps[name][rows].max()) for name in network.SIZES}
        inputs = {
            "audio": np.ones((2, batch["audio"], 3), np.float32),
            "text": np.ones((2, batch["text"]), np.int32),
            "video": np.ones((2, batch["video"], 3), np.float32),
        }
        inputs = {name: tf.constant(value) for name, value in inputs.items()}
        padded = ours.pad_to_tenths(inputs, longest)
        shape = tuple(padded[name].shape[1] for name in longest)
        assert all(batch[name] <= size for name, size in zip(longest, shape))
        np.testing.assert_array_equal(padded["audio"][:, : batch["audio"]], inputs["audio"])
        assert not padded["text"][:, batch["text"] :].numpy().any()
        shapes.add(shape)
    assert 5 < len(shapes) <= 10


def test_interpreter_of_peers_that_does_not_run_is_refused(tmp_path):
    with pytest.raises(errors.InputError, match=r"no_python.*--peers_python"):
        benches.versions(str(tmp_path / "no_python"), "torch")
