"""Opens an encoder, whatever it is kept in."""

from amh_tf.features.pretrained import (
    encoder_files,
    hugging_face,
    onnx_file,
    picture_encoder,
    sound_encoder,
    word_encoder,
)

_ENCODERS = {
    "audio": ("Sound", sound_encoder.SoundEncoder),
    "text": ("Texts", word_encoder.WordEncoder),
    "video": ("Pictures", picture_encoder.PictureEncoder),
}


def open_encoder(modality, chosen):
    """Reads an encoder.

    Args:
        modality: One of `schema.MODALITIES`.
        chosen: `choice.Choice`.

    Returns:
        `SoundEncoder`, `WordEncoder` or `PictureEncoder`.

    Raises:
        InputError: If it cannot be read, or does not suit.
        ImportError: If the extra `transformers` is not installed.
    """
    encoder_files.check(modality, chosen)
    name, encoder = _ENCODERS[modality]
    network = getattr(onnx_file if chosen.is_file else hugging_face, name)(chosen)
    return encoder(network, chosen, encoder_files.digests(modality, chosen))
