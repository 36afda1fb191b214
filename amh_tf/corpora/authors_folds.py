"""The authors' preprocessed folds: one folder of NumPy arrays per fold.

    foldNN/{train,dev,test}_{audio_mfcc,audio_seqN,nlp_trans,video,video_seqN,label}.npy
    foldNN/dic.pkl          word -> id, with _PAD_ 0 and _UNK_ 1
    foldNN/W_embedding.npy  (vocabulary, 300)

Text may also be vectors of any width: nlp_trans (utterances, time, width), with nlp_seqN, the steps
of each, and neither dic.pkl nor W_embedding.npy.

The prosody arrays beside them are not read: the authors' model never used them.
Everything is checked before the first utterance is given out. The arrays do not say how the
features were made, whatever their names and widths: the user declares it.
"""

import hashlib
from pathlib import Path

import numpy as np

from amh_tf import checking, errors, feature_kinds, schema
from amh_tf.corpora import authors_arrays, feature_claims, safe_pickle, source


def _check_classes(classes):
    some = 2 <= len(classes) <= checking.MAX_CLASSES and len(set(classes)) == len(classes)
    if not some or not all(checking.is_name(name) and name.strip() for name in classes):
        raise errors.refusal(
            "`classes` are not class names",
            f"2 to {checking.MAX_CLASSES} different ones, each of {checking.NAME}",
            f"classes={','.join(classes)!r}",
            "Set them with --classes.",
        )


def _is_one_line(word):
    try:
        return b"\n" not in word.encode() and "\r" not in word
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def _vocabulary(path):
    authors_arrays.require_file(path)
    ids = safe_pickle.read_dictionary(path)
    words = sorted(ids, key=ids.get)
    reserved = {schema.PADDING_WORD: schema.PADDING_ID, schema.UNKNOWN_WORD: schema.UNKNOWN_ID}
    if sorted(ids.values()) != list(range(len(ids))) or any(
        ids.get(word) != number for word, number in reserved.items()
    ):
        raise errors.refusal(
            f"{str(path)!r} does not number its words",
            f"the ids 0 to {len(ids) - 1}, once each, with {reserved}",
            f"ids from {min(ids.values(), default=None)!s:.20} to "
            f"{max(ids.values(), default=None)!s:.20}, "
            f"{ {word: ids.get(word) for word in reserved} }",
        )
    broken = [word for word in words if not _is_one_line(word)]
    if broken:
        raise errors.refusal(
            f"{str(path)!r} holds a word that cannot be written",
            "words of one line of Unicode text",
            f"{broken[0]!r}",
        )
    return tuple(words)


def _embedding(path, vocabulary_size):
    vectors = authors_arrays.as_stored(authors_arrays.load(path, "f", 2))
    if len(vectors) != vocabulary_size:
        raise errors.refusal(
            f"{str(path)!r} does not fit dic.pkl",
            f"one row for each of the {vocabulary_size} words",
            f"shape={vectors.shape}",
        )
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise errors.refusal(
            f"{str(path)!r} holds vectors that are not finite",
            "numbers",
            f"NaN or infinity in {int(bad.sum())} rows, the first {int(bad.argmax())}",
        )
    return vectors


def read(
    folder,
    classes=schema.PAPER_CLASSES,
    max_lengths=None,
    name=None,
    transcripts="reference",
    declared=None,
):
    """Reads one fold of the authors' preprocessed data.

    Args:
        folder: Folder of one fold.
        classes: Class names in the order of the labels.
        max_lengths: Dict from modality to the number of steps kept. Defaults to the authors'
            750 / 128 / 25.
        name: What to call the data set. Defaults to the folder's name.
        transcripts: "reference", or "asr" where the words were recognized.
        declared: Dict from modalities to how their features were made, as far as somebody knows;
            records as in `feature_kinds`. Of text only where it is vectors.

    Returns:
        `amh_tf.corpora.source.Source`.

    Raises:
        ValueError: If an array is missing, damaged, of another kind, does not fit the others,
            or holds labels, ids, lengths or features that cannot be right, or are not what is
            declared. The message names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise errors.refusal(
            "The source folder is missing",
            "a folder",
            f"{str(folder)!r}",
            "Set it with --source_dir.",
        )
    classes = tuple(classes)
    _check_classes(classes)
    max_lengths = {**schema.MAX_LENGTHS, **(max_lengths or {})}
    vocabulary, embedding, vocabulary_size = schema.RESERVED_WORDS, None, None
    vectors = [*schema.MODALITIES]
    if not authors_arrays.holds_vectors(folder):
        vectors.remove("text")
        vocabulary = _vocabulary(folder / "dic.pkl")
        vocabulary_size = len(vocabulary)
        embedding = _embedding(folder / "W_embedding.npy", vocabulary_size)
    splits = {
        split: authors_arrays.Split(folder, split, classes, vocabulary_size, max_lengths)
        for split in schema.SPLITS
    }
    widths = {}
    for modality in vectors:
        by_split = {split: part.sequences[modality].shape[2] for split, part in splits.items()}
        if len(set(by_split.values())) != 1:
            raise errors.refusal(
                f"The {modality} arrays in {str(folder)!r} do not fit each other",
                "one width",
                by_split,
            )
        widths[modality] = by_split["train"]
    described = [classes, sorted(max_lengths.items()), vocabulary, widths, transcripts]
    digest = hashlib.sha256(repr(described).encode())
    if embedding is not None:
        digest.update(np.ascontiguousarray(embedding))
    if "text" in (declared or {}) and "text" not in vectors:
        raise errors.refusal(
            f"`text_features` says nothing of the text in {str(folder)!r}",
            "text that is vectors; of word ids dic.pkl says it",
            "word ids",
            "Leave --text_features out.",
        )
    unknown = {"kind": feature_kinds.UNKNOWN}
    declared = {**({"text": unknown} if "text" in vectors else {}), **(declared or {})}
    claims = {
        modality: feature_claims.make(modality, recipe, widths[modality], folder)
        for modality, recipe in declared.items()
    }
    for part in splits.values():
        part.check_features(digest, claims)
    for claim in claims.values():
        claim.check()
    return source.Source(
        name=name or f"preprocessed fold {folder.resolve().name}",
        synthetic=False,
        classes=classes,
        widths=widths,
        vocabulary=vocabulary,
        embedding=embedding,
        index=tuple(entry for part in splits.values() for entry in part.index()),
        utterances=lambda: (u for part in splits.values() for u in part.utterances()),
        transcripts=transcripts,
        fingerprint=digest.hexdigest(),
        features={"made_from": feature_kinds.FOLDS, "max_lengths": max_lengths, **declared},
    )
