import keras

from amh_tf.layers import gate_bias


@keras.saving.register_keras_serializable(package="amh_tf")
class ModalityEncoder(keras.layers.Layer):
    """Encodes one modality's sequence with recurrent layers.

    h_t = f(h_{t-1}, x_t), with f a GRU or an LSTM. Dropout draws a new mask for every step and
    falls on the input of every layer, as in the authors' code.

    Masking: the state stands still at padded steps, so that the last state is the one after
    the last valid step. A row of length 0 gives a last state of zeros.

    Args:
        units: Hidden size, at least 1.
        cell: "gru", as in AMH, or "lstm", as in RNN-attn and MHA. Defaults to "gru".
        num_layers: Number of stacked layers. Defaults to 1.
        dropout: Drop rate on each layer's input, in [0, 1). Defaults to 0.
        bidirectional: Whether a second layer reads backwards; outputs are then
            `2 * units` wide. Defaults to False.
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
    """

    def __init__(
        self,
        units,
        cell="gru",
        num_layers=1,
        dropout=0.0,
        bidirectional=False,
        reset_after=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        # XLA on a CPU trains a masked recurrence ten times slower; `compile` asks here.
        self.supports_jit = False
        if cell not in ("gru", "lstm"):
            raise ValueError(
                f"`cell` is not known. Expected 'gru' or 'lstm'. Received: cell={cell!r}. "
                "Set it with --cell."
            )
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.reset_after = reset_after
        self.dropouts = [
            keras.layers.Dropout(dropout, dtype=self.dtype_policy, name=f"dropout_{layer}")
            for layer in range(num_layers)
        ]
        self.recurrent_layers = [self._recurrent_layer(layer) for layer in range(num_layers)]

    def _recurrent_layer(self, layer):
        shared = {
            "return_sequences": True,
            "return_state": True,
            "dtype": self.dtype_policy,
            "name": f"{self.cell}_{layer}",
        }
        if self.cell == "gru":
            recurrent = keras.layers.GRU(
                self.units,
                reset_after=self.reset_after,
                bias_initializer=gate_bias.GateBias(),
                **shared,
            )
        else:
            recurrent = keras.layers.LSTM(self.units, **shared)
        if not self.bidirectional:
            return recurrent
        return keras.layers.Bidirectional(
            recurrent, dtype=self.dtype_policy, name=f"bidirectional_{layer}"
        )

    @property
    def output_dim(self):
        return self.units * (2 if self.bidirectional else 1)

    def build(self, sequence_shape, sequence_mask_shape=None):
        shape = tuple(sequence_shape)
        for layer in self.recurrent_layers:
            layer.build(shape)
            shape = (*shape[:2], self.output_dim)
        self.built = True

    def call(self, sequence, sequence_mask=None, training=False):
        states, last = sequence, []
        for dropout, layer in zip(self.dropouts, self.recurrent_layers):
            states = dropout(states, training=training)
            states, *last = layer(states, mask=sequence_mask, training=training)
        if self.cell == "lstm":
            last = last[::2]  # each direction's hidden state, without its cell state
        return states, keras.ops.concatenate(last, axis=-1) if self.bidirectional else last[0]

    def compute_mask(self, *args, **kwargs):
        return None

    def compute_output_shape(self, sequence_shape, sequence_mask_shape=None):
        return (*sequence_shape[:2], self.output_dim), (sequence_shape[0], self.output_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
            "reset_after": self.reset_after,
        }
