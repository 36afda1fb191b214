"""Operations of TensorFlow's that are compiled for the processor at hand.

A library lays the weights out anew in every product of every step of a recurrence, and TensorFlow
schedules and stores each of a step's dozen operations. `recurrence` runs a whole layer in one call,
both directions and dropout included, and `hops` all attentions of a model; each goes back in
another. Both are in C++, in the folder `native`.
"""

import functools
import os
import types
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

from amh_tf.layers.kernels import compiler

NotAvailable = compiler.NotAvailable
Tensors: TypeAlias = Sequence[tf.Tensor]
_loaded: list[types.ModuleType] = []


def is_compiled() -> bool:
    """Returns whether `load` finds a library that was compiled before."""
    try:
        return is_loaded() or compiler.library_path().exists()
    except NotAvailable:
        return True  # nothing would be compiled


def is_loaded() -> bool:
    """Returns whether `load` has succeeded in this process."""
    return bool(_loaded)


def load() -> types.ModuleType:
    """Loads the operations, compiled before unless that has been done on this machine.

    Returns:
        Module of TensorFlow's with the operations.

    Raises:
        NotAvailable: If there is no compiler, or it fails.
    """
    if not _loaded:
        library = compiler.library()
        try:
            _loaded.append(tf.load_op_library(str(library)))
        except tf.errors.OpError as error:
            raise NotAvailable(
                f"The compiled kernel could not be loaded. Received: {error.message}. "
                f"Delete {library} to compile it again, or choose the packed kernel."
            ) from error
    return _loaded[0]


def threads() -> int:
    """Returns how many threads an operation uses: as many as TensorFlow's own."""
    return tf.config.threading.get_intra_op_parallelism_threads() or len(os.sched_getaffinity(0))


def recurrence(
    sequence: tf.Tensor,
    lengths: tf.Tensor,
    weights: Sequence[Tensors],
    dtype: str,
    cell: str = "gru",
    reset_after: bool = False,
    backward: Sequence[bool] = (False,),
    rate: float = 0.0,
    seed: tf.Tensor | None = None,
    training: bool = True,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Runs a GRU or LSTM layer with Keras' weights, in one direction or both, with dropout.

    The mathematics is that of `gru.layer` and `lstm.layer`.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        lengths: Int32 tensor of shape `(batch,)`, each from 0 to time.
        weights: Kernel, recurrent kernel and bias of each direction, as for `gru.layer` or
            `lstm.layer`.
        dtype: Precision of the matrix products, float32 or bfloat16; states and their gradients
            are float32.
        cell: "gru" or "lstm".
        reset_after: Whether a GRU's reset gate is applied after the recurrent product.
        backward: For each direction, whether each row is read from its last valid step to its
            first. All directions have the same dropout.
        rate: Drop rate of the inputs.
        seed: int64 tensor of shape `(2,)` that dropout is drawn from.
        training: Whether what the gradient needs is kept; without, a gradient computes it anew.

    Returns:
        States of shape `(batch, time, directions * units)`, those of the directions side by side,
        zeros in the padding; last states of shape `(batch, directions * units)`, zeros for rows of
        length 0; both float32.
    """
    operations = load()
    kernels, recurrents, biases = zip(*(map(tf.convert_to_tensor, one) for one in weights))
    count, width = len(weights), len(weights) * recurrents[0].shape[0]
    if cell == "gru":
        biases = tuple(_gru_bias(bias, reset_after) for bias in biases)
    shared = {
        "lengths": lengths,
        "seed": tf.zeros([2], tf.int64) if seed is None else seed,
        "cell": "gru_reset_after" if cell == "gru" and reset_after else cell,
        "backward": list(backward),
        "rate": rate,
        "threads": threads(),
    }

    @tf.custom_gradient
    def run(sequence, *weights):
        kernels, recurrents, biases = (list(weights[i * count : (i + 1) * count]) for i in range(3))
        arguments = functools.partial(
            dict, x=sequence, kernels=kernels, recurrents=recurrents, **shared
        )
        forward = functools.partial(operations.amh_recurrence, **arguments(biases=biases))
        states, last, saved = forward(save=training)
        states = tf.ensure_shape(states, [*sequence.shape[:2], width])
        last = tf.ensure_shape(last, [sequence.shape[0], width])

        def gradient(d_states, d_last):
            kept = saved if training else forward(save=True)[2]
            gates, *of_weights = operations.amh_recurrence_gradient(
                **arguments(states=states, saved=kept, d_states=d_states, d_last=d_last)
            )
            # An operation of its own, so that TensorFlow leaves it out where nothing asks for it.
            of_sequence = operations.amh_recurrence_input_gradient(**arguments(gates=gates))
            return tf.ensure_shape(of_sequence, sequence.shape), *tf.nest.flatten(of_weights)

        return (states, last), gradient

    return run(tf.cast(sequence, dtype), *kernels, *recurrents, *biases)


def _gru_bias(bias, reset_after):
    """Puts a GRU's biases one after the other: of the three gates, and of what is reset."""
    outer, inner = tf.unstack(bias) if reset_after else (bias, tf.zeros_like(bias))
    units = outer.shape[0] // 3
    # The gates' recurrent biases are added to the same sum as their input biases.
    outer = outer + tf.concat([inner[: 2 * units], tf.zeros([units])], axis=0)
    return tf.concat([outer, inner[2 * units :]], axis=0)


def hops(
    vectors: Tensors,
    sequences: Tensors,
    masks: Tensors,
    kernels: Tensors,
    biases: Tensors,
    targets: Sequence[int],
) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
    """Runs all hops of a schedule; arguments are those of `hops.run`.

    Returns:
        Lists, one element for each hop: pooled sequences `(batch, dim)` and weights
        `(batch, time)`, both float32; queries after the product `(batch, dim)`, as precise as the
        sequences. No gradient is defined.
    """
    pooled, weights, projected = load().amh_hops(
        vectors=vectors,
        sequences=sequences,
        masks=masks,
        kernels=kernels,
        biases=biases,
        targets=targets,
        threads=threads(),
    )
    own_vectors = [vectors[target] for target in targets]
    own_masks = [masks[target] for target in targets]
    return (
        _shaped(pooled, own_vectors),
        _shaped(weights, own_masks),
        _shaped(projected, own_vectors),
    )


def _shaped(outputs, likes):
    """Says that outputs have the shapes of other tensors, which an operation does not tell."""
    return [tf.ensure_shape(output, like.shape) for output, like in zip(outputs, likes)]


def hops_gradient(
    sequences: Tensors,
    masks: Tensors,
    kernels: Tensors,
    outputs: tuple[Tensors, Tensors, Tensors],
    d_vectors: Tensors,
    d_weights: Tensors,
    targets: Sequence[int],
) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
    """Computes the gradients of what `hops` computed.

    Args:
        sequences, masks, kernels, targets: As for `hops`.
        outputs: What `hops` returned.
        d_vectors: Gradients of the vectors after the last hop, as precise as the sequences.
        d_weights: Gradients of each hop's weights, float32.

    Returns:
        Lists of gradients: of each hop's query after the product, of the vectors before the first
        hop, of the sequences.
    """
    pooled, weights, projected = outputs
    d_projected, d_before, d_sequences = load().amh_hops_gradient(
        sequences=sequences,
        masks=masks,
        kernels=kernels,
        pooled=pooled,
        weights=weights,
        projected=projected,
        d_vectors=d_vectors,
        d_weights=d_weights,
        targets=targets,
        threads=threads(),
    )
    return (
        _shaped(d_projected, projected),
        _shaped(d_before, d_vectors),
        _shaped(d_sequences, sequences),
    )
