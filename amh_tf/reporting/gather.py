"""Finds cross-validations, checks them, and keeps apart what must not be compared."""

import dataclasses
import os
from pathlib import Path

from amh_tf import config, errors, files, schema
from amh_tf.runs import predictions as prediction_files
from amh_tf.runs import stored_crossval

RESULTS = "crossval.json"
PREDICTIONS = "predictions.csv"
# The order of the paper's table 1.
_MODELS = ("rnn_attn", "mdre", "mha", "amh")
_MODALITIES = ("A", "T", "V", "A+T", "T+V", "A+V", "A+T+V")
_LETTERS = {name: name[0].upper() for name in schema.MODALITIES}


def short_modalities(modalities):
    """Writes modalities as the paper does: "A+T+V"."""
    return "+".join(_LETTERS[name] for name in modalities)


def order(model, num_hops, modalities, transcripts):
    """Returns a sort key that puts rows as the paper does, those on ASR transcripts last."""
    place = _MODALITIES.index(short_modalities(modalities))
    return (transcripts == "asr", _MODELS.index(model), place, num_hops or 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrossValidation(stored_crossval.Crossval):
    """One row: a model, cross-validated, with its predictions.

    Attributes:
        folder: Where it is, relative to where the search began.
        predictions: Dict from (fold, id) to (label, prediction), both class names.
        speakers: Dict from (fold, id) to who speaks, where that is known.
    """

    folder: str
    predictions: dict
    speakers: dict

    @property
    def key(self):
        """What makes a row of the paper's tables."""
        return (self.model, self.num_hops, self.modalities, self.transcripts)

    @property
    def name(self):
        """The row's name, unique in its group: "AMH-7 (A+T+V), ASR"."""
        hops = "" if self.num_hops is None else f"-{self.num_hops}"
        asr = ", ASR" if self.transcripts == "asr" else ""
        variant = f", {self.variant}" if self.variant else ""
        modalities = short_modalities(self.modalities)
        return f"{config.MODELS[self.model].title}{hops} ({modalities}){asr}{variant}"

    @property
    def folds_text(self):
        """How many folds are scored: "10", or "3 of 10 folds"."""
        if self.folds_done == self.num_folds:
            return str(self.num_folds)
        return f"{self.folds_done} of {self.num_folds} folds"


@dataclasses.dataclass(frozen=True)
class Group:
    """Cross-validations on the same data set under the same protocol.

    Attributes:
        data, synthetic, protocol, protocol_description, classes: What they share.
        warnings: All of their warnings, each once.
        rows: List of `CrossValidation`, in the paper's order.
    """

    data: str
    synthetic: bool
    protocol: str
    protocol_description: str
    classes: tuple
    warnings: tuple
    rows: list

    @property
    def title(self):
        """Name of the data set, said to be synthetic where it is, and the protocol."""
        return f"{data_name(self)}, protocol: {self.protocol}"


def data_name(row):
    """Names the data set of a cross-validation or group; a synthetic one says so."""
    if row.synthetic and "synthetic" not in row.data.lower():
        return f"{row.data} (synthetic)"
    return row.data


def gather(runs_dir):
    """Reads every cross-validation below a folder.

    Args:
        runs_dir: Folder; cross-validations may be at any depth.

    Returns:
        List of `Group`, by name of the data set and protocol.

    Raises:
        ValueError: If there is none, one is damaged, or two are the same row of a group.
    """
    return group([load(path, runs_dir) for path in find(runs_dir)])


def find(runs_dir):
    """Lists the `crossval.json` of every cross-validation below a folder.

    Args:
        runs_dir: As for `gather`.

    Returns:
        List of paths.

    Raises:
        ValueError: If there is none.
    """
    runs_dir = Path(runs_dir)
    paths = sorted(
        Path(folder) / RESULTS
        for folder, folders, names in os.walk(runs_dir)
        if RESULTS in names and files.PARTIAL not in folder
    )
    if not paths:
        received = "none" if runs_dir.is_dir() else "no such folder"
        raise errors.refusal(
            f"{str(runs_dir)!r} holds no cross-validation",
            f"a folder with at least one {RESULTS}, at any depth",
            received,
            "Set it with --runs.",
        )
    return paths


def group(rows):
    """Groups cross-validations by data set and protocol.

    Rows whose descriptions, classes or numbers of folds differ are not in one group, even
    if the names of data set and protocol agree.

    Args:
        rows: List of `CrossValidation`.

    Returns:
        List of `Group`.

    Raises:
        ValueError: If two are the same row of a group; the message names both folders.
    """
    groups = {}
    for row in rows:
        shared = (row.data, row.protocol, row.protocol_description)
        shared += (row.synthetic, row.num_folds, row.classes)
        members = groups.setdefault(shared, {})
        if row.name in members:
            raise errors.refusal(
                f"Two cross-validations are the same row, {row.name} on {row.data!r}",
                "one",
                f"{members[row.name].folder!r} and {row.folder!r}",
                "Leave one out of --runs.",
            )
        members[row.name] = row
    return [
        Group(
            data=members[0].data,
            synthetic=members[0].synthetic,
            protocol=members[0].protocol,
            protocol_description=members[0].protocol_description,
            classes=members[0].classes,
            warnings=tuple(dict.fromkeys(text for row in members for text in row.warnings)),
            rows=members,
        )
        for members in (
            sorted(groups[shared].values(), key=lambda row: order(*row.key))
            for shared in sorted(groups)
        )
    ]


def load(path, runs_dir="."):
    """Reads one cross-validation: its `crossval.json` and the `predictions.csv` beside it.

    Args:
        path: The `crossval.json`.
        runs_dir: Folder from which its place is told.

    Returns:
        `CrossValidation`.

    Raises:
        ValueError: If a file is missing or damaged, or the two do not match.
    """
    path = Path(path)
    stored = stored_crossval.load(path)
    beside = path.with_name(PREDICTIONS)
    predictions, speakers = prediction_files.read_folds(beside, stored.classes, stored.fold_numbers)
    prediction_files.check_agreement(beside, predictions, stored.confusion, stored.classes)
    return CrossValidation(
        folder=os.path.relpath(path.parent, runs_dir),
        predictions=predictions,
        speakers=speakers,
        **vars(stored),
    )
