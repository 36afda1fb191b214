"""The kinds of folds: which utterances each of a protocol's folds trains, selects and tests on.

Each function here takes a `fold_table.Table` and returns a `fold_table.Split`. Folds that keep
sentences apart are in `text_folds`.
"""

import collections
import warnings

import numpy as np

from amh_tf import errors, schema
from amh_tf.data import dev_part, fold_table


def everything(table):
    """One fold that trains on all there is, for a model that is to be used and not to be scored."""
    column = np.full(len(table.index), "train", object)
    return fold_table.split_of(
        "all utterances are trained on; none is left to score", ["all"], [column]
    )


def given(table):
    """The folds that the source publishes, each with a dev part."""
    count = len(table.fold_names)
    allowed = (*schema.SPLITS, "")
    wrong = [e for e in table.index if len(e.splits) != count or not {*e.splits} <= {*allowed}]
    if wrong:
        raise errors.refusal(
            "An utterance belongs to no split",
            f"train, dev, test or nothing in each of {count} published folds under the protocol "
            "'given'",
            f"{wrong[0].splits!r} for {wrong[0].id!r}, and {len(wrong) - 1} more such utterances",
            "Choose other protocols with --protocols.",
        )
    columns, num_taken = [], 0
    for number, name in enumerate(table.fold_names):
        splits = np.array([entry.splits[number] for entry in table.index], object)
        if "train" not in splits:
            raise errors.refusal(
                f"The published fold {name!r} has no training part",
                "utterances in train",
                "none",
                "Choose other protocols with --protocols.",
            )
        if "dev" not in splits:
            splits = dev_part.take(splits, table, number)
            num_taken += "dev" in splits
        columns.append(splits)
    description = table.published
    if num_taken:
        description += f"; no dev part is published: {dev_part.describe(table)}"
    return fold_table.split_of(description, table.fold_names, columns)


def random(table):
    """Random folds, stratified by class: one to test, the next to select, the others to train."""
    num_folds, labels = table.options.num_folds, table.labels
    if not 3 <= num_folds <= len(labels):
        raise errors.refusal(
            "`num_folds` does not suit the data set",
            f"at least 3, for train, dev and test, and at most its {len(labels)} utterances",
            f"num_folds={num_folds}",
            "Set it with --num_folds.",
        )
    counts = np.bincount(labels, minlength=len(table.classes))
    rare = [
        f"{name} {count}"
        for name, count in zip(table.classes, counts)
        if 0 < count < num_folds  # a class without any is missing from all folds alike
    ]
    if rare:
        raise errors.refusal(
            "A class would be missing from a fold",
            f"at least {num_folds} utterances of each, one for each fold",
            ", ".join(rare),
            "Set fewer folds with --num_folds, or leave the class out.",
        )

    def draw(seed, _):
        from sklearn import model_selection  # a second, which commands that draw nothing save

        groups = np.zeros(len(labels), int)
        splitter = model_selection.StratifiedKFold(num_folds, shuffle=True, random_state=seed)
        for number, (_, members) in enumerate(splitter.split(labels, labels)):
            groups[members] = number
        return [fold_table.by_groups(groups, {n}, {(n + 1) % num_folds}) for n in range(num_folds)]

    description = (
        f"{num_folds} random folds, stratified by class, {num_folds - 2}/1/1; "
        "speakers are shared between train and test"
    )
    return _repeated(table, description, draw)


def session(table):
    """Leaves one session out."""
    groups = table.known("session", "session")
    sessions = _require(groups, "session", 3, "leave one out, for train, dev and test")
    columns = [
        fold_table.by_groups(groups, {test}, {sessions[(number + 1) % len(sessions)]})
        for number, test in enumerate(sessions)
    ]
    description = "leave one session out: tested on it, selected on the next, trained on the others"
    return fold_table.split_of(description, sessions, columns)


def speaker(table):
    """Leaves one speaker out; selects on who else speaks in the same session, or on a dev part."""
    groups = table.known("speaker", "speaker")
    speakers = _require(groups, "speaker", 3, "leave one out, for train, dev and test")
    together = collections.defaultdict(set)  # who can be heard in whose recordings
    for entry in table.index:
        together[entry.session].add(entry.speaker)
    columns, num_taken = [], 0
    for number, test in enumerate(speakers):
        sessions = {entry.session for entry in table.index if entry.speaker == test} - {""}
        partners = set().union(*(together[name] for name in sessions)) - {test}
        if partners and len(partners) + 1 < len(speakers):
            columns.append(fold_table.by_groups(groups, {test}, partners))
        else:
            columns.append(dev_part.take(fold_table.by_groups(groups, {test}), table, number))
            num_taken += 1
    selected = "selected on who else speaks in the same session"
    if num_taken:
        selected = dev_part.describe(table)
    description = f"leave one speaker out: tested on one, {selected}, trained on the others"
    return fold_table.split_of(description, speakers, columns)


def speaker_kfold(table):
    """Speakers dealt out to folds, so that each fold has about the same share of every class."""
    groups, num_folds = table.known("speaker", "speaker_kfold"), table.options.num_folds
    speakers = _require(groups, "speaker", 3, "make folds of, for train, dev and test")
    if not 2 <= num_folds <= len(speakers):
        raise errors.refusal(
            "`num_folds` does not suit the speakers",
            f"at least 2, and at most the {len(speakers)} speakers",
            f"num_folds={num_folds}",
            "Set it with --num_folds.",
        )

    def draw(seed, first):
        dealt = deal(table.labels, groups, num_folds, seed)
        columns = [fold_table.by_groups(dealt, {number}) for number in range(num_folds)]
        return [dev_part.take(column, table, first + n) for n, column in enumerate(columns)]

    description = (
        f"{num_folds} folds of speakers, balanced by class: tested on one, "
        f"{dev_part.describe(table)}, trained on the others"
    )
    return _repeated(table, description, draw)


def deal(labels, groups, num_folds, seed):
    """Deals whole groups out to folds that have about the same share of every class.

    Args:
        labels: `(utterances,)` class ids.
        groups: `(utterances,)` group of each, such as its speaker.
        num_folds: Number of folds, at most that of the groups.
        seed: Seed of the order among equals.

    Returns:
        `(utterances,)` int array, the fold of each.

    Raises:
        ValueError: If a fold would be empty.
    """
    from sklearn import model_selection

    dealt = np.zeros(len(labels), int)
    splitter = model_selection.StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class rarer than there are folds: the fold's own warnings name it.
        warnings.simplefilter("ignore", UserWarning)
        try:
            pieces = list(splitter.split(labels, labels, groups.astype(str)))
        except ValueError as error:
            raise _cannot_deal(num_folds, f"{error}") from error
    for number, (_, members) in enumerate(pieces):
        if not len(members):
            raise _cannot_deal(num_folds, f"nothing for fold {number}")
        dealt[members] = number
    return dealt


def _cannot_deal(num_folds, received):
    return errors.refusal(
        "The data set cannot be divided into folds",
        f"utterances for each of {num_folds} folds",
        received,
        "Set fewer with --num_folds.",
    )


def _require(groups, name, least, purpose):
    distinct = sorted(set(groups.tolist()))
    if len(distinct) < least:
        raise errors.refusal(
            f"There are too few {name}s to {purpose}",
            f"at least {least}",
            ", ".join(map(repr, distinct)),
            "Choose other protocols with --protocols.",
        )
    return distinct


def _repeated(table, description, draw):
    """Draws folds as often as the options say; the first time is as without repeats."""
    repeats, num_folds = table.options.repeats, table.options.num_folds
    columns, names = [], []
    for repeat in range(repeats):
        seed = table.options.seed
        if repeat:
            seed = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        columns += draw(seed, len(columns))
        start = f"repeat {repeat + 1} " if repeats > 1 else ""
        names += [f"{start}fold {number}" for number in range(num_folds)]
    if repeats > 1:
        description += f"; drawn {repeats} times"
    return fold_table.split_of(description, names, columns)
