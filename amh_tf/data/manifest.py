"""The manifest of a data folder, `dataset.json`: what the shards hold and how to trust them."""

import collections
import dataclasses
import json
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import msgspec
import numpy as np

from amh_tf import checking, errors, feature_kinds, files, locations, schema, typed
from amh_tf.storage import cache, faults, stores

FILE_NAME = "dataset.json"
FORMAT = 1
REMEDY = faults.REMEDY
_EXPECTED = "the manifest that this version's `amh_tf.prepare` writes"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
        file: Name inside the data folder.
        part: Which part of the data it belongs to; folds are made of parts.
        records, bytes, sha256: What the file must hold.
        label_counts: Number of records of each class.
    """

    file: typed.FileName
    part: str
    records: typed.Size
    bytes: typed.Size
    sha256: str
    label_counts: tuple[typed.Size, ...]


class Fold(TypedDict):
    """One fold: its name, what to mind, and the parts of each split."""

    name: typed.Name
    warnings: list[str]
    train: list[str]
    dev: list[str]
    test: list[str]


class Protocol(TypedDict):
    """The folds of one protocol, and what they are."""

    description: str
    folds: Annotated[list[Fold], msgspec.Meta(min_length=1)]


# No more classes could be drawn or told apart.
_Classes = Annotated[
    tuple[typed.Name, ...], msgspec.Meta(min_length=1, max_length=checking.MAX_CLASSES)
]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A data folder.

    Attributes:
        folder: Where it is; not stored.
        origin: `cache.Origin` that its files are fetched from into that folder; None for a folder
            of this machine. Not stored.
        name, synthetic, classes, widths, transcripts, features: As in `corpora.source.Source`.
        fingerprint: Differs where the content or the folds differ.
        vocabulary_file, vocabulary_size: One word a line, in the order of the ids.
        word_counts_file: How often each part uses each word, or None.
        utterances_file: What is known of each utterance (`utterances`); None in data folders of
            earlier versions, as `moments_file`.
        moments_file: Means and deviations of the features (`moments`).
        digests: Dict from the name of every other file that was written to its SHA-256; None in
            data folders of earlier versions.
        embedding_file, embedding_width: Word vectors; None and the default width if there
            are none.
        feature_dtype: How the shards store vectors, one of `schema.FEATURE_DTYPES`.
        shards: Every `Shard`.
        protocols: Dict from the name of a protocol to its `Protocol`.
    """

    folder: Path
    name: typed.Name
    synthetic: bool
    classes: _Classes
    widths: typed.Widths
    transcripts: typed.Name
    fingerprint: typed.Name
    vocabulary_file: typed.FileName
    vocabulary_size: typed.Count
    word_counts_file: typed.FileName | None
    embedding_file: typed.FileName | None
    embedding_width: typed.Count
    shards: tuple[Shard, ...]
    protocols: Annotated[dict[typed.Name, Protocol], msgspec.Meta(min_length=1)]
    feature_dtype: Literal[schema.FEATURE_DTYPES] = "float32"
    features: dict | None = None
    utterances_file: typed.FileName | None = None
    moments_file: typed.FileName | None = None
    digests: dict[typed.FileName, typed.Sha256] | None = None
    origin: cache.Origin | None = None

    def to_json(self):
        """Returns the text of `dataset.json`."""
        fields = dataclasses.asdict(self)
        del fields["folder"], fields["origin"]
        return json.dumps({"format": FORMAT, **fields}, indent=1) + "\n"

    @property
    def location(self):
        """Where the user has it: a folder, or a URL."""
        return self.folder if self.origin is None else self.origin.url

    @property
    def default_protocol(self):
        """Name of the protocol that runs use unless told otherwise."""
        return next(iter(self.protocols))

    @property
    def parts(self):
        """Names of the parts, in the order of the shards."""
        return list(dict.fromkeys(shard.part for shard in self.shards))

    def path(self, file):
        """Returns the path of a file of the data folder."""
        return self.folder / file

    def embedding(self):
        """Reads the word vectors, `(vocabulary_size, embedding_width)` float32, or None.

        Raises:
            ValueError: If the file is damaged or of another shape.
        """
        if self.embedding_file is None:
            return None
        shape = (self.vocabulary_size, self.embedding_width)
        return self._array(self.embedding_file, shape, "f").astype(np.float32)

    def word_counts(self):
        """Reads how often each part uses each word, `(parts, vocabulary_size)`.

        Raises:
            ValueError: If the file is damaged or of another shape.
        """
        shape = (len(self.parts), self.vocabulary_size)
        return np.array(self._array(self.word_counts_file, shape, "i"))

    def moments(self, cells, columns):
        """Reads the means and deviations, `(cells, columns)` float32.

        Raises:
            ValueError: If the file is damaged or of another shape.
        """
        return np.array(self._array(self.moments_file, (cells, columns), "f"))

    def _array(self, file, shape, kind):
        path = self.path(file)
        array = files.map_array(path)
        if array.shape != shape or array.dtype.kind != kind:
            raise errors.refusal(
                f"{str(path)!r} cannot be used",
                f"shape {shape} and dtype kind {kind!r}",
                f"shape={array.shape}, dtype={array.dtype}",
                REMEDY,
            )
        return array


def load(location):
    """Reads the manifest of a data folder.

    One of an object store gets a folder in the cache, with its vocabulary, word vectors and so on;
    shards follow where they are read (`cache.fetch`).

    Args:
        location: Data folder that `amh_tf.prepare` wrote, or the URL of a copy in a store.

    Returns:
        `Manifest`.

    Raises:
        ValueError: If there is none, or it is damaged, of another format, or names files
            outside the folder.
        OSError: If a store does not answer, or refuses.
    """
    if locations.is_remote(location):
        return _load_remote(locations.resolve(location))
    path = Path(location) / FILE_NAME
    if not path.is_file():
        raise _no_data_folder(location, "no such file")
    loaded = _parse(files.read_json(path, _EXPECTED), path, Path(location))
    _check_vocabulary(loaded, path)
    return loaded


def _load_remote(url):
    path = f"{url}/{FILE_NAME}"
    try:
        content = stores.read(url, FILE_NAME, files.MAX_JSON_BYTES)
    except FileNotFoundError as error:
        raise _no_data_folder(url, f"no such file: {error}") from error
    folder, origin = cache.find(url, content)
    loaded = _parse(files.parse_json(content, path, _EXPECTED), path, folder, origin)
    try:
        cache.admit(loaded, FILE_NAME, content)
    except faults.Fault as fault:
        raise fault.as_error(cache.REMEDY) from fault
    _check_vocabulary(loaded, path)
    return loaded


def _no_data_folder(location, received):
    return errors.refusal(
        f"{str(location)!r} is not a data folder",
        f"a {FILE_NAME} in it",
        received,
        "Make one with `python -m amh_tf.prepare`, and pass it with --data_dir.",
    )


def _parse(fields, path, folder, origin=None):
    """Makes a `Manifest` of what its file holds; `path` is what messages name."""
    with typed.refusing(path, _EXPECTED, REMEDY):
        version = fields.pop("format", None)
        if version != FORMAT:
            raise errors.InputError(f"format {version!r:.100}, not {FORMAT}")
        loaded = typed.record(fields, Manifest, folder=folder, origin=origin)
        feature_kinds.check(loaded.features, loaded.widths)
        _check_text(loaded)
        _check_files(loaded)
        _check_labels(loaded)
        _check_folds(loaded)
    return loaded


def _check_text(loaded):
    if "text" in loaded.widths and (loaded.embedding_file or loaded.word_counts_file):
        raise errors.InputError("vectors or counts of words, and text that is not word ids")


def _check_files(loaded):
    tables = (
        loaded.vocabulary_file,
        loaded.embedding_file,
        loaded.word_counts_file,
        loaded.utterances_file,
        loaded.moments_file,
    )
    tables = [name for name in tables if name is not None]
    files_named = collections.Counter([*(shard.file for shard in loaded.shards), *tables])
    name, count = files_named.most_common(1)[0]
    if count > 1:
        raise errors.InputError(f"{name!r} is named twice")
    unsigned = [] if loaded.digests is None else set(tables) - loaded.digests.keys()
    for name in unsigned:
        raise errors.InputError(f"no SHA-256 of {name!r}")


def _check_vocabulary(loaded, path):
    """Every word takes a byte at least: what a manifest declares, models allocate."""
    file = loaded.path(loaded.vocabulary_file)
    size = file.stat().st_size if file.is_file() else 0
    with typed.refusing(path, _EXPECTED, REMEDY):
        if size < loaded.vocabulary_size:
            raise errors.InputError(
                f"{loaded.vocabulary_size} words in {size} bytes of {file.name}"
            )


def _check_labels(loaded):
    if len(set(loaded.classes)) != len(loaded.classes):
        raise errors.InputError("a class twice")
    for shard in loaded.shards:
        counts = shard.label_counts
        if len(counts) != len(loaded.classes) or sum(counts) != shard.records:
            raise errors.InputError(f"label counts of {shard.file!r}")


def _check_folds(loaded):
    parts = set(loaded.parts)
    for protocol in loaded.protocols.values():
        for fold in protocol["folds"]:
            chosen = [part for split in schema.SPLITS for part in fold[split]]
            if len(set(chosen)) != len(chosen):
                raise errors.InputError(f"a part is in two splits of fold {fold['name']!r}")
            if not parts.issuperset(chosen):
                raise errors.InputError(f"fold {fold['name']!r} made of unknown parts")
