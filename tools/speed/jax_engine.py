"""The same network in JAX, compiled as a whole by XLA, each shape of a batch by itself."""

import functools
import os
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # as all others are measured
import jax
import numpy as np
import optax
from jax import numpy as jnp

from amh_tf import schema
from tools.speed import network, peer

ADAM = optax.adam(network.LEARNING_RATE)


def _gru(sequence, weights):
    """Runs a GRU with `reset_after`; returns its states, `(batch, time, units)`.

    The inputs of all steps are multiplied at once, as little as can be is left to the loop.
    """
    kernel, recurrent, (outer, inner) = weights
    units = len(recurrent)
    sums = jnp.einsum("btd,dg->tbg", sequence, kernel) + outer

    def step(h, x):
        own = h @ recurrent + inner
        gates = jax.nn.sigmoid(x[:, : 2 * units] + own[:, : 2 * units])
        z, r = jnp.split(gates, 2, axis=1)
        h = z * h + (1 - z) * jnp.tanh(x[:, 2 * units :] + r * own[:, 2 * units :])
        return h, h

    _, states = jax.lax.scan(step, jnp.zeros((len(sequence), units)), sums)
    return states.swapaxes(0, 1)


def logits_of(parameters, inputs, key=None):
    """Computes logits; `key`, if any, draws the dropout of training."""
    states, vectors, masks = {}, {}, {}
    for number, name in enumerate(schema.MODALITIES):
        sequence, length = inputs[name], inputs[f"{name}_length"]
        masks[name] = jnp.arange(sequence.shape[1]) < length[:, None]
        if name == "text":
            sequence = parameters["words"][sequence]
        if key is not None:
            kept = 1 - network.DROPOUT[name]
            mask = jax.random.bernoulli(jax.random.fold_in(key, number), kept, sequence.shape)
            sequence = jnp.where(mask, sequence / kept, 0)
        weights = [parameters[f"{name} {kind}"] for kind in ("kernel", "recurrent", "bias")]
        states[name] = _gru(sequence, weights)
        vectors[name] = states[name][jnp.arange(len(length)), length - 1]
    for hop, target in enumerate(network.TARGETS):
        query = jnp.concatenate([vectors[n] for n in schema.MODALITIES if n != target], axis=1)
        query = query @ parameters[f"hop {hop} kernel"] + parameters[f"hop {hop} bias"]
        scores = jnp.einsum("bd,btd->bt", query, states[target])
        weights = jax.nn.softmax(scores, axis=1, where=masks[target])
        vectors[target] = jnp.einsum("bt,btd->bd", weights, states[target])
    fused = jnp.concatenate([vectors[name] for name in schema.MODALITIES], axis=1)
    return fused @ parameters["logits kernel"] + parameters["logits bias"]


def _clipped(gradient):
    norm = jnp.linalg.norm(gradient.ravel())
    return gradient * network.CLIP_NORM / jnp.maximum(norm, network.CLIP_NORM)


@functools.partial(jax.jit, donate_argnums=(0, 1))
def _train_step(parameters, moments, key, inputs, labels):
    def loss_of(parameters):
        logits = logits_of(parameters, inputs, key)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    loss, gradients = jax.value_and_grad(loss_of)(parameters)
    gradients = jax.tree.map(_clipped, gradients)
    updates, moments = ADAM.update(gradients, moments)
    return optax.apply_updates(parameters, updates), moments, loss


@jax.jit
def _predict_step(parameters, inputs):
    return jax.nn.softmax(logits_of(parameters, inputs), axis=1)


class Jax(peer.Peer):
    """`lax.scan` on all cores; arguments as for `peer.Peer`."""

    VARIANTS = {"scan": None}  # noqa: RUF012

    def __init__(self, folder=None, pilot=True):
        super().__init__(folder, pilot)
        rng = np.random.default_rng(1)
        self._set(
            {
                name: 0.05 * rng.standard_normal(shape, np.float32)
                for name, shape in network.parameters().items()
            }
        )
        self._moments = ADAM.init(self._parameters)
        # Fast to draw: the default takes most of a step on a processor.
        self._key = jax.random.key(1, impl="unsafe_rbg")

    @staticmethod
    def _convert(inputs, labels):
        return {name: jnp.asarray(value) for name, value in inputs.items()}, jnp.asarray(labels)

    def _train(self, batches, _):
        start = time.perf_counter()
        for inputs, labels in batches:
            self._key, key = jax.random.split(self._key)
            self._parameters, self._moments, loss = _train_step(
                self._parameters, self._moments, key, inputs, labels
            )
            loss.item()
        return time.perf_counter() - start

    def _predict(self, inputs, _):
        return np.asarray(_predict_step(self._parameters, inputs))

    def _set(self, values):
        self._parameters = {name: jnp.asarray(value) for name, value in values.items()}
        return sum(value.size for value in self._parameters.values())
