"""From clips to the probabilities of the classes."""

import contextlib
import functools

import numpy as np
import tensorflow as tf

from amh_tf import errors, models, schema
from amh_tf.data import records
from amh_tf.features import transcribe
from amh_tf.layers.kernels import choice, compiled
from amh_tf.prediction import clip as clips
from amh_tf.prediction import clip_features, speakers, stepwise
from amh_tf.runs import run_folder, run_inputs

# Clips that a model answers at a time: more are hardly faster, and take more memory.
BATCH = 16


class Predictor:
    """A trained run, read once, that answers any number of clips.

    Args:
        run_dir: Folder of a trained run.
        data_dir: Where the run's data set is now, to go by what that says of itself today; None
            for what the run has noted.

    Attributes:
        settings: The run's `amh_tf.config.ModelConfig`.
        inputs: What it noted of its data set, `amh_tf.runs.run_inputs.RunInputs`.
        reader: `clip_features.ClipReader` of its features.

    Raises:
        InputError: If the run has no model, or its notes cannot be read.
    """

    def __init__(self, run_dir, data_dir=None):
        folder = run_folder.RunFolder(run_dir)
        self.settings = folder.load_config().model
        self.inputs = run_inputs.load(run_dir, folder.load_config(), data_dir)
        self.reader = clip_features.ClipReader(self.settings, self.inputs)
        self._model = shown_by = folder.load_model()
        self._targets = models.attention_targets(self._model, self.settings.modalities)
        if self._targets:
            shown_by = models.attention_model(self._model)
        if compiled.is_compiled():  # nobody waits for a compiler because of one clip
            with contextlib.suppress(compiled.NotAvailable):
                compiled.load()

        def outputs(batch):
            with choice.preferred():
                return shown_by(batch, training=False)

        # As one graph for all lengths: the encoders of several members would each make their own.
        self._outputs = tf.function(outputs, autograph=False, reduce_retracing=True)

    @functools.cached_property
    def stepwise(self):
        """The `stepwise.StepwiseModel` that all streams share."""
        return stepwise.StepwiseModel(self._model, self.settings)

    def predict(
        self,
        all_clips,
        resnet_weights=None,
        asr=transcribe.AUTO,
        asr_model=None,
        asr_language=None,
        asr_compute_type="default",
        enroll=(),
        audio_features=None,
        text_features=None,
        video_features=None,
    ):
        """Predicts clips.

        Args:
            all_clips: Sequence of `clip.Clip`.
            resnet_weights: Weights file of ResNet-101, the one that the data set was made with.
            asr, asr_model, asr_language, asr_compute_type: Speech recognizer, its model, the
                language that is spoken and the precision; see `transcribe.start_recognizer`.
            enroll: Other recordings of the same speaker, sound or videos, by which a model that
                standardizes by the speaker does so; without them each clip itself.
            audio_features, text_features, video_features: Where the encoder is that made the
                features of the data set.

        Returns:
            List of `clip.Prediction`, in the same order.

        Raises:
            InputError: If it is not declared that the run's features are those that are made here,
                the weights are others, or a clip cannot be read.
            ImportError: If a package of an extra is needed and not installed.
        """
        encoders = {"audio": audio_features, "text": text_features, "video": video_features}
        recognizer = asr, asr_model, asr_language, asr_compute_type
        speaker = speakers.Speaker(enroll)
        predictions = []
        for first in range(0, len(all_clips), BATCH):
            batch = [
                self.reader.read(clip, resnet_weights, encoders, recognizer, speaker)
                for clip in all_clips[first : first + BATCH]
            ]
            predictions += self.answers(batch)
        return predictions

    def answers(self, batch):
        """Answers features, at most `BATCH` at a time.

        Args:
            batch: List of `clip_features.ClipFeatures`.

        Returns:
            List of `clip.Prediction`, in the same order.
        """
        outputs = self._outputs(self._model_inputs(batch))
        outputs = outputs if self._targets else {"logits": outputs}
        outputs = {name: np.asarray(values) for name, values in outputs.items() if name != "fused"}
        return [
            self.answer(features, {name: values[row] for name, values in outputs.items()})
            for row, features in enumerate(batch)
        ]

    def _model_inputs(self, batch):
        """Pads clips to the longest of them, as the model takes them."""
        inputs = {
            name: np.stack([features.statistics[name] for features in batch])
            for name in self.settings.statistics_names
        }
        for modality in self.settings.modalities:
            sequences = [features.sequences[modality] for features in batch]
            lengths = np.array([len(sequence) for sequence in sequences], np.int32)
            # No time axis at all would not do.
            shape = len(batch), max(1, lengths.max()), *sequences[0].shape[1:]
            padded = np.zeros(shape, sequences[0].dtype)
            for row, sequence in enumerate(sequences):
                padded[row, : len(sequence)] = sequence
            inputs[modality], inputs[f"{modality}_length"] = padded, lengths
        return {name: tf.constant(array) for name, array in inputs.items()}

    def answer(self, features, outputs):
        """Makes the `Prediction` of a clip.

        Args:
            features: `clip_features.ClipFeatures`; of the sequences their lengths are read, and
                the ids of the words.
            outputs: Dict of `logits` (classes,) and, where the model has attention,
                `attention_1` ... (time,), arrays.

        Raises:
            InputError: If the model gives values that are not numbers.
        """
        logits = outputs["logits"].astype(np.float64)
        if not np.isfinite(logits).all():
            raise errors.refusal(
                "The model gives values that are not numbers",
                "finite ones",
                logits,
                "Train again with a smaller --learning_rate.",
            )
        weights = np.exp(logits - logits.max())
        probabilities = (weights / weights.sum()).astype(np.float32)
        inputs, stride = self.inputs, self.settings.audio_stride
        steps = {name: len(sequence) for name, sequence in features.sequences.items()}
        steps["audio"] = -(-steps["audio"] // stride)
        return clips.Prediction(
            data=inputs.title,
            classes=tuple(inputs.classes),
            probabilities=dict(zip(inputs.classes, probabilities.tolist())),
            text=features.text,
            words=features.words,
            known=self._known(features.sequences["text"]),
            waveform=features.waveform,
            frames=features.frames,
            hops=[
                (target, outputs[f"attention_{hop}"][: steps[target]])
                for hop, target in enumerate(self._targets, 1)
            ],
            notes=features.notes,
            audio_stride=stride,
            audio_start=features.audio_start,
            audio_steps_per_second=inputs.audio_steps_per_second,
        )

    def _known(self, steps):
        """Says of each word whether the model knows it, as it does whatever an encoder makes."""
        if records.are_vectors("text", self.inputs.widths):
            return [True] * len(steps)
        return [number != schema.UNKNOWN_ID for number in steps.tolist()]
