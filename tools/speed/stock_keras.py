"""The same network of stock Keras layers alone, trained by `fit`."""

import functools
import time

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import keras
import tensorflow as tf
from keras import ops

from tools.speed import data, network
from tools.speed.peer import TRIALS


class _Valid(keras.layers.Layer):
    """Which steps are before a row's length: `(batch, time)` bool."""

    def call(self, sequence, length):
        return ops.arange(ops.shape(sequence)[1])[None] < length[:, None]


class _Pool(keras.layers.Layer):
    """Softmax attention over the valid steps."""

    def call(self, query, states, mask):
        scores = ops.einsum("bd,btd->bt", query, states)
        weights = ops.softmax(ops.where(mask, scores, -1e9), axis=-1)
        return ops.einsum("bt,btd->bd", weights, states)


def _recurrent(units, reset_after):
    """Makes the recurrent layers of a modality: a GRU, or an LSTM in both directions."""
    shared = {"return_sequences": True, "return_state": True}
    if reset_after is None:
        return keras.layers.Bidirectional(keras.layers.LSTM(units, **shared))
    return keras.layers.GRU(units, reset_after=reset_after, **shared)


def _fuse(model, vectors, states, masks, num_hops):
    """Joins the modalities to one vector."""
    if model == "rnn_attn":
        (name,) = vectors
        query = keras.layers.Dense(1, use_bias=False)(states[name])
        weights = keras.layers.Softmax(axis=1)(query, mask=masks[name][..., None])
        return ops.sum(weights * states[name], axis=1)
    if model == "mdre":
        dense = [
            keras.layers.Dense(network.SIZES[name][1], activation="tanh")(vector)
            for name, vector in vectors.items()
        ]
        return ops.concatenate(dense, axis=-1)
    # MHA's hops go back and forth.
    order = network.HOP_ORDER if model == "amh" else tuple(vectors)[::-1]
    for hop in range(num_hops):
        target = order[hop % len(order)]
        query = ops.concatenate([vectors[name] for name in vectors if name != target], axis=-1)
        query = keras.layers.Dense(states[target].shape[-1])(query)
        vectors[target] = _Pool()(query, states[target], masks[target])
    return ops.concatenate(list(vectors.values()), axis=-1)


def build(model, reset_after, modalities=None, num_hops=None):
    """Builds a model as a Keras user would: from the input dict to logits."""
    inputs, states, vectors, masks = {}, {}, {}, {}
    for name in modalities or network.MODALITIES[model]:
        dim, units = network.SIZES[name]
        if name == "text":
            sequence = inputs[name] = keras.Input((None,), dtype="int32", name=name)
        else:
            sequence = inputs[name] = keras.Input((None, dim), name=name)
        length = keras.Input((), dtype="int32", name=f"{name}_length")
        inputs[f"{name}_length"] = length
        masks[name] = _Valid()(sequence, length)
        if name == "text":
            sequence = keras.layers.Embedding(network.VOCABULARY_SIZE, dim)(sequence)
        sequence = keras.layers.Dropout(network.DROPOUT[name])(sequence)
        states[name], *last = _recurrent(units, reset_after)(sequence, mask=masks[name])
        # Of an LSTM without the states of its cells.
        vectors[name] = last[0] if len(last) == 1 else ops.concatenate(last[::2], axis=-1)
    fused = _fuse(model, vectors, states, masks, num_hops or network.NUM_HOPS.get(model))
    return keras.Model(inputs, keras.layers.Dense(network.NUM_CLASSES)(fused))


class StockKeras:
    """Keras' own GRU or LSTM under `fit`, on the batches that the package trains on.

    Args:
        folder: Data folder.
        batch_size: Utterances per batch.
        pilot: Whether to try both variants of the GRU and keep the faster.
        model: One of `network.MODALITIES`.
        modalities: Its modalities, or None for those of the table.
        num_hops: Number of its hops, or None for the model's own.
    """

    def __init__(
        self, folder, batch_size=128, pilot=True, model="amh", modalities=None, num_hops=None
    ):
        keras.utils.set_random_seed(1)
        modalities = tuple(modalities or network.MODALITIES[model])
        self._build = functools.partial(build, model, modalities=modalities, num_hops=num_hops)
        self._reader = data.Reader(folder, batch_size, modalities=modalities)
        self._notes = {}
        variants = (False, True)[: 1 + pilot] if network.CELLS[model] == "gru" else (None,)
        trials = [self._try(variant, pilot and len(variants) > 1) for variant in variants]
        _, _, self._model = min(trials)
        self._notes["jit_compile"] = self._model.jit_compile
        self._predict = tf.function(
            lambda inputs: tf.nn.softmax(self._model(inputs, training=False)),
            reduce_retracing=True,
        )

    def _try(self, reset_after, pilot):
        """Times a few steps of a variant: (seconds, which, model)."""
        model = self._build(reset_after=reset_after)
        model.compile(
            keras.optimizers.Adam(network.LEARNING_RATE, clipnorm=network.CLIP_NORM),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        batches, times = self._reader.batches(False).take(2), []
        for _ in range(1 + TRIALS if pilot else 1):  # the first builds the graph
            start = time.perf_counter()
            model.fit(batches, verbose=0)
            times.append(time.perf_counter() - start)
        seconds = min(times)  # whatever else the machine did, it only took longer
        if pilot:
            self._notes[f"reset_after={reset_after}, seconds in the trial"] = round(seconds, 2)
        return seconds, reset_after, model

    def notes(self):
        """Returns the trial of both variants."""
        return self._notes

    def train(self, bucketed, epochs=1):
        """Trains some epochs in one `fit`; returns their seconds, reading included."""
        start = time.perf_counter()
        self._model.fit(self._reader.batches(bucketed, epochs), verbose=0)
        return time.perf_counter() - start

    def infer(self):
        """Computes probabilities for all utterances; returns the seconds, reading included."""
        start = time.perf_counter()
        for inputs, _ in self._reader.in_order():
            self._predict(inputs).numpy()
        return time.perf_counter() - start
