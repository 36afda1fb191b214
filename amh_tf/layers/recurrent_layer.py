"""Keras' recurrent layers, which hold the weights of an encoder."""

import keras

from amh_tf.layers import gate_bias


def stack(
    cell: str,
    units: int,
    num_layers: int,
    reset_after: bool,
    bidirectional: bool,
    dtype: keras.DTypePolicy,
) -> tuple[list[keras.layers.Layer], list[keras.layers.Layer]]:
    """Makes the layers of an encoder; arguments are those of `ModalityEncoder`.

    Returns:
        The layers, and those that two-way ones among them are copies of, which must live as long.
    """
    layers = [_layer(cell, units, reset_after, dtype, number) for number in range(num_layers)]
    if not bidirectional:
        return layers, []
    two_way = [
        keras.layers.Bidirectional(layer, dtype=dtype, name=f"bidirectional_{number}")
        for number, layer in enumerate(layers)
    ]
    return two_way, layers


def _layer(cell, units, reset_after, dtype, number):
    shared = {
        "return_sequences": True,
        "return_state": True,
        "dtype": dtype,
        "name": f"{cell}_{number}",
    }
    if cell == "lstm":
        return keras.layers.LSTM(units, **shared)
    return keras.layers.GRU(
        units, reset_after=reset_after, bias_initializer=gate_bias.GateBias(), **shared
    )
