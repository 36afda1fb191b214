"""The edge module: a trained model for one utterance at a time, on phones and small devices.

Its SavedModel is one that the stock `tflite_convert --saved_model_dir=DIR/edge` turns into a
file of builtin operations, with no other flag.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from amh_tf import models
from amh_tf.deploy import edge_recurrence, input_checks


def _as_float32(model, config):
    """Builds the model anew in single precision with the same weights.

    Weights are float32 in any precision of training; devices' builtin operations know no
    bfloat16.
    """
    plain = models.build(dataclasses.replace(config, dtype="float32"))
    plain.set_weights(model.get_weights())
    return plain


def _head(model, modalities):
    """Cuts off the encoders: a model from states, last state and mask of each to the logits."""
    tensors = []
    for modality in modalities:
        tensors += model.get_layer(f"{modality}_encoder").output
        tensors.append(model.get_layer(f"{modality}_mask").output)
    return keras.Model(tensors, model.output, name="h")  # the file holds every operation's name


class EdgeModel:
    """One utterance's probabilities.

    Inputs, for each modality used: `audio` (1, time, width) float32, `audio_length` (1,) int32,
    `text` (1, time) int32, or (1, time, width) float32 where it is vectors, and so on. Time is at
    least 1 and may change from call to call; steps from the length on are not read. Length 0 means
    that the modality is absent.

    A model that standardizes by the speaker also takes `audio_mean` and `audio_deviation` (1,
    width), and the same of video.

    Output: `probabilities` (1, classes). All are NaN where the input cannot be answered: a length
    below 0 or beyond its sequence, a feature that is NaN or infinite, a word id outside the
    vocabulary, or no modality at all. LiteRT has no operation that raises an error.

    Args:
        model: `keras.Model` from `amh_tf.models.build`, trained.
        config: `amh_tf.config.ModelConfig` of the model.
    """

    def __init__(self, model, config):
        self._config = config
        self._members = [_as_float32(member, config) for member in models.members(model)]
        self._heads = [_head(member, config.modalities) for member in self._members]
        self.probabilities = tf.function(
            self._probabilities, input_signature=[self.signature()], autograph=False
        )

    @property
    def weights(self):
        """Variables that the graph reads; the encoders' weights are constants in it."""
        return [variable for head in self._heads for variable in head.variables]

    def signature(self):
        """Describes the inputs."""
        described = {}
        for name in self._config.input_names:
            shape, dtype = self._config.input_spec(name)
            described[name] = tf.TensorSpec([1, *shape], dtype, name)
        return described

    def _probabilities(self, inputs):
        prepared, answerable, steps = {}, True, 0
        for modality in self._config.modalities:
            sequence, declared = (
                tf.squeeze(inputs[name], axis=0) for name in (modality, f"{modality}_length")
            )
            length = tf.clip_by_value(declared, 0, tf.shape(sequence)[0])
            sequence, usable = self._cut(modality, sequence, length)
            answerable &= tf.equal(length, declared) & usable
            steps += length
            prepared[modality] = self._average(modality, sequence, length)
        for name in self._config.statistics_names:
            least = 0.0 if name.endswith("_deviation") else -input_checks.LARGEST_FEATURE
            in_range = (inputs[name] >= least) & (inputs[name] <= input_checks.LARGEST_FEATURE)
            answerable &= tf.reduce_all(in_range)  # False for NaN too
        answers = [
            self._answer(member, head, prepared, inputs)
            for member, head in zip(self._members, self._heads)
        ]
        probabilities = tf.add_n(answers) / len(answers) if len(answers) > 1 else answers[0]
        return {"probabilities": tf.where(answerable & (steps > 0), probabilities, float("nan"))}

    def _answer(self, member, head, prepared, inputs):
        """Returns one member's probabilities, `(1, classes)`."""
        encoded = []
        for modality, (sequence, length) in prepared.items():
            if modality in self._config.standardized:
                sequence = self._standardize(member, modality, sequence, inputs)
            encoded += self._encode(member, modality, sequence, length)
        return tf.nn.softmax(head(encoded, training=False))

    def _average(self, modality, sequence, length):
        """Averages steps as `layers.FrameAverage` does; `length` is the one before."""
        stride = self._stride(modality)
        if stride == 1:
            return sequence, length
        summed = tf.reduce_sum(tf.reshape(sequence, [-1, stride, sequence.shape[-1]]), axis=1)
        firsts = tf.range(tf.shape(summed)[0]) * stride
        counts = tf.clip_by_value(length - firsts, 1, stride)
        mean = summed / tf.expand_dims(tf.cast(counts, tf.float32), 1)
        return mean, (length + stride - 1) // stride

    def _stride(self, modality):
        return self._config.audio_stride if modality == "audio" else 1

    def _standardize(self, member, modality, sequence, inputs):
        if modality in self._config.by_speaker:
            mean, deviation = (
                inputs[f"{modality}_{statistic}"] for statistic in ("mean", "deviation")
            )
            # LiteRT has no division that lets a divisor of 0 be.
            scale = tf.where(deviation > 0, 1.0 / tf.where(deviation > 0, deviation, 1.0), 0.0)
        else:
            layer = member.get_layer(f"{modality}_standardize")
            mean, deviation = map(edge_recurrence.constant, (layer.mean, layer.deviation))
            scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
            mean, scale = mean[None], scale[None]
        return sequence * scale - mean * scale

    def _cut(self, modality, sequence, length):
        """Cuts off long padding, fills short padding up to whole blocks, and empties it.

        Returns:
            The sequence, and whether what it holds can be answered.
        """
        block = edge_recurrence.BLOCK[modality] * self._stride(modality)
        steps = edge_recurrence.num_blocks(length, block) * block
        padding = [[0, block - 1]] + [[0, 0]] * (len(sequence.shape) - 1)
        # LiteRT slices many times as fast by this operation as by the one of `[:steps]`.
        starts = [0] * len(sequence.shape)
        sequence = tf.slice(tf.pad(sequence, padding), starts, [steps, *sequence.shape[1:]])
        mask = tf.range(steps) < length
        if self._config.reads_word_ids(modality):
            sequence = tf.where(mask, sequence, 0)
            ids = tf.clip_by_value(sequence, 0, self._config.vocabulary_size - 1)
            return ids, tf.reduce_all(tf.equal(ids, sequence))
        sequence = tf.where(tf.expand_dims(mask, 1), sequence, 0.0)
        return (
            sequence,
            tf.reduce_all(tf.abs(sequence) <= input_checks.LARGEST_FEATURE),
        )  # False for NaN too

    def _encode(self, member, modality, sequence, length):
        """Encodes one modality.

        Returns:
            States `(1, steps, dim)`, last state `(1, dim)` and mask `(1, steps)`.
        """
        encoder = member.get_layer(f"{modality}_encoder")
        block = edge_recurrence.BLOCK[modality]
        mask = tf.range(edge_recurrence.num_blocks(length, block) * block) < length
        if self._config.reads_word_ids(modality):
            vectors = member.get_layer("word_vectors").embeddings
            sequence = tf.gather(edge_recurrence.constant(vectors), sequence)

        def run(cell, rows):
            count = edge_recurrence.num_blocks(length, block)
            return edge_recurrence.scan(rows, count, block, cell)

        def reverse(rows):
            rows, steps = tf.expand_dims(rows, 0), tf.expand_dims(length, 0)
            return tf.squeeze(tf.reverse_sequence(rows, steps, seq_axis=1, batch_axis=0), axis=0)

        states = sequence
        for layer in encoder.recurrent_layers:
            if encoder.bidirectional:
                forward = run(layer.forward_layer.cell, states)
                backward = run(layer.backward_layer.cell, reverse(states))
                # Either direction ends at the last valid step in the order that it reads.
                ends = tf.concat([forward, backward], axis=1)
                states = tf.concat([forward, reverse(backward)], axis=1)
            else:
                states = ends = run(layer.cell, states)
        # The state before the first step, for a sequence without steps, is zero.
        before = tf.concat([tf.zeros([1, ends.shape[1]]), ends], axis=0)
        last = tf.gather(before, tf.expand_dims(length, 0))
        return [tf.expand_dims(states, 0), last, tf.expand_dims(mask, 0)]


def save(model, config, folder):
    """Writes the edge SavedModel.

    Args:
        model: `keras.Model`, trained.
        config: Its `amh_tf.config.ModelConfig`.
        folder: Where to write it.
    """
    edge = EdgeModel(model, config)
    # Not the Keras model itself, which would bring its training graphs along.
    module = tf.Module()
    module.head_weights = [variable.value for variable in edge.weights]
    module.probabilities = edge.probabilities
    tf.saved_model.save(module, str(folder), signatures={"serving_default": edge.probabilities})
