"""Names and sizes that every room shares: modalities, classes, the TFRecord fields."""

from amh_tf import errors

# Always in this order, in queries, in the fused vector and in every table.
MODALITIES = ("audio", "text", "video")
MODALITY_LETTERS = {"a": "audio", "t": "text", "v": "video"}

# The authors' label ids: class k of their preprocessed folds is PAPER_CLASSES[k].
PAPER_CLASSES = ("ang", "exc", "hap", "sad", "fru", "sur", "neu")
# Utterances of each class among the paper's 7,487, in the order of PAPER_CLASSES.
PAPER_CLASS_COUNTS = (1103, 1041, 595, 1084, 1849, 107, 1708)

AUDIO_WIDTH = 120  # 40 MFCC, first and second derivatives
VIDEO_WIDTH = 2048  # ResNet-101, pooled
EMBEDDING_WIDTH = 300  # GloVe

# The authors cut stored sequences to these lengths.
MAX_LENGTHS = {"audio": 750, "text": 128, "video": 25}

PADDING_WORD, PADDING_ID = "_PAD_", 0
UNKNOWN_WORD, UNKNOWN_ID = "_UNK_", 1
# The whole vocabulary where text is vectors.
RESERVED_WORDS = (PADDING_WORD, UNKNOWN_WORD)

# How scripts without spaces between words are cut: into characters, or at spaces alone.
UNSPACED_SCRIPTS = ("characters", "spaces")

# What of a picture features are made of: the half that shows the speaker, where a corpus says one,
# the whole picture, or the face that is found in the half.
VIDEO_REGIONS = ("half", "whole", "face")

# Scores by their own names; `metrics` has the formulas.
SCORES = (
    "weighted_accuracy",
    "unweighted_accuracy",
    "weighted_precision",
    "macro_precision",
    "weighted_f1",
    "macro_f1",
)

# How shards store vectors; half the bytes lose what no MFCC holds anyway.
FEATURE_DTYPES = ("float32", "float16")

SPLITS = ("train", "dev", "test")

# One tf.train.Example holds one utterance. Features are unpadded raw bytes, row-major
# (time, dim), little-endian: parsing a float_list takes half as long again. Each is one value of
# the list of its kind.
EXAMPLE_FIELDS = {
    "id": "bytes",
    "label": "int64",
    "audio": "bytes",
    "audio_length": "int64",
    "text": "bytes",
    "text_length": "int64",
    "video": "bytes",
    "video_length": "int64",
}


def modalities_from_letters(letters):
    """Spells out a selection such as "atv".

    Args:
        letters: String of "a", "t" and "v", each at most once, in any order.

    Returns:
        Tuple of modality names in the order of `MODALITIES`.

    Raises:
        ValueError: If a letter is unknown, repeated, or none is given.
    """
    chosen = [MODALITY_LETTERS.get(letter) for letter in letters]
    if not chosen or None in chosen or len(set(chosen)) != len(chosen):
        raise errors.refusal(
            "`modalities` is not a selection of modalities",
            "each of the letters a, t and v at most once",
            f"modalities={letters!r}",
            "Set it with --modalities, for example --modalities=atv.",
        )
    return tuple(name for name in MODALITIES if name in chosen)
