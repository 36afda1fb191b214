"""What a run must remember of its data set to take in anything new, kept in its folder."""

import dataclasses
import json
from pathlib import Path
from typing import TypedDict

import numpy as np

from amh_tf import errors, feature_kinds, files, schema, typed
from amh_tf.runs import opening

FILE_NAME = "inputs.json"
VOCABULARY_FILE = "vocabulary.txt"


# Utterances of each class, by split.
_Counts = TypedDict("_Counts", dict.fromkeys(schema.SPLITS, list[typed.Size]))


@dataclasses.dataclass(frozen=True)
class FoldFacts:
    """What a run was trained and tested on, as a reader of its scores must know it.

    Attributes:
        number: Number of the fold, from 0.
        name: What the fold is called, such as the session that it tests on.
        description: What its protocol does.
        warnings: Texts: shared speakers, repeated texts, and so on.
        label_counts: Dict from split to the number of utterances of each class.
    """

    number: typed.Size
    name: str
    description: str
    warnings: tuple[str, ...]
    label_counts: _Counts


@dataclasses.dataclass(frozen=True)
class RunInputs:
    """What a run must remember of its data set.

    Attributes:
        data: The data set's name.
        synthetic: Whether it was made up.
        classes: Class names.
        widths: Widths of a step as in `corpora.source.Source`.
        transcripts: "reference" or "asr".
        features: What its features were made of, as in the manifest, or None.
        unknown_ids: Ids of words that the run's fold must not know.
        vocabulary: Words in the order of their ids.
        vocabulary_path: Path of the file with these, one word a line.
        fold: `FoldFacts`; None in runs of earlier versions, whose data set tells.
    """

    data: str
    synthetic: bool
    classes: tuple[str, ...]
    widths: typed.Widths
    transcripts: str
    features: dict | None
    unknown_ids: tuple[typed.Size, ...]
    vocabulary: tuple[str, ...]
    vocabulary_path: Path
    fold: FoldFacts | None = None

    @property
    def title(self) -> str:
        """The data set's name, called synthetic where it is."""
        return self.data + " (synthetic)" * (self.synthetic and "synth" not in self.data)

    @property
    def max_lengths(self) -> dict:
        """Dict from modality to the number of steps that the features were cut to."""
        return {**schema.MAX_LENGTHS, **(self.features or {}).get("max_lengths", {})}

    @property
    def trim_silence(self) -> float:
        """Decibels by which silence around an utterance was left out; 0 for none."""
        return float(feature_kinds.record(self.features, "audio").get("trim_silence", 0.0))

    @property
    def audio_steps_per_second(self) -> float:
        """How many steps of sound there are a second: 100 of the paper's features."""
        return float(feature_kinds.record(self.features, "audio").get("steps_per_second", 100.0))

    @property
    def use_energy(self) -> bool:
        """Whether the first coefficient of the audio features is the frame's energy."""
        return bool(feature_kinds.record(self.features, "audio").get("use_energy", False))

    def word_table(self):
        """Returns the dict from word to id of the words that the run knows."""
        ids = {word: number for number, word in enumerate(self.vocabulary)}
        for number in self.unknown_ids:
            ids[self.vocabulary[number]] = schema.UNKNOWN_ID
        return ids


class _Stored(TypedDict):
    """What is in the file in place of the words."""

    vocabulary_size: typed.Count


def of_fold(fold):
    """Gathers them from a `Fold`.

    Raises:
        ValueError: If the data folder's vocabulary is missing or damaged.
    """
    manifest = fold.manifest
    is_known = fold.known_words()
    vocabulary_path = manifest.path(manifest.vocabulary_file)
    return RunInputs(
        data=manifest.name,
        synthetic=manifest.synthetic,
        classes=tuple(manifest.classes),
        widths=dict(manifest.widths),
        transcripts=manifest.transcripts,
        features=manifest.features,
        unknown_ids=() if is_known is None else tuple(np.flatnonzero(~is_known).tolist()),
        vocabulary=_read_vocabulary(vocabulary_path, manifest.vocabulary_size),
        vocabulary_path=vocabulary_path,
        fold=FoldFacts(
            number=fold.number,
            name=fold.name,
            description=fold.description,
            warnings=tuple(fold.warnings),
            label_counts={split: fold.label_counts(split).tolist() for split in schema.SPLITS},
        ),
    )


def save(run_dir, fold):
    """Writes them into a run's folder, unless they are there."""
    run_dir = Path(run_dir)
    if (run_dir / FILE_NAME).exists():
        return
    gathered = of_fold(fold)
    fields = dataclasses.asdict(gathered)
    words = fields.pop("vocabulary")
    del fields["vocabulary_path"]
    fields["vocabulary_size"] = len(words)
    files.write_text(run_dir / VOCABULARY_FILE, "\n".join(words) + "\n")
    files.write_text(run_dir / FILE_NAME, json.dumps(fields, indent=1) + "\n")


def load(run_dir, run_config, data_dir=None):
    """Reads them from a run's folder, or from its data set where they are not there or it is given.

    Args:
        run_dir: The run's folder.
        run_config: Its `RunConfig`.
        data_dir: Where its data set is now, to read what that says of itself today; None for
            what the run has noted.

    Returns:
        `RunInputs`.

    Raises:
        ValueError: If they cannot be read, or the data set is another one.
    """
    path = Path(run_dir) / FILE_NAME
    if data_dir or not path.is_file():
        return of_fold(opening.find_fold(run_config, data_dir))
    expected = "what `amh_tf.train` notes of the data set"
    fields = files.read_json(path, expected)
    with typed.refusing(path, expected, "Delete it, and pass the data set with --data_dir."):
        size = typed.convert(fields, _Stored)["vocabulary_size"]
        del fields["vocabulary_size"]
        vocabulary_path = path.with_name(VOCABULARY_FILE)
        vocabulary = _read_vocabulary(vocabulary_path, size)
        loaded = typed.record(
            fields, RunInputs, vocabulary=vocabulary, vocabulary_path=vocabulary_path
        )
        _check(loaded, run_config)
    return loaded


def _check(loaded, run_config):
    model = run_config.model
    if len(loaded.classes) != model.num_classes or len(loaded.vocabulary) != model.vocabulary_size:
        raise errors.InputError(
            f"{len(loaded.classes)} classes and {len(loaded.vocabulary)} words for a model of "
            f"{model.num_classes} and {model.vocabulary_size}"
        )
    feature_kinds.check(loaded.features, loaded.widths)
    for modality in schema.MODALITIES:
        width, expected = loaded.widths.get(modality, 0), getattr(model, f"{modality}_width")
        if width != expected:
            raise errors.InputError(
                f"`widths.{modality}`: expected {expected or 'none'}, got {width or 'none'}"
            )
    if max(loaded.unknown_ids, default=0) >= len(loaded.vocabulary):
        raise errors.InputError("unknown_ids out of range")
    if loaded.fold is not None:
        counts = loaded.fold.label_counts.values()
        if any(len(of_split) != len(loaded.classes) for of_split in counts):
            raise errors.InputError("`fold.label_counts`: expected a count for each class")


def _read_vocabulary(path, size):
    if not path.is_file():
        raise errors.refusal(f"{str(path)!r} is missing", "one word a line", "no such file")
    try:
        words = tuple(path.read_bytes().decode("utf-8").removesuffix("\n").split("\n"))
        received = f"{len(words)}"
    except UnicodeDecodeError as error:
        words, received = (), f"no UTF-8 ({error.reason} at byte {error.start})"
    if len(words) != size:
        raise errors.refusal(f"{str(path)!r} is not as it was written", f"{size} words", received)
    return words
