"""The SavedModel that `tensorflow_model_server` loads as it is."""

import tensorflow as tf
from tensorflow.python.saved_model import method_name_updater

from amh_tf import models
from amh_tf.deploy import examples, input_checks, limits, raw_inputs, slices

CLASSIFY_METHOD = "tensorflow/serving/classify"


def _spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name)


class ServingModule(tf.Module):
    """A trained model's signatures, each for a batch of any size.

    - `serving_default`: features and lengths to `probabilities` (batch, classes) and `classes`
      (batch, classes), the names in the same order.
    - `classify`: serialized Examples to `scores` and `classes`, as the Classify call wants it.
    - `attention`, where the model has any: as `serving_default`, with `attention_1` ...
      `attention_N` (batch, time) of the modality that the hop attends to.
    - `raw`, where the data set says that its audio features are MFCC as made here, and its text
      words: `waveform`, `waveform_length`, `transcript`, `video`, `video_length`, as far as the
      model reads them.
    - `raw_wav`, where it also reads audio: the same with `wav_bytes` in place of the waveform.

    A model that standardizes by the speaker also takes `audio_mean` and `audio_deviation` (batch,
    width), and the same of video. In `raw` and `raw_wav` a deviation of zeros asks for the
    utterance's own.

    A modality of length 0 is absent; its sequence may have no steps. Input that cannot be
    answered raises INVALID_ARGUMENT, which names it.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
    """

    def __init__(self, trained):
        super().__init__(name="amh")
        self._config = trained.config
        for member in models.members(trained.model):
            for modality in self._config.modalities:
                encoder = member.get_layer(f"{modality}_encoder")
                # Built of TensorFlow's own operations, and the fastest on processors.
                encoder.kernel, encoder.served = "packed", True
        self.limits = limits.Limits(trained.inputs.max_lengths)
        # Keras models carry their training graphs into a SavedModel; weights alone are needed.
        members = len(models.members(trained.model))  # which TensorFlow runs side by side
        steps = {modality: most // members for modality, most in self.limits.slice_steps.items()}
        self._run = slices.Slices(trained.model, steps)
        self._run_attention = _attention(trained.model, steps)
        self.model_weights = [variable.value for variable in trained.model.weights]
        self._classes = tf.constant(trained.inputs.classes)
        self.functions = {
            "serving_default": self._function(self._predict, self._feature_specs()),
            "classify": tf.function(
                self._classify, input_signature=[_spec([None], tf.string, "inputs")]
            ),
        }
        if self._run_attention is not None:
            self.functions["attention"] = self._function(self._attend, self._feature_specs())
        self._add_raw(trained, raw_inputs.made_of(trained))

    def _add_raw(self, trained, modalities):
        if not modalities:
            return
        most = trained.inputs.max_lengths
        specs = {
            name: spec
            for name, spec in self._feature_specs().items()
            if name not in ("audio", "audio_length", "text", "text_length")
        }
        if "text" in modalities:
            words = most["text"], trained.unspaced_scripts
            self.words = raw_inputs.Words(trained.inputs.vocabulary_path, self.limits, *words)
            specs["transcript"] = _spec([None], tf.string, "transcript")
        if "audio" in modalities:
            recipe = most["audio"], trained.inputs.use_energy, trained.inputs.trim_silence
            self._sound = raw_inputs.Sound(self.limits, *recipe)
            sound = {
                "waveform": _spec([None, None], tf.float32, "waveform"),
                "waveform_length": _spec([None], tf.int32, "waveform_length"),
            }
            self.functions["raw"] = self._function(self._predict_raw, {**sound, **specs})
            wav = {"wav_bytes": _spec([None], tf.string, "wav_bytes")}
            self.functions["raw_wav"] = self._function(self._predict_raw, {**wav, **specs})
        else:
            self.functions["raw"] = self._function(self._predict_raw, specs)

    def _function(self, function, specs):
        def limited(inputs):
            rows = self.limits.rows
            return function({name: rows(value, name) for name, value in inputs.items()})

        return tf.function(limited, input_signature=[specs], autograph=False)

    def _feature_specs(self):
        specs = {}
        for name in self._config.input_names:
            shape, dtype = self._config.input_spec(name)
            specs[name] = _spec([None, *shape], dtype, name)
        return specs

    def _with_classes(self, logits):
        probabilities = tf.nn.softmax(logits)
        names = tf.tile(self._classes[None, :], [tf.shape(probabilities)[0], 1])
        return {"probabilities": probabilities, "classes": names}

    def _checked(self, inputs):
        return input_checks.model_inputs(inputs, self._config, self.limits)

    def _predict(self, inputs):
        return self._with_classes(self._run(self._checked(inputs)))

    def _classify(self, inputs):
        serialized = self.limits.rows(inputs, "inputs")
        answer = self._predict(examples.parse(serialized, self._config, self.limits))
        return {"scores": answer["probabilities"], "classes": answer["classes"]}

    def _attend(self, inputs):
        outputs = self._run_attention(self._checked(inputs))
        weights = {name: w for name, w in outputs.items() if name.startswith("attention")}
        return {**self._with_classes(outputs["logits"]), **weights}

    def _predict_raw(self, inputs):
        features = {}
        for modality in self._config.modalities:
            if modality == "audio":
                sequence = self._audio_features(inputs)
            elif modality == "text":
                sequence = self.words.ids(inputs["transcript"])
            else:
                sequence = inputs[modality], inputs[f"{modality}_length"]
            features[modality], features[f"{modality}_length"] = sequence
            if modality in self._config.by_speaker:
                names = [f"{modality}_{statistic}" for statistic in ("mean", "deviation")]
                statistics = raw_inputs.statistics(*sequence, *(inputs[name] for name in names))
                features.update(zip(names, statistics))
        return self._predict(features)

    def _audio_features(self, inputs):
        if "wav_bytes" in inputs:
            return self._sound.from_wav_bytes(inputs["wav_bytes"])
        return self._sound.from_waveforms(inputs["waveform"], inputs["waveform_length"])


def _attention(model, max_steps):
    try:
        return slices.Slices(models.attention_model(model), max_steps)
    except ValueError:  # MDRE has no attention
        return None


def save(trained, folder):
    """Writes the serving SavedModel.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        folder: Where to write it.

    Returns:
        `ServingModule`.
    """
    module = ServingModule(trained)
    tf.saved_model.save(
        module,
        str(folder),
        signatures=module.functions,
        # Nobody trains what is served.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    updater = method_name_updater.MethodNameUpdater(str(folder))
    updater.replace_method_name(signature_key="classify", method_name=CLASSIFY_METHOD)
    updater.save()
    return module
