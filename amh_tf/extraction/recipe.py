"""What a data set says of itself so that the same features can be made of another recording."""

from amh_tf import feature_kinds
from amh_tf.features import feature_net


def of(settings, encoders, network, region, transcriber):
    """Makes the record.

    Args:
        settings: `Settings`.
        encoders: Dict from modality to its pretrained encoder.
        network: What makes the features of pictures, or None.
        region: `regions.Region` of the pictures, or None.
        transcriber: `transcribe.Transcriber`, or None.

    Returns:
        A dict that JSON can hold; see `feature_kinds`.
    """
    recipe = {
        "made_from": feature_kinds.RECORDINGS,
        "version": feature_kinds.VERSION,
        "modalities": list(settings.modalities),
        "max_lengths": {name: settings.max_lengths[name] for name in settings.modalities},
    }
    encoded = {modality: encoder.record for modality, encoder in encoders.items()}
    if "audio" in settings.modalities:
        recipe["audio"] = encoded.get("audio", {"use_energy": settings.use_energy})
        if settings.trim_silence:
            recipe["audio"] = {**recipe["audio"], "trim_silence": settings.trim_silence}
    if "text" in settings.modalities:
        recipe["text"] = {
            **encoded.get("text", {}),
            "transcripts": settings.transcripts,
            "recognizer": transcriber and transcriber.description,
            "unspaced_scripts": settings.unspaced_scripts,
        }
    if "video" in settings.modalities:
        made_with = settings.resnet_weights, settings.resnet_dtype, settings.resnet_resize
        own = encoded.get("video") or feature_net.record(network, *made_with)
        recipe["video"] = {**own, **region.record}
    return recipe
