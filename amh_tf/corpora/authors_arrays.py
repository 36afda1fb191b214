"""The NumPy arrays of one split of the authors' preprocessed folds, checked when they are read."""

import numpy as np

from amh_tf import errors, files, schema
from amh_tf.corpora import source

# What must be there: the kind of number and the number of dimensions.
ARRAYS = {
    "audio_mfcc": ("f", 3),
    "audio_seqN": ("i", 1),
    "nlp_trans": ("i", 2),
    "video": ("f", 3),
    "video_seqN": ("i", 1),
    "label": ("i", 1),
}
# In place of word ids: vectors, with a length of each text.
TEXT_VECTORS = {"nlp_trans": ("f", 3), "nlp_seqN": ("i", 1)}
KINDS = {"f": "floating-point numbers", "i": "integers"}


def require_file(path):
    if not path.is_file():
        raise errors.refusal(
            f"{str(path)!r} is missing",
            "the files of one fold of the authors' preprocessed data",
            "no such file",
            "Set their folder with --source_dir.",
        )


def load(path, kind, rank):
    """Maps an array into memory and checks what kind it is."""
    require_file(path)
    array = files.map_array(path)
    kinds = "iu" if kind == "i" else "f"
    if array.dtype.kind not in kinds or array.ndim != rank or 0 in array.shape[1:]:
        raise errors.refusal(
            f"{str(path)!r} holds another kind of array",
            f"{rank} dimensions of {KINDS[kind]}",
            f"shape={array.shape}, dtype={array.dtype}",
        )
    return array


def as_stored(array):
    """Returns features as they will be stored; what float32 cannot hold becomes infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)


def holds_vectors(folder):
    """Returns whether the text of a fold is vectors, not word ids."""
    path = folder / "train_nlp_trans.npy"
    require_file(path)
    return files.map_array(path).ndim == TEXT_VECTORS["nlp_trans"][1]


class Split:
    """One of train, dev and test, checked when made.

    Args:
        folder: Folder of the fold.
        split: Name of the split.
        classes: Class names.
        vocabulary_size: Number of word ids, or None where text is vectors.
        max_lengths: Dict from modality to the number of steps kept.
    """

    def __init__(self, folder, split, classes, vocabulary_size, max_lengths):
        self.folder = folder
        self.split = split
        self.max_lengths = max_lengths
        self._arrays = {"audio": "audio_mfcc", "video": "video"}  # of vectors
        described = dict(ARRAYS)
        if vocabulary_size is None:
            self._arrays = {"audio": "audio_mfcc", "text": "nlp_trans", "video": "video"}
            described |= TEXT_VECTORS
        arrays = {
            name: load(self._path(name), kind, rank) for name, (kind, rank) in described.items()
        }
        self._check_counts(arrays)
        self._check_range("label", arrays["label"], len(classes) - 1, "a class id")
        self.labels = np.asarray(arrays["label"])
        self.sequences, self.lengths = {}, {}
        if vocabulary_size is not None:
            self._check_range("nlp_trans", arrays["nlp_trans"], vocabulary_size - 1, "a word id")
            self.sequences["text"] = np.asarray(arrays["nlp_trans"])
            self.lengths["text"] = _text_lengths(arrays["nlp_trans"])
        for modality, name in self._arrays.items():
            lengths, steps = f"{name.split('_')[0]}_seqN", arrays[name].shape[1]
            self._check_range(lengths, arrays[lengths], steps, f"a length within {name}")
            self.sequences[modality] = arrays[name]
            self.lengths[modality] = np.asarray(arrays[lengths])
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
            raise errors.refusal(
                f"The arrays of the {self.split} split do not hold the same utterances",
                "one first dimension above 0 in all",
                f"{listed}, in {str(self.folder)!r}",
            )

    def _check_range(self, name, values, largest, what):
        wrong = (values < 0) | (values > largest)
        if not wrong.any():
            return
        position = np.argwhere(wrong)[0]
        raise errors.refusal(
            f"{str(self._path(name))!r} holds a value out of range",
            f"{what}, 0 to {largest}",
            f"{values[tuple(position)]} for {self._id(position[0])}; {int(wrong.sum())} such "
            "values",
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
        if "text" not in self._arrays:
            digest.update(np.ascontiguousarray(self.sequences["text"], np.int64))
        for modality, name in self._arrays.items():
            digest.update(np.ascontiguousarray(self.lengths[modality], np.int64))
            bad = []
            for index, length in enumerate(self.lengths[modality]):
                features = as_stored(self.sequences[modality][index, :length])
                digest.update(features)
                if not np.isfinite(features).all():
                    bad.append(index)
                elif modality in claims:
                    claims[modality].add(features)
            if bad:
                raise errors.refusal(
                    f"{str(self._path(name))!r} holds features that are not finite",
                    "numbers",
                    f"NaN or infinity in {len(bad)} utterances, the first {self._id(bad[0])}",
                    "Compute these features again.",
                )

    def index(self):
        """Yields an `Entry` for each utterance."""
        for index, label in enumerate(self.labels):
            yield source.Entry(id=self._id(index), label=int(label), splits=(self.split,))

    def utterances(self):
        """Yields the split's utterances, cut to their lengths."""
        for index, label in enumerate(self.labels):
            steps = {
                modality: self.sequences[modality][index, : self.lengths[modality][index]]
                for modality in schema.MODALITIES
            }
            yield source.Utterance(
                id=self._id(index),
                label=int(label),
                **{
                    modality: as_stored(sequence)
                    if modality in self._arrays
                    else np.asarray(sequence, np.int32)
                    for modality, sequence in steps.items()
                },
            )


def _text_lengths(text):
    """Applies the authors' rule: a text ends at its first padding id."""
    is_padding = text == schema.PADDING_ID
    return np.where(is_padding.any(axis=1), is_padding.argmax(axis=1), text.shape[1])
