"""The manifest of a data folder, `dataset.json`: what the shards hold and how to trust them."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from amh_tf import checking, errors, files, locations, schema
from amh_tf.data import declared
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
        origin: `cache.Origin` that its files are fetched from into that folder; None for a folder
            of this machine. Not stored.
        name, synthetic, classes, widths, transcripts, features: As in `corpora.source.Source`.
        fingerprint: Differs where the content or the folds differ.
        vocabulary_file, vocabulary_size: One word a line, in the order of the ids.
        word_counts_file: How often each part uses each word, or None.
        utterances_file: What is known of each utterance (`utterances`); None in data folders of
            former versions, as `moments_file`.
        moments_file: Means and deviations of the features (`moments`).
        digests: Dict from the name of every other file that was written to its SHA-256; None in
            data folders of former versions.
        embedding_file, embedding_width: Word vectors; None and the default width if there
            are none.
        feature_dtype: How the shards store audio and video, one of `schema.FEATURE_DTYPES`.
        shards: Every `Shard`.
        protocols: Dict from the name of a protocol to a dict of `description` and `folds`; a
            fold is a dict of `name`, `warnings`, and the parts of `train`, `dev` and `test`.
    """

    folder: Path
    name: str
    synthetic: bool
    classes: tuple
    widths: dict
    transcripts: str
    fingerprint: str
    vocabulary_file: str
    vocabulary_size: int
    word_counts_file: str | None
    embedding_file: str | None
    embedding_width: int
    shards: tuple
    protocols: dict
    feature_dtype: str = "float32"
    features: dict | None = None
    utterances_file: str | None = None
    moments_file: str | None = None
    digests: dict | None = None
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
            raise errors.InputError(
                f"{str(path)!r} cannot be used. Expected shape {shape} and dtype kind "
                f"{kind!r}. Received: shape={array.shape}, dtype={array.dtype}. {REMEDY}"
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
    return errors.InputError(
        f"{str(location)!r} is not a data folder. Expected a {FILE_NAME} in it. "
        f"Received: {received}. Make one with `python -m amh_tf.prepare`, and pass it with "
        "--data_dir."
    )


def _cannot_be_read(path, error):
    return errors.InputError(
        f"{str(path)!r} cannot be read. Expected {_EXPECTED}. Received: "
        f"{type(error).__name__}: {error}. {REMEDY}"
    )


def _parse(fields, path, folder, origin=None):
    """Makes a `Manifest` of what its file holds; `path` is what messages name."""
    try:
        written = fields.pop("format")
        if written != FORMAT:
            raise errors.InputError(f"format {written}, not {FORMAT}")
        fields["shards"] = tuple(
            Shard(**{**shard, "label_counts": _tuple(shard, "label_counts")})
            for shard in declared.container("shards", fields["shards"], list)
        )
        fields["classes"] = _tuple(fields, "classes")
        loaded = Manifest(folder=folder, origin=origin, **fields)
        _check_types(loaded)
        _check_names(loaded)
        _check_sizes(loaded)
        _check_protocols(loaded)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _cannot_be_read(path, error) from error
    return loaded


def _tuple(fields, name):
    return tuple(declared.container(name, fields[name], list))


def _check_types(loaded):
    names = [loaded.name, loaded.transcripts, loaded.fingerprint, *loaded.protocols]
    declared.names("name", names)
    declared.names("class", loaded.classes)
    count = len(loaded.classes)
    if not 0 < count <= checking.MAX_CLASSES or len(set(loaded.classes)) != count:
        raise errors.InputError(f"{count} classes, or one twice")
    if not isinstance(loaded.synthetic, bool):
        raise errors.InputError(f"synthetic {loaded.synthetic!r}")
    if loaded.feature_dtype not in schema.FEATURE_DTYPES:
        raise errors.InputError(f"feature_dtype {loaded.feature_dtype!r}")
    for shard in loaded.shards:
        declared.texts("part or SHA-256", (shard.part, shard.sha256))


def _check_names(loaded):
    optional = [
        loaded.embedding_file,
        loaded.word_counts_file,
        loaded.utterances_file,
        loaded.moments_file,
    ]
    names = [shard.file for shard in loaded.shards] + [loaded.vocabulary_file]
    names += [name for name in optional if name is not None]
    declared.file_names(names)
    if loaded.digests is not None:
        declared.digests(loaded.digests, names[len(loaded.shards) :])


def _check_vocabulary(loaded, path):
    """Every word takes a byte at least: what a manifest declares, models allocate."""
    file = loaded.path(loaded.vocabulary_file)
    size = file.stat().st_size if file.is_file() else 0
    if size < loaded.vocabulary_size:
        problem = f"{loaded.vocabulary_size} words in {size} bytes of {file.name}"
        raise _cannot_be_read(path, errors.InputError(problem))


def _check_sizes(loaded):
    declared.widths(loaded.widths)
    declared.features(loaded.features, loaded.widths)
    if not all(
        checking.is_integer(size, 1) for size in (loaded.vocabulary_size, loaded.embedding_width)
    ):
        raise errors.InputError(f"{loaded.vocabulary_size!r} words of {loaded.embedding_width!r}")
    for shard in loaded.shards:
        if not all(map(checking.is_integer, (shard.records, shard.bytes, *shard.label_counts))):
            raise errors.InputError(f"sizes of {shard.file!r}")
        if (
            len(shard.label_counts) != len(loaded.classes)
            or sum(shard.label_counts) != shard.records
        ):
            raise errors.InputError(f"label counts of {shard.file!r}")


def _check_protocols(loaded):
    parts = set(loaded.parts)
    for name, protocol in declared.container("protocols", loaded.protocols, dict).items():
        declared.texts(f"description of {name!r}", [protocol["description"]])
        if not declared.container(f"folds of {name!r}", protocol["folds"], list):
            raise errors.InputError(f"no fold in {name!r}")
        for fold in protocol["folds"]:
            declared.names("name of a fold", [fold["name"]])
            declared.texts(f"warnings of fold {fold['name']!r}", fold["warnings"])
            for split in schema.SPLITS:
                declared.texts(f"{split} of fold {fold['name']!r}", fold[split])
            chosen = [part for split in schema.SPLITS for part in fold[split]]
            if len(set(chosen)) != len(chosen):
                raise errors.InputError(f"a part stands in two splits of fold {fold['name']!r}")
            if not parts.issuperset(chosen):
                raise errors.InputError(f"fold {fold['name']!r} made of unknown parts")
    if not loaded.protocols:
        raise errors.InputError("no protocol")
