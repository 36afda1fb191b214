"""The dev part of a fold that has none: speakers, or utterances, taken out of its training part."""

import numpy as np

from amh_tf import errors

# Share of the training utterances that becomes dev where the speakers are unknown.
SHARE = 0.1
SPEAKERS = 2


def check(dev_speakers):
    """Checks the number of dev speakers.

    Raises:
        ValueError: If it is not at least 1.
    """
    if dev_speakers < 1:
        raise errors.refusal(
            "`dev_speakers` is out of range",
            "at least 1: without a dev part no checkpoint can be selected, and the test part "
            "would have to choose among models",
            f"dev_speakers={dev_speakers}",
            "Set it with --dev_speakers.",
        )


def take(splits, table, number):
    """Takes a dev part out of a fold's training part.

    Where all training speakers are known, `table.options.dev_speakers` of them, but at most half,
    become dev: drawn by the seed, as many women as men where that is known, and so that dev and
    train hold every class if that can be. Otherwise a tenth of the training utterances of each
    class does.

    Args:
        splits: `(utterances,)` array of "train", "test" and "".
        table: `amh_tf.data.fold_table.Table`.
        number: Number of the fold; each draws others.

    Returns:
        A copy of `splits` with "dev". The copy is without where fewer than two utterances are
        left to train on.
    """
    splits = splits.copy()
    train = splits == "train"
    speakers = set(table.speakers[train].tolist())
    if len(speakers) >= 2 and "" not in speakers:
        splits[train & np.isin(table.speakers, _speakers(train, table, number))] = "dev"
    else:
        splits[_tenth(train, table)] = "dev"
    return splits


def describe(table):
    """Says how `take` makes a dev part, for a protocol's description."""
    if "" in table.speakers.tolist():
        return f"selected on {SHARE:.0%} of the training utterances"
    count = table.options.dev_speakers
    return f"selected on {count} training speaker{'s' * (count > 1)}"


def _speakers(train, table, number):
    """Chooses dev speakers one by one."""
    names = sorted(set(table.speakers[train].tolist()))
    order = np.random.default_rng([table.options.seed, number]).permutation(len(names))
    labels_of, sexes = {}, {}
    for name in names:
        member = train & (table.speakers == name)
        labels_of[name] = set(table.labels[member].tolist())
        sexes[name] = table.sexes[member][0]
    order = [names[position] for position in order.tolist()]
    chosen = []
    while len(chosen) < min(table.options.dev_speakers, len(names) // 2):
        costs = {
            name: _cost(name, chosen, labels_of, sexes) for name in order if name not in chosen
        }
        chosen.append(min(costs, key=costs.get))
    return chosen


def _cost(name, chosen, labels_of, sexes):
    """Returns what speaks against a further dev speaker, the weightiest first."""
    others = set().union(
        *(labels_of[speaker] for speaker in labels_of if speaker not in (*chosen, name))
    )
    covered = set().union(*(labels_of[speaker] for speaker in chosen))
    return (
        len(set().union(*labels_of.values()) - others),  # what nobody would teach
        sum(sexes[speaker] == sexes[name] != "" for speaker in chosen),
        -len(labels_of[name] - covered),
    )


def _tenth(train, table):
    """Returns the positions of a tenth of each class, the same in all folds as far as can be.

    Were they drawn anew for each fold, the folds would cut the data set into many more parts.
    """
    order = np.random.default_rng([table.options.seed]).permutation(len(train))
    chosen = []
    for label in np.unique(table.labels[train]):
        members = order[(train & (table.labels == label))[order]]
        # One of two at least; the only one of its class is trained on.
        chosen += members[: min(max(round(SHARE * len(members)), 1), len(members) - 1)].tolist()
    if not chosen and train.sum() > 1:
        chosen = order[train[order]][:1].tolist()
    return np.array(chosen, int)
