"""Turns a TensorFlow 1 checkpoint of the authors' AMH into a Keras model file:

python -m tools.import_reference --checkpoint=PREFIX --output=FILE.keras

Hops, widths, hidden sizes and layers are read off the checkpoint's variables; optimizer slots
and counters are passed over. `keras.saving.load_model(FILE)` opens the result after
`import amh_tf`.
"""

import functools
import itertools
import re

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf import config, errors, files, models, progress, schema
from amh_tf.commands import flag_kit

FLAGS = flags.FLAGS

GRU = "{m}_GRU/{m}_encoding_RNN/{m}_encoding_RNN/multi_rnn_cell/cell_{layer}/gru_cell/{part}"
EMBEDDING = "embed_layer/embed_matrix"
HOP_KERNEL = "attention_layer_hop{hop}/attn_projection_helper"
HOP_BIAS = "attention_layer_hop{hop}/attn_bias"
OUTPUT_KERNEL = "multi_output_layer/similarity_matrix"
OUTPUT_BIAS = "multi_output_layer/output_bias"

# Adam's slots and powers, and the step counters, which AMH's variables do not need.
IGNORED = re.compile(r"(/Adam(_1)?|_power|^global_step(_\d+)?)$")


def read_checkpoint(prefix):
    """Returns the model's variables in a TensorFlow 1 checkpoint: dict from name to array.

    Raises:
        InputError: If there is no readable checkpoint at the prefix, a path without `.index`.
    """
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
        return {name: reader.get_tensor(name) for name in names if not IGNORED.search(name)}
    except (ValueError, tf.errors.OpError) as error:
        raise errors.refusal(
            f"{str(prefix)!r} is not a checkpoint",
            "the prefix of PREFIX.index and PREFIX.data-*",
            error,
            "Set it with --checkpoint.",
        ) from error


def _count(variables, name):
    """Counts the consecutive numbers from 0 whose name is a variable's."""
    return next(number for number in itertools.count() if name(number) not in variables)


def infer_config(variables):
    """Returns the `amh_tf.config.ModelConfig` of a dict from variable name to array.

    Raises:
        InputError: If a variable of AMH is missing; the message names it.
    """
    needed = [EMBEDDING, HOP_KERNEL.format(hop=1), OUTPUT_KERNEL, OUTPUT_BIAS]
    needed += [GRU.format(m=m, layer=0, part="gates/kernel") for m in schema.MODALITIES]
    missing = [name for name in needed if name not in variables]
    if missing:
        raise errors.refusal(
            "The checkpoint is not one of the authors' AMH",
            f"the variable {missing[0]!r}",
            f"{len(variables)} variables without it",
        )
    settings = {"num_hops": _count(variables, lambda hop: HOP_KERNEL.format(hop=hop + 1))}
    for modality in schema.MODALITIES:
        kernel = functools.partial(GRU.format, m=modality, part="gates/kernel")
        gates = variables[kernel(layer=0)]
        units = gates.shape[1] // 2
        name = "embedding" if modality == "text" else modality
        settings[f"{name}_width"] = gates.shape[0] - units
        settings[f"{modality}_units"] = units
        settings[f"{modality}_layers"] = _count(variables, lambda n, kernel=kernel: kernel(layer=n))
    return config.ModelConfig(
        vocabulary_size=variables[EMBEDDING].shape[0],
        num_classes=variables[OUTPUT_BIAS].shape[0],
        reset_after=False,
        **settings,
    )


def _gru_weights(variables, modality, layer, units):
    """Reorders one GRU layer: theirs are [reset, update] and candidate, Keras' update first."""

    def get(part):
        return variables[GRU.format(m=modality, layer=layer, part=part)]

    def ordered(gates, candidate):
        reset, update = np.split(gates, 2, axis=-1)
        return np.concatenate([update, reset, candidate], axis=-1)

    kernels = ordered(get("gates/kernel"), get("candidate/kernel"))
    biases = ordered(get("gates/bias"), get("candidate/bias"))
    return [kernels[:-units], kernels[-units:], biases]


def build_model(variables):
    """Builds AMH, a `keras.Model`, with the authors' weights of a dict from variable name to array.

    Raises:
        InputError: If a variable is missing or has another shape than the others ask for.
    """
    shape = infer_config(variables)
    model = models.build(shape, embedding=variables[EMBEDDING])
    try:
        for modality in schema.MODALITIES:
            encoder = model.get_layer(f"{modality}_encoder")
            units = getattr(shape, f"{modality}_units")
            for index, gru in enumerate(encoder.recurrent_layers):
                gru.set_weights(_gru_weights(variables, modality, index, units))
        for index, attention in enumerate(model.get_layer("hops").attentions):
            attention.set_weights(
                [variables[name.format(hop=index + 1)] for name in (HOP_KERNEL, HOP_BIAS)]
            )
        model.get_layer("logits").set_weights([variables[OUTPUT_KERNEL], variables[OUTPUT_BIAS]])
    except (KeyError, ValueError) as error:
        raise errors.refusal(
            "The checkpoint's variables do not fit each other", "those of one AMH model", error
        ) from error
    return model


def main():
    """Converts by the flags."""
    if not FLAGS.output.endswith(".keras"):
        raise errors.refusal(
            "`output` has another ending",
            "a file that ends in .keras",
            f"output={FLAGS.output!r}",
            "Set it with --output.",
        )
    model = build_model(read_checkpoint(FLAGS.checkpoint))
    with files.replacing(FLAGS.output) as temporary:
        model.save(temporary)
    progress.console.print(
        f"{FLAGS.output} holds AMH-{model.get_layer('hops').num_hops} with "
        f"{model.count_params():,} parameters. Open it with keras.saving.load_model after "
        "`import amh_tf`."
    )


if __name__ == "__main__":
    flag_kit.define("path", "checkpoint", None, "Prefix of the checkpoint.", required=True)
    flag_kit.define("path", "output", None, "Model file to write.", required=True)
    cli.run(main)
