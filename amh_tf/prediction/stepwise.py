"""A trained model that reads its inputs piece by piece."""

import numpy as np
import tensorflow as tf

from amh_tf import layers, models
from amh_tf.layers.kernels import choice
from amh_tf.models import parts


class StepwiseModel:
    """A trained model, or an ensemble: encoders that read on, and what follows them.

    Each of its functions is one graph for pieces of any length. All are built here, so that no
    piece waits for one. Several streams may use it at the same time.

    Args:
        model: `keras.Model`, whose encoders read forward alone.
        settings: Its `amh_tf.config.ModelConfig`.
    """

    def __init__(self, model, settings):
        self._settings = settings
        self._members = [parts.cut(member) for member in models.members(model)]
        self._mean = layers.MeanProbability()
        self._readers = {name: self._reader(name) for name in settings.modalities}
        states = {name: self._states_specs(name) for name in settings.modalities}
        lengths = {name: tf.TensorSpec([], tf.int32) for name in settings.modalities}
        self._answers = _graph(self._answer, [states, lengths])
        self._warm_up()

    def start(self, modality):
        """Returns the state of the members' encoders over a modality before its first step."""
        return tuple(member.encoders[modality].initial_state() for member in self._members)

    def no_states(self, modality, steps):
        """Returns zeros in place of so many steps of each member's states, `(steps, units)`."""
        return [
            np.zeros((steps, spec.shape[1]), spec.dtype.as_numpy_dtype)
            for spec in self._states_specs(modality)
        ]

    def read(self, modality, steps, state, statistics):
        """Reads the next steps of a modality.

        Args:
            modality: "audio", "text" or "video".
            steps: `(time, width)` float32, of words `(time,)` int32; at least one. Of audio whole
                groups of those that the model averages, but for the last of all.
            state: `start`, or what was returned with the steps before.
            statistics: Dict of what the modality is standardized by, such as "audio_mean", where
                that is the speaker's; each `(width,)` float32.

        Returns:
            List of each member's states, `(time, units)`; the state after them.
        """
        states, state = self._readers[modality](tf.constant(steps), statistics, state)
        return [of_member.numpy() for of_member in states], state

    def answer(self, states):
        """Returns what the model gives for the states so far.

        Args:
            states: Dict from modality to the list of each member's states, `(time, units)`; no
                steps where the modality is absent.

        Returns:
            Dict of `logits` (classes,) and, where the model has attention, `attention_1` ... (time
            of the modality,), arrays.
        """
        lengths, padded = {}, {}
        for name, of_members in states.items():
            count = len(of_members[0])
            shown = of_members if count else self.no_states(name, 1)  # no time axis would not do
            lengths[name] = tf.constant(count, tf.int32)
            padded[name] = [tf.constant(one) for one in shown]
        outputs = self._answers(padded, lengths)
        return {name: values[0].numpy() for name, values in outputs.items()}

    def _states_specs(self, modality):
        encoders = [member.encoders[modality] for member in self._members]
        return [tf.TensorSpec([None, one.output_dim], one.compute_dtype) for one in encoders]

    def _specs(self, modality):
        """Returns the specs of the arguments of a modality's reader."""
        shape, dtype = self._settings.input_spec(modality)
        steps = tf.TensorSpec(shape, dtype)
        names = [name for name in self._settings.statistics_names if name.startswith(modality)]
        statistics = {name: tf.TensorSpec(*self._settings.input_spec(name)) for name in names}
        state = tf.nest.map_structure(tf.TensorSpec.from_tensor, self.start(modality))
        return steps, statistics, state

    def _reader(self, modality):
        def read(steps, statistics, state):
            none = tf.zeros([1], tf.int32)
            inputs = {f"{name}_length": none for name in self._settings.modalities}
            inputs |= {name: value[None] for name, value in statistics.items()}
            inputs |= {modality: steps[None], f"{modality}_length": tf.shape(steps)[:1]}
            pairs = [
                member.encoders[modality].advance(member.before[modality](inputs), of_member)
                for member, of_member in zip(self._members, state)
            ]
            states, state = zip(*pairs)
            return [one[0] for one in states], state

        return _graph(read, self._specs(modality))

    def _answer(self, states, lengths):
        outputs = []
        for number, member in enumerate(self._members):
            inputs = {}
            for modality, of_members in states.items():
                sequence = of_members[number][None]
                inputs[f"{modality}_states"] = sequence
                inputs[f"{modality}_last"] = sequence[:, -1]
                inputs[f"{modality}_mask"] = tf.sequence_mask(
                    lengths[modality][None], tf.shape(sequence)[1]
                )
            with choice.preferred():
                outputs.append(member.after(inputs))
        if len(outputs) == 1:
            return outputs[0]
        # As an ensemble joins its members, and shows their attention.
        joined = {
            name: tf.add_n([one[name] for one in outputs]) / len(outputs) for name in outputs[0]
        }
        joined["logits"] = self._mean([one["logits"] for one in outputs])
        return joined

    def _warm_up(self):
        states = {}
        for modality in self._settings.modalities:
            steps, statistics, _ = self._specs(modality)
            one = np.zeros([1, *steps.shape[1:]], steps.dtype.as_numpy_dtype)
            none = {name: tf.zeros(spec.shape) for name, spec in statistics.items()}
            states[modality], _ = self.read(modality, one, self.start(modality), none)
        self.answer(states)


def _graph(function, specs):
    return tf.function(function, specs, autograph=False).get_concrete_function()
