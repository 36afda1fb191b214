"""Requests that a server answers before it takes any: the first ones would be slow otherwise.

TensorFlow Serving reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord file of
`PredictionLog`s. They hold noise, no real data.
"""

import io
import wave

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2

from amh_tf import schema
from amh_tf.features import audio

FILE = "assets.extra/tf_serving_warmup_requests"
BATCH_SIZES = (1, 8)
SECONDS = 2


def _features(config, batch, rng):
    inputs = {}
    for modality in config.modalities:
        steps = schema.MAX_LENGTHS[modality] // 2
        if config.reads_word_ids(modality):
            inputs[modality] = rng.integers(1, config.vocabulary_size, (batch, steps), np.int32)
        else:
            (_, width), _ = config.input_spec(modality)
            inputs[modality] = rng.standard_normal((batch, steps, width), np.float32)
        inputs[f"{modality}_length"] = np.full(batch, steps, np.int32)
    for name in config.statistics_names:
        shape, _ = config.input_spec(name)
        inputs[name] = np.full((batch, *shape), name.endswith("_deviation"), np.float32)
    return inputs


def _wav(waveform):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(audio.SAMPLE_RATE)
        writer.writeframes((waveform * 32767).astype("<i2").tobytes())
    return file.getvalue()


def request_inputs(signature, names, config, batch):
    """Makes the inputs of one request.

    Args:
        signature: Name of the signature.
        names: Names of its inputs.
        config: `amh_tf.config.ModelConfig`.
        batch: Utterances.

    Returns:
        Dict from name to array.
    """
    rng = np.random.default_rng(0)
    waveform = rng.uniform(-0.1, 0.1, (batch, SECONDS * audio.SAMPLE_RATE)).astype(np.float32)
    features = _features(config, batch, rng)
    inputs = {
        **features,
        "waveform": waveform,
        "waveform_length": np.full(batch, waveform.shape[1], np.int32),
        "transcript": np.array(["warming up, please wait."] * batch, object),
        "wav_bytes": np.array([_wav(row) for row in waveform], object),
        "inputs": np.array([_example(features, row) for row in range(batch)], object),
    }
    return {name: inputs[name] for name in names}


def _example(features, row):
    fields = {}
    for name, values in features.items():
        if name.endswith("_length"):
            value = tf.train.Feature(int64_list=tf.train.Int64List(value=[values[row]]))
        elif name.endswith(("_mean", "_deviation")):
            value = tf.train.Feature(float_list=tf.train.FloatList(value=values[row]))
        else:
            value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[values[row].tobytes()]))
        fields[name] = value
    return tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString()


def write(folder, model_name, signatures, config):
    """Writes warm-up requests for every signature.

    Args:
        folder: Folder of the SavedModel.
        model_name: What the server calls the model.
        signatures: Dict from signature to the names of its inputs.
        config: `amh_tf.config.ModelConfig`.
    """
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, names in signatures.items():
            for batch in BATCH_SIZES:
                inputs = request_inputs(signature, names, config, batch)
                log = prediction_log_pb2.PredictionLog()
                if signature == "classify":
                    request = classification_pb2.ClassificationRequest()
                    examples = request.input.example_list.examples
                    examples.extend(map(tf.train.Example.FromString, inputs["inputs"]))
                    log.classify_log.request.CopyFrom(request)
                else:
                    request = predict_pb2.PredictRequest()
                    for name, value in inputs.items():
                        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
                    log.predict_log.request.CopyFrom(request)
                target = getattr(log, log.WhichOneof("log_type")).request.model_spec
                target.name, target.signature_name = model_name, signature
                writer.write(log.SerializeToString())
