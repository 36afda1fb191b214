"""Protocols: which utterances a model is trained, selected and tested on.

A protocol puts every utterance into a group, and each of its folds gives every group to
train, dev or test. Utterances that share their groups under all protocols of a data set form
a part, which is stored together, so that any fold of any protocol is a choice of whole
shards and nothing is stored twice.
"""

import collections
import dataclasses

import numpy as np
from sklearn import model_selection

from amh_tf import schema

PROTOCOLS = ("given", "random", "session", "speaker")
NUM_FOLDS = 10


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to split a data set.

    Attributes:
        name: One of `PROTOCOLS`.
        description: What it does, for a run's output.
        groups: The group of each utterance, in the order of the index.
        folds: One dict per fold, from split to the set of its groups.
        names: A name for each fold.
    """

    name: str
    description: str
    groups: tuple
    folds: tuple
    names: tuple


def possible(index):
    """Names the protocols that a data set allows: its own split, or else all others.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.

    Returns:
        List of names out of `PROTOCOLS`, the one that runs use by default first.
    """
    if all(any(entry.splits) for entry in index):
        return ["given"]
    fields = [name for name in ("session", "speaker") if all(getattr(e, name) for e in index)]
    return ["random", *fields]


def make(index, classes, names, num_folds=NUM_FOLDS, seed=0):
    """Computes protocols, the same on every machine.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.
        classes: Class names.
        names: Names of the protocols, out of `PROTOCOLS`.
        num_folds: Number of random folds.
        seed: Seed of the random folds.

    Returns:
        List of `Protocol`.

    Raises:
        ValueError: If an id stands twice, a protocol lacks a field or has too few groups, or
            a class is too rare for it.
    """
    _check_ids(index)
    makers = {
        "given": lambda: _given(index),
        "random": lambda: _random(index, classes, num_folds, seed),
        "session": lambda: _session(index),
        "speaker": lambda: _speaker(index),
    }
    unknown = [name for name in names if name not in makers]
    if unknown or not names:
        raise ValueError(
            f"A protocol is not known. Expected some of {', '.join(PROTOCOLS)}. Received: "
            f"{','.join(names)!r}. Set them with --protocols."
        )
    protocols = [makers[name]() for name in dict.fromkeys(names)]
    for protocol in protocols:
        _check_classes(protocol, index, classes)
    return protocols


def parts(protocols):
    """Names the part of each utterance.

    Args:
        protocols: List of `Protocol`.

    Returns:
        List of part names, in the order of the index; for each protocol, a dict from group
        to the list of its parts.
    """
    keys = list(zip(*(protocol.groups for protocol in protocols)))
    distinct = sorted(set(keys))
    if len(protocols) == 1 and protocols[0].name == "given":
        named = {key: key[0] for key in distinct}
    else:
        named = {key: f"part-{number:03d}" for number, key in enumerate(distinct)}
    members = []
    for position in range(len(protocols)):
        found = collections.defaultdict(list)
        for key in distinct:
            found[key[position]].append(named[key])
        members.append(dict(found))
    return [named[key] for key in keys], members


def _check_ids(index):
    counts = collections.Counter(entry.id for entry in index)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            "An utterance stands in the data set twice, so that it could be trained and tested "
            f"on. Expected ids that differ. Received: {twice[0]!r}, and {len(twice) - 1} more "
            "such ids. Take out the repeated utterances."
        )


def _field(index, name):
    """Returns one field of every entry; it must be known for all."""
    missing = [entry.id for entry in index if not getattr(entry, name)]
    if missing:
        raise ValueError(
            f"The {name} is not known for every utterance. Expected one for each under the "
            f"protocol {name!r}. Received: none for {len(missing)} utterances, the first "
            f"{missing[0]!r}. Choose other protocols with --protocols."
        )
    return tuple(getattr(entry, name) for entry in index)


def _given(index):
    splits = tuple(next(iter(entry.splits), "") for entry in index)
    wrong = [entry for entry in index if entry.splits[:1] not in [(s,) for s in schema.SPLITS]]
    if wrong:
        raise ValueError(
            "An utterance belongs to no split. Expected train, dev or test for each under the "
            f"protocol 'given'. Received: {wrong[0].splits!r} for {wrong[0].id!r}. Choose other "
            "protocols with --protocols."
        )
    return Protocol(
        name="given",
        description="the split that the source gives",
        groups=splits,
        folds=({split: {split} for split in schema.SPLITS},),
        names=("given",),
    )


def _random(index, classes, num_folds, seed):
    labels = np.array([entry.label for entry in index])
    if not 3 <= num_folds <= len(index):
        raise ValueError(
            "`num_folds` does not suit the data set. Expected at least 3, for train, dev and "
            f"test, and at most its {len(index)} utterances. Received: num_folds={num_folds}. "
            "Set it with --num_folds."
        )
    counts = np.bincount(labels, minlength=len(classes))
    rare = [f"{name} {count}" for name, count in zip(classes, counts) if count < num_folds]
    if rare:
        raise ValueError(
            f"A class would be missing from a fold. Expected at least {num_folds} utterances of "
            f"each, one for each fold. Received: {', '.join(rare)}. Set fewer folds with "
            "--num_folds, or leave the class out."
        )
    groups = np.zeros(len(index), int)
    splitter = model_selection.StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    for number, (_, members) in enumerate(splitter.split(labels, labels)):
        groups[members] = number
    everything = set(range(num_folds))
    folds = []
    for test in range(num_folds):
        dev = (test + 1) % num_folds
        folds.append({"train": everything - {test, dev}, "dev": {dev}, "test": {test}})
    return Protocol(
        name="random",
        description=f"{num_folds} random folds, stratified by class, {num_folds - 2}/1/1; "
        "speakers are shared between train and test",
        groups=tuple(groups.tolist()),
        folds=tuple(folds),
        names=tuple(f"fold {number}" for number in range(num_folds)),
    )


def _require_groups(groups, name):
    distinct = sorted(set(groups))
    if len(distinct) < 3:
        raise ValueError(
            f"There are too few {name}s to leave one out. Expected at least 3, for train, dev "
            f"and test. Received: {', '.join(map(repr, distinct))}. Choose other protocols with "
            "--protocols."
        )
    return distinct


def _session(index):
    groups = _field(index, "session")
    sessions = _require_groups(groups, "session")
    folds = []
    for number, test in enumerate(sessions):
        dev = sessions[(number + 1) % len(sessions)]
        folds.append({"train": set(sessions) - {test, dev}, "dev": {dev}, "test": {test}})
    return Protocol(
        name="session",
        description="leave one session out: tested on it, selected on the next, trained on the "
        "others",
        groups=groups,
        folds=tuple(folds),
        names=tuple(sessions),
    )


def _speaker(index):
    groups = _field(index, "speaker")
    speakers = _require_groups(groups, "speaker")
    together = collections.defaultdict(set)  # who can be heard in whose recordings
    for entry in index:
        together[entry.session].add(entry.speaker)
    folds = []
    for number, test in enumerate(speakers):
        sessions = {entry.session for entry in index if entry.speaker == test} - {""}
        partners = set().union(*(together[session] for session in sessions)) - {test}
        dev = partners or {speakers[(number + 1) % len(speakers)]}
        folds.append({"train": set(speakers) - {test} - dev, "dev": dev, "test": {test}})
    return Protocol(
        name="speaker",
        description="leave one speaker out: tested on one, selected on who else speaks in the "
        "same session, trained on the others",
        groups=groups,
        folds=tuple(folds),
        names=tuple(speakers),
    )


def _check_classes(protocol, index, classes):
    """Refuses a fold that cannot teach every class that it tests."""
    if protocol.name == "given":
        return
    present = collections.defaultdict(set)
    for group, entry in zip(protocol.groups, index):
        present[group].add(entry.label)
    for name, fold in zip(protocol.names, protocol.folds):
        taught = set().union(*(present[group] for group in fold["train"]))
        missing = [classes[label] for label in range(len(classes)) if label not in taught]
        if missing:
            raise ValueError(
                f"A class is missing from what fold {name!r} of the protocol "
                f"{protocol.name!r} trains on. Expected every class. Received: no "
                f"{', '.join(missing)}. Choose other protocols with --protocols, or leave the "
                "class out."
            )
