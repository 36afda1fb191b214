"""The part all models share: from the input dict to each modality's states."""

import keras
import numpy as np

from amh_tf import layers

# Where no vectors are given, the authors draw the word vectors from normal(0, 0.01).
RANDOM_EMBEDDING_STDDEV = 0.01


def policy(dtype):
    """Returns the Keras policy for a `ModelConfig.dtype`: half precision keeps float32 weights."""
    return keras.DTypePolicy(dtype if dtype == "float32" else f"mixed_{dtype}")


def inputs(config):
    """Makes the Keras inputs of the modalities used, as a dict by name."""
    made = {}
    for modality in config.modalities:
        if modality == "text":
            made["text"] = keras.Input((None,), dtype="int32", name="text")
        else:
            width = getattr(config, f"{modality}_width")
            made[modality] = keras.Input((None, width), dtype="float32", name=modality)
        length = f"{modality}_length"
        made[length] = keras.Input((), dtype="int32", name=length)
    return made


def word_vectors(config, embedding=None):
    """Makes the layer from word ids to vectors, trained with the rest.

    Raises:
        ValueError: If `embedding` is not `(vocabulary_size, embedding_width)`.
    """
    shape = (config.vocabulary_size, config.embedding_width)
    if embedding is None:
        initializer = keras.initializers.RandomNormal(0.0, RANDOM_EMBEDDING_STDDEV)
    elif np.shape(embedding) != shape:
        raise ValueError(
            "`embedding` does not fit the vocabulary. Expected shape "
            f"(vocabulary_size, embedding_width)={shape}. "
            f"Received: embedding.shape={np.shape(embedding)}."
        )
    else:
        # Set after building: as an initializer the array would be written into the config.
        initializer = "zeros"
    layer = keras.layers.Embedding(
        *shape, embeddings_initializer=initializer, dtype=policy(config.dtype), name="word_vectors"
    )
    layer.build((None, None))
    if embedding is not None:
        layer.set_weights([np.asarray(embedding, "float32")])
    return layer


def encode(config, model_inputs, embedding=None):
    """Encodes every modality.

    Returns:
        Dicts from modality to last state `(batch, dim)`, to states `(batch, time, dim)` and
        to mask `(batch, time)`.
    """
    last, states, masks = {}, {}, {}
    lengths = {modality: model_inputs[f"{modality}_length"] for modality in config.modalities}
    if config.modality_dropout:
        dropout = layers.ModalityDropout(config.modality_dropout, name="modality_dropout")
        lengths = dropout(lengths)
    for modality in config.modalities:
        sequence = model_inputs[modality]
        mask = layers.LengthMask(name=f"{modality}_mask")
        masks[modality] = mask(sequence, lengths[modality])
        if modality == "text":
            sequence = word_vectors(config, embedding)(sequence)
        encoder = layers.ModalityEncoder(
            getattr(config, f"{modality}_units"),
            cell=config.cell,
            num_layers=getattr(config, f"{modality}_layers"),
            dropout=getattr(config, f"{modality}_dropout"),
            bidirectional=config.bidirectional,
            reset_after=config.reset_after,
            kernel=config.kernel,
            dtype=policy(config.dtype),
            name=f"{modality}_encoder",
        )
        states[modality], last[modality] = encoder(sequence, sequence_mask=masks[modality])
    return last, states, masks
