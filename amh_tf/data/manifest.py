"""The manifest of a data folder, `dataset.json`: what the shards hold and how to trust them."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from amh_tf import files, schema

FILE_NAME = "dataset.json"
FORMAT = 1
REMEDY = "Delete the folder and prepare the data set again."


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
        file: Name inside the data folder.
        part: Which part of the data it belongs to; folds are made of parts.
        records, bytes, sha256: What the file must hold.
        label_counts: Number of records of each class.
    """

    file: str
    part: str
    records: int
    bytes: int
    sha256: str
    label_counts: tuple


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A data folder.

    Attributes:
        folder: Where it is; not stored.
        name, synthetic, classes, widths, fingerprint: As in `corpora.source.Source`.
        vocabulary_file, vocabulary_size: One word a line, in the order of the ids.
        embedding_file, embedding_width: Word vectors; None and the default width if there
            are none.
        shards: Every `Shard`.
        folds: One dict per fold, from "train", "dev", "test" to a list of parts.
    """

    folder: Path
    name: str
    synthetic: bool
    classes: tuple
    widths: dict
    fingerprint: str
    vocabulary_file: str
    vocabulary_size: int
    embedding_file: str | None
    embedding_width: int
    shards: tuple
    folds: tuple

    def to_json(self):
        """Returns the text of `dataset.json`."""
        fields = dataclasses.asdict(self)
        del fields["folder"]
        return json.dumps({"format": FORMAT, **fields}, indent=1) + "\n"

    def select(self, split, fold=0):
        """Lists the shards of one split of one fold.

        Raises:
            ValueError: If there is no such fold or split.
        """
        if not 0 <= fold < len(self.folds):
            raise ValueError(
                f"`fold` is out of range. Expected 0 to {len(self.folds) - 1}, the folds of "
                f"{str(self.folder)!r}. Received: fold={fold}. Set it with --fold."
            )
        if split not in self.folds[fold]:
            raise ValueError(
                f"`split` is not known. Expected one of {sorted(self.folds[fold])}. "
                f"Received: split={split!r}. Set it with --split."
            )
        parts = self.folds[fold][split]
        return [shard for shard in self.shards if shard.part in parts]

    def count(self, split, fold=0):
        """Returns the number of utterances in a split."""
        return sum(shard.records for shard in self.select(split, fold))

    def label_counts(self, split, fold=0):
        """Returns the number of utterances of each class in a split, as an array."""
        return np.sum([shard.label_counts for shard in self.select(split, fold)], axis=0)

    def path(self, file):
        """Returns the path of a file of the data folder."""
        return self.folder / file

    def embedding(self):
        """Reads the word vectors, `(vocabulary_size, embedding_width)`, or None.

        Raises:
            ValueError: If the file is damaged or of another shape.
        """
        if self.embedding_file is None:
            return None
        path = self.path(self.embedding_file)
        vectors = files.map_array(path)
        expected = (self.vocabulary_size, self.embedding_width)
        if vectors.shape != expected or vectors.dtype.kind != "f":
            raise ValueError(
                f"{str(path)!r} cannot be used. Expected floating-point numbers of shape "
                f"{expected}. Received: shape={vectors.shape}, dtype={vectors.dtype}. {REMEDY}"
            )
        return np.array(vectors, np.float32)

    def check_split(self, split, fold=0):
        """Checks that a split has utterances, and its shards the sizes they were written with.

        Raises:
            ValueError: If the split is empty, or a shard is missing or of another size; the
                message names the file.
        """
        shards = self.select(split, fold)
        if not sum(shard.records for shard in shards):
            raise ValueError(
                f"The {split} split of {str(self.folder)!r} is empty. Expected at least one "
                f"utterance. Received: none. {REMEDY}"
            )
        for shard in shards:
            path = self.path(shard.file)
            size = path.stat().st_size if path.is_file() else None
            if size != shard.bytes:
                received = "no such file" if size is None else f"{size} bytes"
                raise ValueError(
                    f"{str(path)!r} is not as it was written. Expected {shard.bytes} bytes "
                    f"with {shard.records} records. Received: {received}. {REMEDY}"
                )


def _plain_name(name):
    return isinstance(name, str) and name == Path(name).name and name not in ("", ".", "..")


def load(folder):
    """Reads the manifest of a data folder.

    Args:
        folder: Data folder that `amh_tf.prepare` wrote.

    Returns:
        `Manifest`.

    Raises:
        ValueError: If there is none, or it is damaged, of another format, or names files
            outside the folder.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise ValueError(
            f"{str(folder)!r} is not a data folder. Expected a {FILE_NAME} in it. "
            "Received: no such file. Make one with `python -m amh_tf.prepare`, and pass it "
            "with --data_dir."
        )
    expected = "the manifest that this version's `amh_tf.prepare` writes"
    fields = files.read_json(path, expected)
    try:
        written = fields.pop("format")
        if written != FORMAT:
            raise ValueError(f"format {written}, not {FORMAT}")
        fields["shards"] = tuple(
            Shard(**{**shard, "label_counts": tuple(shard["label_counts"])})
            for shard in fields["shards"]
        )
        fields["classes"] = tuple(fields["classes"])
        fields["folds"] = tuple(fields["folds"])
        loaded = Manifest(folder=Path(folder), **fields)
        _check(loaded)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} cannot be read. Expected {expected}. Received: "
            f"{type(error).__name__}: {error}. {REMEDY}"
        ) from error
    return loaded


def _check(loaded):
    names = [shard.file for shard in loaded.shards] + [loaded.vocabulary_file]
    names += [loaded.embedding_file] if loaded.embedding_file is not None else []
    for name in names:
        if not _plain_name(name):
            raise ValueError(f"{name!r} is not the name of a file in the folder")
    if len(set(names)) != len(names):
        raise ValueError("a file is named twice")
    sizes = (loaded.vocabulary_size, loaded.embedding_width, *loaded.widths.values())
    if set(loaded.widths) != {"audio", "video"} or not all(
        isinstance(size, int) and size > 0 for size in sizes
    ):
        raise ValueError(f"widths {loaded.widths}, {loaded.vocabulary_size} words")
    parts = {shard.part for shard in loaded.shards}
    for fold in loaded.folds:
        for split, members in fold.items():
            if split not in schema.SPLITS or not parts.issuperset(members):
                raise ValueError(f"fold with split {split!r} made of {members}")
        chosen = [part for members in fold.values() for part in members]
        if len(set(chosen)) != len(chosen):
            raise ValueError("a part stands in two splits of one fold")
    for shard in loaded.shards:
        sizes = (shard.records, shard.bytes, *shard.label_counts)
        if not all(isinstance(size, int) and size >= 0 for size in sizes):
            raise ValueError(f"sizes of {shard.file!r}")
        if (
            len(shard.label_counts) != len(loaded.classes)
            or sum(shard.label_counts) != shard.records
        ):
            raise ValueError(f"label counts of {shard.file!r}")
