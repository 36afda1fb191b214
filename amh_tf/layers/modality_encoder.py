import types
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from amh_tf import errors
from amh_tf.layers import recurrent_layer, step_dropout
from amh_tf.layers.kernels import blocks, choice, compiled, continued, gru, lstm, packing, steps


@keras.saving.register_keras_serializable(package="amh_tf")
class ModalityEncoder(keras.layers.Layer):
    """Encodes one modality's sequence with recurrent layers.

    h_t = f(h_{t-1}, x_t), with f a GRU or an LSTM. Dropout draws a new mask for every step and
    falls on the input of every layer, as in the authors' code.

    Masking: padded steps are not read; the last state is the one after the last valid step. A
    row of length 0 gives a last state of zeros.

    Args:
        units: Hidden size, at least 1.
        cell: "gru", as in AMH, or "lstm", as in RNN-attn and MHA. Defaults to "gru".
        num_layers: Number of stacked layers. Defaults to 1.
        dropout: Drop rate on each layer's input, in [0, 1). Defaults to 0.
        bidirectional: Whether a second layer reads backwards; outputs are then
            `2 * units` wide. Defaults to False.
        kernel: How the recurrence is computed. "compiled": by operations in C++, the fastest on
            processors, which are compiled at first use (`kernels.compiled`); in float32 and
            bfloat16, float16 is packed. "packed": by TensorFlow's operations over packed
            rows, or in blocks of steps where nothing trains; fast and portable. "keras": by Keras'
            own layers. "auto": by the latter where there is a GPU, else compiled in the package's
            own training and scoring where that is available, and packed. The choice does not
            change what is computed, nor the weights.
        reset_after: Whether a GRU's reset gate is applied after the recurrent product, as cuDNN
            does. Defaults to False, as in the authors' code.

    Call arguments:
        sequence: Tensor of shape `(batch, time, dim)`; time is at least 1.
        sequence_mask: Bool tensor of shape `(batch, time)`, True at valid steps, which
            come first.
        training: Whether dropout is active.

    Returns:
        states of shape `(batch, time, output_dim)`; last state of shape
        `(batch, output_dim)`.

    Reference:
     - Yoon et al., 2020, arXiv 1912.00846, eq. 1

    Example:

    >>> import numpy as np
    >>> mask = np.array([[True, True, True], [True, False, False]])
    >>> states, last = ModalityEncoder(4)(np.ones((2, 3, 5)), sequence_mask=mask)
    >>> states.shape, last.shape
    (TensorShape([2, 3, 4]), TensorShape([2, 4]))
    >>> bool((states[1, 0] == last[1]).numpy().all())
    True
    """

    def __init__(
        self,
        units: int,
        cell: str = "gru",
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        reset_after: bool = False,
        kernel: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # XLA on a CPU trains a masked recurrence ten times slower; `compile` asks here.
        self.supports_jit = False
        if cell not in ("gru", "lstm"):
            raise errors.refusal("`cell` is not known", "'gru' or 'lstm'", f"cell={cell!r}")
        if kernel not in choice.KERNELS:
            raise errors.unknown("kernel", kernel, choice.KERNELS)
        self.kernel = kernel
        # Whether what is built is served by TensorFlow itself, and need not be converted: no format
        # but its own has its GRU cell.
        self.served = False
        self._graphs: dict[tuple[str, Any], Callable] = {}
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.reset_after = reset_after
        self.dropouts = [
            step_dropout.StepDropout(dropout, dtype=self.dtype_policy, name=f"dropout_{layer}")
            for layer in range(num_layers)
        ]
        # Keras' two-way layer copies the layer that it is given. While a file is loaded, Keras
        # remembers what it copied by `id`, and would take a later object at the same address for
        # it: the originals must live on. A namespace hides them from Keras' list of sublayers.
        self.recurrent_layers, originals = recurrent_layer.stack(
            cell, units, num_layers, reset_after, bidirectional, self.dtype_policy
        )
        self._originals = types.SimpleNamespace(layers=originals)

    @property
    def output_dim(self) -> int:
        """Width of the states."""
        return self.units * (2 if self.bidirectional else 1)

    def build(self, sequence_shape, sequence_mask_shape=None):
        shape = tuple(sequence_shape)
        for layer in self.recurrent_layers:
            layer.build(shape)
            shape = (*shape[:2], self.output_dim)
        self.built = True

    def chosen_kernel(self) -> str:
        """Returns which of "compiled", "packed" and "keras" a call from here uses."""
        return choice.of_call(self.kernel, self.compute_dtype)

    def call(
        self, sequence: tf.Tensor, sequence_mask: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if sequence_mask is None:
            sequence_mask = tf.ones(tf.shape(sequence)[:2], tf.bool)
        kernel = self.chosen_kernel()
        if kernel == "compiled":
            return self._call_compiled(sequence, sequence_mask, training)
        if kernel == "packed":
            packed = self._call_packed if training else self._call_blocks
            run = self._graph(sequence, packed) if tf.executing_eagerly() else packed
            return run(sequence, sequence_mask)
        return self._call_keras(sequence, sequence_mask, training)

    def _call_keras(self, sequence, sequence_mask, training):
        # cuDNN takes no row without a step: such a row is given one, and what comes of it taken
        # away again.
        present = tf.reduce_any(sequence_mask, axis=1, keepdims=True)
        first = tf.range(tf.shape(sequence_mask)[1]) == 0
        mask = sequence_mask | (first & ~present)
        states, last = sequence, []
        for dropout, layer in zip(self.dropouts, self.recurrent_layers):
            states = dropout(states, training=training)
            states, *last = layer(states, mask=mask, training=training)
        if self.cell == "lstm":
            last = last[::2]  # each direction's hidden state, without its cell state
        last = tf.concat(last, axis=-1)
        nothing = tf.zeros([], last.dtype)
        return tf.where(present[:, None], states, nothing), tf.where(present, last, nothing)

    def _graph(self, sequence, run):
        """Compiles a call: operation by operation, a loop takes seconds."""
        key = (run.__name__, sequence.dtype)
        if key not in self._graphs:
            graph = tf.function(
                run,
                autograph=False,
                input_signature=[
                    tf.TensorSpec([None, None, sequence.shape[-1]], sequence.dtype),
                    tf.TensorSpec([None, None], tf.bool),
                ],
            )
            # Hidden in a function from Keras, which would try to save it.
            self._graphs[key] = lambda *inputs: graph(*inputs)
        return self._graphs[key]

    def _call_compiled(self, sequence, sequence_mask, training):
        lengths = tf.math.count_nonzero(sequence_mask, axis=1, dtype=tf.int32)
        states = sequence
        for dropout, layer in zip(self.dropouts, self.recurrent_layers):
            dropped = {}
            if training and dropout.rate > 0:
                dropped = {"rate": dropout.rate, "seed": dropout.next_seed()}
            outputs = compiled.recurrence(
                states,
                lengths,
                [self._weights(cell) for cell in self._cells(layer)],
                self.compute_dtype,
                cell=self.cell,
                reset_after=self.reset_after,
                backward=self._directions,
                training=bool(training),
                **dropped,
            )
            states, last = (tf.cast(output, self.compute_dtype) for output in outputs)
        return states, last

    def _call_packed(self, sequence, sequence_mask):
        batch, time = tf.unstack(tf.shape(sequence_mask))
        lengths = tf.math.count_nonzero(sequence_mask, axis=1, dtype=tf.int32)
        placed = [packing.make(lengths, time, backward) for backward in self._directions]
        states = sequence
        for dropout, layer in zip(self.dropouts, self.recurrent_layers):
            if self.bidirectional:
                states = dropout(states, training=True)
                rows = [packing.pack(states, place) for place in placed]
            else:
                # Nothing is drawn for the padding.
                rows = [dropout(packing.pack(states, placed[0]), training=True)]
            by_direction = [
                self._run(cell, row, place, batch, time)
                for cell, row, place in zip(self._cells(layer), rows, placed)
            ]
            states, last = (tf.concat(parts, axis=-1) for parts in zip(*by_direction))
        return states, last

    def _call_blocks(self, sequence, sequence_mask):
        lengths = tf.math.count_nonzero(sequence_mask, axis=1, dtype=tf.int32)
        recurrences = [
            [self._recurrences(cell) for cell in self._cells(layer)]
            for layer in self.recurrent_layers
        ]
        return blocks.run_stacked(
            sequence, lengths, recurrences, self.compute_dtype, self._directions
        )

    def initial_state(self, batch: int = 1) -> continued.State:
        """Returns the state before the first step: of each layer its states, `(batch, units)`."""
        num_states = 2 if self.cell == "lstm" else 1
        return ((tf.zeros([batch, self.units]),) * num_states,) * self.num_layers

    def advance(
        self, sequence: tf.Tensor, state: continued.State
    ) -> tuple[tf.Tensor, continued.State]:
        """Reads on from where it stopped, and gives what one call over all steps gives for these.

        Args:
            sequence: The next steps, `(batch, time, dim)`; all are valid, and there is one at
                least.
            state: `initial_state`, or what was returned with the steps before.

        Returns:
            Their states, `(batch, time, units)`, and the state after the last.

        Raises:
            InputError: If the encoder reads both ways.
        """
        if self.bidirectional:
            raise errors.refusal(
                "The encoder cannot be continued: it also reads from the end",
                "bidirectional=False",
                "bidirectional=True",
            )
        recurrences = [self._recurrences(layer.cell)[0] for layer in self.recurrent_layers]
        return continued.run(sequence, recurrences, state, self.compute_dtype)

    @property
    def _directions(self):
        """Whether each of a recurrent layer's directions is backward."""
        return (False, True) if self.bidirectional else (False,)

    def _cells(self, layer):
        """Returns a recurrent layer's cells: of the forward direction, and of the other if any."""
        if self.bidirectional:
            return [layer.forward_layer.cell, layer.backward_layer.cell]
        return [layer.cell]

    @staticmethod
    def _weights(cell):
        return [
            tf.cast(tf.convert_to_tensor(weight), tf.float32)
            for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
        ]

    def _recurrences(self, cell):
        """Returns what computes a step of a batch, and what one of a single row, if it differs."""
        weights = self._weights(cell)
        if self.cell == "lstm":
            return steps.LSTM(weights), None
        has_cell = self.served and not self.reset_after and self.compute_dtype == "float32"
        return steps.GRU(weights, self.reset_after), steps.GRUCell(weights) if has_cell else None

    def _run(self, cell, rows, placed, batch, time):
        settings = {"reset_after": self.reset_after} if self.cell == "gru" else {}
        run = gru.layer if self.cell == "gru" else lstm.layer
        outputs = run(
            rows, self._weights(cell), placed, batch, time, self.compute_dtype, **settings
        )
        return tuple(tf.cast(output, self.compute_dtype) for output in outputs)

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_shape(self, sequence_shape, sequence_mask_shape=None):
        return (*sequence_shape[:2], self.output_dim), (sequence_shape[0], self.output_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
            "reset_after": self.reset_after,
            "kernel": self.kernel,
        }
