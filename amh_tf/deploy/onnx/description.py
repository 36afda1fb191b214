"""What an ONNX file says of itself: its metadata, texts by name."""

import json

from amh_tf import __version__, feature_kinds, models
from amh_tf.runs.trained import Trained

NOT_FIT = (
    "Emotion is what annotators heard in the data set. Other speakers, languages and microphones "
    "give other answers, mostly worse. The probabilities are not calibrated. Do not decide about "
    "people by this model's answers."
)
# A licence's terms in full are a few times as long.
MAX_LICENCE_BYTES = 4096
SYNTHETIC = "The data are synthetic: the model knows nothing of real speech. "


def of(trained: Trained, half: bool = False) -> dict[str, str]:
    """Describes a trained model.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        half: Whether weights are stored in half precision.

    Returns:
        Dict of texts; what has parts is JSON. A page or a device needs nothing else to name the
        classes and to make the inputs. `licence` is there where a file LICENSE is in the folder of
        the run, or of the data set, that the vocabulary comes from.
    """
    config, inputs = trained.config, trained.inputs
    parts = {
        "classes": list(inputs.classes),
        "modalities": list(config.modalities),
        "hops": hop_targets(trained),
        "features": {
            modality: feature_kinds.describe(inputs.features, modality)
            for modality in config.modalities
        },
        "max_lengths": {modality: inputs.max_lengths[modality] for modality in config.modalities},
        "audio_stride": config.audio_stride,
        "use_energy": inputs.use_energy,
        "trim_silence": inputs.trim_silence,
    }
    texts = {
        "title": config.title,
        "data": inputs.data,
        "fingerprint": trained.run_config.data_fingerprint,
        "standardize": config.standardize,
        "weights": "float16" if half else "float32",
        "release": __version__,
        "limits": (SYNTHETIC if inputs.synthetic else "") + NOT_FIT,
    }
    licence = inputs.vocabulary_path.with_name("LICENSE")
    if licence.is_file():
        texts["licence"] = licence.read_bytes()[:MAX_LICENCE_BYTES].decode("utf-8", "replace")
    return {**texts, **{name: json.dumps(part) for name, part in parts.items()}}


def hop_targets(trained: Trained) -> list[str]:
    """Returns the modality that each of the outputs `attention_1` ... `attention_N` is of."""
    return models.attention_targets(trained.model, trained.config.modalities)
