"""The part all models share: from the input dict to each modality's states."""

from typing import TypeAlias, cast

import keras
import numpy as np

from amh_tf import errors, layers, schema
from amh_tf.config import AUGMENTATIONS, ModelConfig

# Where no vectors are given, the authors draw the word vectors from normal(0, 0.01).
RANDOM_EMBEDDING_STDDEV = 0.01
Tensors: TypeAlias = dict[str, keras.KerasTensor]
_STATISTICS = ("mean", "deviation")


def policy(dtype: str) -> keras.DTypePolicy:
    """Returns the Keras policy for a `ModelConfig.dtype`: half precision keeps float32 weights."""
    return keras.DTypePolicy(dtype if dtype == "float32" else f"mixed_{dtype}")


def inputs(config: ModelConfig) -> Tensors:
    """Makes the Keras inputs of the modalities used, as a dict by name."""
    tensors = {}
    for name in config.input_names:
        shape, dtype = config.input_spec(name)
        tensors[name] = keras.Input(shape, dtype=dtype, name=name)
    return tensors


def word_vectors(
    config: ModelConfig, embedding: np.ndarray | None = None
) -> keras.layers.Embedding:
    """Makes the layer from word ids to vectors, trained with the rest.

    Raises:
        ValueError: If `embedding` is not `(vocabulary_size, embedding_width)`.
    """
    shape = (config.vocabulary_size, config.embedding_width)
    if embedding is None:
        initializer = keras.initializers.RandomNormal(0.0, RANDOM_EMBEDDING_STDDEV)
    elif np.shape(embedding) != shape:
        raise errors.refusal(
            "`embedding` does not fit the vocabulary",
            f"shape (vocabulary_size, embedding_width)={shape}",
            f"embedding.shape={np.shape(embedding)}",
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


def front_end(
    config: ModelConfig, modality: str, model_inputs: Tensors, length: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Prepares a modality's vectors for its encoder: averages, standardizes, and augments them.

    Those of text pass as they are.

    Args:
        config: `amh_tf.config.ModelConfig`.
        modality: One whose steps are vectors.
        model_inputs: As `inputs` makes them.
        length: The modality's lengths, `(batch,)`.

    Returns:
        Sequence `(batch, time, width)` and lengths.
    """
    sequence = model_inputs[modality]
    # In single precision whatever the model's: raw features have means far from 0.
    if modality == "audio" and (config.audio_stride != 1 or config.audio_speed):
        average = layers.FrameAverage(
            config.audio_stride, config.audio_speed, dtype="float32", name="audio_average"
        )
        sequence, length = average(sequence, length)
    if modality in config.standardized:
        own = config.standardize == "global"
        standardize = layers.Standardize(own, dtype="float32", name=f"{modality}_standardize")
        statistics = () if own else tuple(model_inputs[f"{modality}_{w}"] for w in _STATISTICS)
        sequence = standardize(sequence, *statistics)
    settings = {
        name.removeprefix(f"{modality}_"): getattr(config, name)
        for name in AUGMENTATIONS
        if name.startswith(modality) and name != "audio_speed"
    }
    if any(settings.values()):
        if modality == "audio" and config.audio_width == schema.AUDIO_WIDTH:
            settings["blocks"] = 3  # MFCC, first and second derivatives
        name = f"{modality}_augmentation"
        augmentation = layers.Augmentation(**settings, dtype="float32", name=name)
        sequence = augmentation(sequence, length)
    return sequence, length


def encode(
    config: ModelConfig, model_inputs: Tensors, embedding: np.ndarray | None = None
) -> tuple[Tensors, Tensors, Tensors]:
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
        sequence, length = model_inputs[modality], lengths[modality]
        if not config.reads_word_ids(modality):
            sequence, length = front_end(config, modality, model_inputs, length)
        mask = layers.LengthMask(name=f"{modality}_mask")
        masks[modality] = mask(sequence, length)
        if config.reads_word_ids(modality):
            sequence = word_vectors(config, embedding)(sequence)
        encoder = layers.ModalityEncoder(
            getattr(config, f"{modality}_units"),
            cell=cast(str, config.cell),  # never None once the configuration is made
            num_layers=getattr(config, f"{modality}_layers"),
            dropout=getattr(config, f"{modality}_dropout"),
            bidirectional=bool(config.bidirectional),
            reset_after=config.reset_after,
            kernel=config.kernel,
            dtype=policy(config.dtype),
            name=f"{modality}_encoder",
        )
        states[modality], last[modality] = encoder(sequence, sequence_mask=masks[modality])
        if config.state_dropout:
            for kind, vectors in (("states", states), ("last", last)):
                dropout = layers.StepDropout(
                    config.state_dropout,
                    dtype=policy(config.dtype),
                    name=f"{modality}_{kind}_dropout",
                )
                vectors[modality] = dropout(vectors[modality])
    return last, states, masks
