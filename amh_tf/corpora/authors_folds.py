"""The authors' preprocessed folds: one folder of NumPy arrays per fold.

    foldNN/{train,dev,test}_{audio_mfcc,audio_seqN,nlp_trans,video,video_seqN,label}.npy
    foldNN/dic.pkl          word -> id, with _PAD_ 0 and _UNK_ 1
    foldNN/W_embedding.npy  (vocabulary, 300)

The prosody arrays that lie beside them are not read: the authors' model never used them.
Everything is checked before the first utterance is given out. The arrays do not say how the
features were made, whatever their names and widths: whoever knows declares it.
"""

import hashlib
from pathlib import Path

import numpy as np

from amh_tf import checking, errors, feature_kinds, files, schema
from amh_tf.corpora import feature_claims, safe_pickle, source

# What must be there: the kind of number and the number of dimensions.
ARRAYS = {
    "audio_mfcc": ("f", 3),
    "audio_seqN": ("i", 1),
    "nlp_trans": ("i", 2),
    "video": ("f", 3),
    "video_seqN": ("i", 1),
    "label": ("i", 1),
}
KINDS = {"f": "floating-point numbers", "i": "integers"}


def _require_file(path):
    if not path.is_file():
        raise errors.InputError(
            f"{str(path)!r} is missing. Expected the files of one fold of the authors' "
            "preprocessed data. Received: no such file. Set their folder with --source_dir."
        )


def _load(path, kind, rank):
    """Maps an array into memory and checks what kind it is."""
    _require_file(path)
    array = files.map_array(path)
    kinds = "iu" if kind == "i" else "f"
    if array.dtype.kind not in kinds or array.ndim != rank or 0 in array.shape[1:]:
        raise errors.InputError(
            f"{str(path)!r} holds another kind of array. Expected {rank} dimensions of "
            f"{KINDS[kind]}. Received: shape={array.shape}, dtype={array.dtype}."
        )
    return array


def _features(array):
    """Returns features as they will be stored; what float32 cannot hold becomes infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)


def _check_classes(classes):
    some = 2 <= len(classes) <= checking.MAX_CLASSES and len(set(classes)) == len(classes)
    if not some or not all(checking.is_name(name) and name.strip() for name in classes):
        raise errors.InputError(
            f"`classes` are not class names. Expected 2 to {checking.MAX_CLASSES} different ones, "
            f"each of {checking.NAME}. Received: "
            f"classes={','.join(classes)!r}. Set them with --classes."
        )


class _Split:
    """One of train, dev and test, checked when made."""

    def __init__(self, folder, split, classes, vocabulary_size, max_lengths):
        self.folder = folder
        self.split = split
        self.max_lengths = max_lengths
        arrays = {
            name: _load(self._path(name), kind, rank) for name, (kind, rank) in ARRAYS.items()
        }
        self._check_counts(arrays)
        self._check_range("label", arrays["label"], len(classes) - 1, "a class id")
        self._check_range("nlp_trans", arrays["nlp_trans"], vocabulary_size - 1, "a word id")
        for lengths, array in (("audio_seqN", "audio_mfcc"), ("video_seqN", "video")):
            steps = arrays[array].shape[1]
            self._check_range(lengths, arrays[lengths], steps, f"a length within {array}")
        self.labels = np.asarray(arrays["label"])
        self.sequences = {
            "audio": arrays["audio_mfcc"],
            "text": np.asarray(arrays["nlp_trans"]),
            "video": arrays["video"],
        }
        self.lengths = {
            "audio": np.asarray(arrays["audio_seqN"]),
            "text": _text_lengths(arrays["nlp_trans"]),
            "video": np.asarray(arrays["video_seqN"]),
        }
        for modality, length in self.lengths.items():
            self.lengths[modality] = np.minimum(length, max_lengths[modality])

    def _path(self, name):
        return self.folder / f"{self.split}_{name}.npy"

    def _id(self, index):
        return f"{self.split}_{index:05d}"

    def _check_counts(self, arrays):
        counts = {name: array.shape[0] for name, array in arrays.items()}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            listed = ", ".join(f"{self.split}_{name}.npy {n}" for name, n in counts.items())
            raise errors.InputError(
                f"The arrays of the {self.split} split do not hold the same utterances. "
                f"Expected one first dimension above 0 in all. Received: {listed}, in "
                f"{str(self.folder)!r}."
            )

    def _check_range(self, name, values, largest, what):
        wrong = (values < 0) | (values > largest)
        if not wrong.any():
            return
        where = np.argwhere(wrong)[0]
        raise errors.InputError(
            f"{str(self._path(name))!r} holds a value out of range. Expected {what}, "
            f"0 to {largest}. Received: {values[tuple(where)]} for {self._id(where[0])}; "
            f"{int(wrong.sum())} such values."
        )

    def check_features(self, digest, claims):
        """Reads every feature once.

        Args:
            digest: `hashlib` object that is fed all the split holds.
            claims: Dict from modality to the `feature_claims` object that is fed its utterances.

        Raises:
            ValueError: If a feature inside its length is NaN or infinite.
        """
        digest.update(np.ascontiguousarray(self.labels, np.int64))
        digest.update(np.ascontiguousarray(self.sequences["text"], np.int64))
        for modality, name in (("audio", "audio_mfcc"), ("video", "video")):
            digest.update(np.ascontiguousarray(self.lengths[modality], np.int64))
            bad = []
            for index, length in enumerate(self.lengths[modality]):
                features = _features(self.sequences[modality][index, :length])
                digest.update(features)
                if not np.isfinite(features).all():
                    bad.append(index)
                elif modality in claims:
                    claims[modality].add(features)
            if bad:
                raise errors.InputError(
                    f"{str(self._path(name))!r} holds features that are not finite. Expected "
                    f"numbers. Received: NaN or infinity in {len(bad)} utterances, the first "
                    f"{self._id(bad[0])}. Compute these features again."
                )

    def index(self):
        """Yields an `Entry` for each utterance."""
        for index, label in enumerate(self.labels):
            yield source.Entry(id=self._id(index), label=int(label), splits=(self.split,))

    def utterances(self):
        """Yields the split's utterances, cut to their lengths."""
        for index, label in enumerate(self.labels):
            audio, text, video = (
                self.sequences[modality][index, : self.lengths[modality][index]]
                for modality in schema.MODALITIES
            )
            yield source.Utterance(
                id=self._id(index),
                label=int(label),
                audio=_features(audio),
                text=np.asarray(text, np.int32),
                video=_features(video),
            )


def _text_lengths(text):
    """Applies the authors' rule: a text ends at its first padding id."""
    ended = text == schema.PADDING_ID
    return np.where(ended.any(axis=1), ended.argmax(axis=1), text.shape[1])


def _is_one_line(word):
    try:
        return b"\n" not in word.encode() and "\r" not in word
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def _vocabulary(path):
    _require_file(path)
    ids = safe_pickle.read_dictionary(path)
    words = sorted(ids, key=ids.get)
    reserved = {schema.PADDING_WORD: schema.PADDING_ID, schema.UNKNOWN_WORD: schema.UNKNOWN_ID}
    if sorted(ids.values()) != list(range(len(ids))) or any(
        ids.get(word) != number for word, number in reserved.items()
    ):
        raise errors.InputError(
            f"{str(path)!r} does not number its words. Expected the ids 0 to "
            f"{len(ids) - 1}, once each, with {reserved}. Received: ids from "
            f"{min(ids.values(), default=None)!s:.20} to {max(ids.values(), default=None)!s:.20}, "
            f"{ {word: ids.get(word) for word in reserved} }."
        )
    broken = [word for word in words if not _is_one_line(word)]
    if broken:
        raise errors.InputError(
            f"{str(path)!r} holds a word that cannot be written. Expected words of one line "
            f"of Unicode text. Received: {broken[0]!r}."
        )
    return tuple(words)


def _embedding(path, vocabulary_size):
    vectors = _features(_load(path, "f", 2))
    if len(vectors) != vocabulary_size:
        raise errors.InputError(
            f"{str(path)!r} does not fit dic.pkl. Expected one row for each of the "
            f"{vocabulary_size} words. Received: shape={vectors.shape}."
        )
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise errors.InputError(
            f"{str(path)!r} holds vectors that are not finite. Expected numbers. Received: "
            f"NaN or infinity in {int(bad.sum())} rows, the first {int(bad.argmax())}."
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
        declared: Dict from "audio" and "video" to how these features were made, as far as somebody
            knows; records as in `feature_kinds`.

    Returns:
        `amh_tf.corpora.source.Source`.

    Raises:
        ValueError: If an array is missing, damaged, of another kind, does not fit the others,
            or holds labels, ids, lengths or features that cannot be right, or are not what is
            declared. The message names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise errors.InputError(
            f"The source folder is missing. Expected a folder. Received: {str(folder)!r}. "
            "Set it with --source_dir."
        )
    classes = tuple(classes)
    _check_classes(classes)
    max_lengths = {**schema.MAX_LENGTHS, **(max_lengths or {})}
    vocabulary = _vocabulary(folder / "dic.pkl")
    embedding = _embedding(folder / "W_embedding.npy", len(vocabulary))
    splits = {
        split: _Split(folder, split, classes, len(vocabulary), max_lengths)
        for split in schema.SPLITS
    }
    widths = {}
    for modality in ("audio", "video"):
        found = {split: part.sequences[modality].shape[2] for split, part in splits.items()}
        if len(set(found.values())) != 1:
            raise errors.InputError(
                f"The {modality} arrays in {str(folder)!r} do not fit each other. Expected one "
                f"width. Received: {found}."
            )
        widths[modality] = found["train"]
    described = [classes, sorted(max_lengths.items()), vocabulary, widths, transcripts]
    digest = hashlib.sha256(repr(described).encode())
    digest.update(np.ascontiguousarray(embedding))
    declared = declared or {}
    claims = {
        modality: feature_claims.make(modality, made, widths[modality], folder)
        for modality, made in declared.items()
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
