"""Protocols: which utterances a model is trained, selected and tested on.

Each fold of a protocol puts every utterance into train, dev or test, or leaves it out. Utterances
that fare alike in all folds of all protocols of a data set form a part, which is stored together,
so that any fold of any protocol is a choice of whole shards and nothing is stored twice.
"""

import collections
import contextlib
import dataclasses
import re

from amh_tf import errors, schema
from amh_tf.data import fold_kinds, fold_table, text_folds

_MAKERS = {
    "given": fold_kinds.given,
    "random": fold_kinds.random,
    "session": fold_kinds.session,
    "speaker": fold_kinds.speaker,
    "speaker_kfold": fold_kinds.speaker_kfold,
    "text": text_folds.text,
    "all": fold_kinds.everything,
}
PROTOCOLS = tuple(_MAKERS)
# Those that can be drawn more than once.
REPEATED = ("random", "speaker_kfold")
NUM_FOLDS = fold_table.NUM_FOLDS
Options = fold_table.Options
# Every part has a shard open while a data folder is written.
MAX_PARTS = 500


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to split a data set.

    Attributes:
        name: One of `PROTOCOLS`.
        description: What it does, for a run's output.
        names: A name for each fold.
        groups: For each utterance, in the order of the index, a tuple of its split in each fold:
            "train", "dev", "test", or "" where the fold leaves it out.
    """

    name: str
    description: str
    names: tuple
    groups: tuple


def possible(index):
    """Names the protocols that suit a data set, the one that runs use by default first.

    The source's own folds where it publishes some. Otherwise, where sessions are known: random,
    session, and by speaker. Without sessions: by speaker, and random last, since it tests on
    speakers that it trains on. By speaker means "speaker", or with more than 12 speakers
    "speaker_kfold". "text" is made when asked for.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.

    Returns:
        List of names out of `PROTOCOLS`.
    """
    if all(entry.splits for entry in index) and any(any(entry.splits) for entry in index):
        return ["given"]
    by_speaker = []
    speakers = {entry.speaker for entry in index}
    if "" not in speakers:
        many = len(speakers) > text_folds.MANY_SPEAKERS
        by_speaker = ["speaker_kfold" if many else "speaker"]
    if all(entry.session for entry in index):
        return ["random", "session", *by_speaker]
    return [*by_speaker, "random"]


def make(
    index,
    classes,
    names=None,
    options=None,
    fold_names=("given",),
    published="the split that the source gives",
    tell=lambda note: None,
):
    """Computes protocols, the same on every machine.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.
        classes: Class names.
        names: Names of the protocols, out of `PROTOCOLS`. Defaults to those of `possible` that
            can be made; where none can, to fewer random folds, or to training on everything.
        options: `Options`. Defaults to those without arguments.
        fold_names, published: As in `amh_tf.corpora.source.Source`.
        tell: Function that is called with a line for each default that cannot be made.

    Returns:
        List of `Protocol`.

    Raises:
        ValueError: If an id appears twice, a protocol lacks a field or has too few groups, a class
            is too rare for it, or all together cut the data set into too many parts.
    """
    _check_ids(index)
    options = options or Options()
    table = fold_table.Table(index, classes, options, fold_names, published)
    selected = list(dict.fromkeys(possible(index) if names is None else names))
    unknown = [name for name in selected if name not in _MAKERS]
    if unknown or not selected:
        raise errors.refusal(
            "A protocol is not known",
            f"some of {', '.join(PROTOCOLS)}",
            f"{','.join(selected)!r}",
            "Set them with --protocols.",
        )
    if options.repeats > 1 and not set(REPEATED).intersection(selected):
        raise errors.refusal(
            "Nothing is drawn at random that could be repeated",
            f"the protocol {' or '.join(REPEATED)} with --fold_repeats",
            ",".join(selected),
            "Set them with --protocols.",
        )
    if names is None:
        return _as_many_as_can_be(table, selected, tell)
    protocols = [_make(table, name) for name in selected]
    _check_parts(protocols, options)
    return protocols


def _make(table, name):
    folds = _MAKERS[name](table)
    groups = tuple(map(tuple, folds.splits.tolist()))
    protocol = Protocol(name, folds.description, folds.names, groups)
    if name not in ("given", "all"):
        _check_folds(protocol, table)
    return protocol


def _as_many_as_can_be(table, names, tell):
    """Makes the default protocols, leaves out what cannot be made, and says why."""
    protocols = []
    for name in names:
        try:
            candidates = [*protocols, _make(table, name)]
            _check_parts(candidates, table.options)
            protocols = candidates
        except ValueError as error:
            tell(f"Protocol {name} is left out: {_reason(error)}")
    if protocols or "given" in names:
        return protocols or [_make(table, "given")]  # which says what is wrong with it
    rarest = min(collections.Counter(table.labels.tolist()).values(), default=0)
    fewer = min(table.options.num_folds - 1, rarest)
    if "random" in names and fewer >= 3:
        options = dataclasses.replace(table.options, num_folds=fewer)
        table = fold_table.Table(
            table.index, table.classes, options, table.fold_names, table.published
        )
        with contextlib.suppress(ValueError):
            protocols = [_make(table, "random")]
            _check_parts(protocols, options)
            tell(f"Protocol random has {fewer} folds instead, as the rarest class allows.")
            return protocols
    tell("Protocol all is used instead: it trains on every utterance and leaves nothing to score.")
    return [_make(table, "all")]


def _reason(error):
    """Returns what a message says, without its advice on flags that were not given."""
    return re.sub(r" (Choose|Set)\b[^.]*--[^.]*\.$", "", str(error))


def parts(protocols):
    """Names the part of each utterance.

    Args:
        protocols: List of `Protocol`.

    Returns:
        List of part names, in the order of the index; for each protocol, a list of one dict per
        fold, from split to the sorted list of its parts.
    """
    keys = list(zip(*(protocol.groups for protocol in protocols)))
    distinct = sorted(set(keys))
    if len(distinct[0]) == 1 and len(distinct[0][0]) == 1 and protocols[0].name == "given":
        part_names = {key: key[0][0] or "left_out" for key in distinct}
    else:
        part_names = {key: f"part-{number:03d}" for number, key in enumerate(distinct)}
    fold_parts = [
        [
            {
                split: sorted(part_names[key] for key in distinct if key[position][fold] == split)
                for split in schema.SPLITS
            }
            for fold in range(len(protocol.names))
        ]
        for position, protocol in enumerate(protocols)
    ]
    return [part_names[key] for key in keys], fold_parts


def keeps_vocabulary(names, fold_names):
    """Returns whether a data set's words are those that its source trains on.

    So it is under one published fold. Where folds differ in what they train on, each masks the
    words that it does not know.

    Args:
        names: Names of the protocols.
        fold_names: As in `amh_tf.corpora.source.Source`.
    """
    return "given" in names and len(fold_names) == 1


def _check_ids(index):
    counts = collections.Counter(entry.id for entry in index)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise errors.refusal(
            "An utterance is in the data set twice, so that it could be trained and tested on",
            "ids that differ",
            f"{twice[0]!r}, and {len(twice) - 1} more such ids",
            "Take out the repeated utterances.",
        )


def _check_parts(protocols, options):
    count = len(set(zip(*(protocol.groups for protocol in protocols))))
    if count > MAX_PARTS:
        received = ", ".join(
            f"{protocol.name} of {len(protocol.names)} folds" for protocol in protocols
        )
        fewer = "fewer protocols with --protocols, or fewer folds with --num_folds"
        if options.repeats > 1:
            fewer += ", or fewer repeats with --fold_repeats"
        raise errors.refusal(
            f"The protocols cut the data set into {count} parts",
            f"at most {MAX_PARTS}",
            received,
            f"Choose {fewer}.",
        )


def _check_folds(protocol, table):
    """Refuses a fold that has an empty split, or cannot teach every class that there is."""
    for number, name in enumerate(protocol.names):
        labels_of = {split: set() for split in (*schema.SPLITS, "")}
        for row, label in zip(protocol.groups, table.labels.tolist()):
            labels_of[row[number]].add(label)
        empty = [split for split in schema.SPLITS if not labels_of[split]]
        # An empty training part lacks every class, and the message that names them says more.
        if empty and labels_of["train"]:
            raise errors.refusal(
                f"Fold {name!r} of the protocol {protocol.name!r} has no {', '.join(empty)} part",
                "utterances in each",
                "none",
                "Choose other protocols with --protocols.",
            )
        # A class of which there is no utterance at all is none that a fold could teach.
        missing = [table.classes[n] for n in sorted({*table.labels.tolist()} - labels_of["train"])]
        if missing:
            raise errors.refusal(
                f"A class is missing from what fold {name!r} of the protocol {protocol.name!r} "
                "trains on",
                "every class",
                f"no {', '.join(missing)}",
                "Choose other protocols with --protocols, or leave the class out.",
            )
