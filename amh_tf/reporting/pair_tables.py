"""The table of the paired tests between every two rows of a group."""

import itertools

from amh_tf.reporting.report_tables import Column, Table
from amh_tf.scores import resampling, significance


def _utterances(run, by_fold):
    if by_fold:
        return run.predictions
    return {utterance: answer for (_, utterance), answer in run.predictions.items()}


def _repeats_ids(run):
    return len({utterance for _, utterance in run.predictions}) < len(run.predictions)


def _speakers(run, by_fold):
    if by_fold:
        return run.speakers
    return {utterance: speaker for (_, utterance), speaker in run.speakers.items()}


def _compare(first, second, utterances, speakers):
    return significance.compare(
        utterances[first.name],
        utterances[second.name],
        names=(repr(first.folder), repr(second.folder)),
        speakers=speakers,
    )


_CLUSTERED = (
    "Utterances of one speaker are alike, which the intervals take into account and p does not: "
    "where an interval holds 0, do not rely on a small p."
)


def pair_table(group):
    """Makes the table of the paired tests between every two rows, surest difference first.

    Where a row holds the same id in several folds, fold and id together tell an utterance.

    Args:
        group: `gather.Group`.

    Returns:
        `Table`, or None where the group has a single row.

    Raises:
        ValueError: If two rows disagree on the label of an utterance.
    """
    by_fold = any(_repeats_ids(run) for run in group.rows)
    utterances = {run.name: _utterances(run, by_fold) for run in group.rows}
    # A row of an earlier version does not say who speaks; another one may.
    speakers = {}
    for run in group.rows:
        speakers |= _speakers(run, by_fold)
    compared, apart = [], []
    for first, second in itertools.combinations(group.rows, 2):
        if utterances[first.name].keys().isdisjoint(utterances[second.name]):
            apart.append(f"{first.name} and {second.name} share no scored utterance: no test.")
            continue
        result = _compare(first, second, utterances, speakers)
        if result.weighted_accuracy.value < 0:  # the better row comes first
            first, second = second, first
            result = _compare(first, second, utterances, speakers)
        compared.append((first.name, second.name, result))
    if not compared and not apart:
        return None
    compared.sort(key=lambda pair: (pair[2].p_value, -pair[2].weighted_accuracy.value))
    corrected = significance.holm([pair[2].p_value for pair in compared])
    rows = [
        [
            first,
            second,
            result.weighted_accuracy,
            result.unweighted_accuracy,
            str(result.first_only),
            str(result.second_only),
            str(result.utterances),
            result.p_value,
            float(holm),
        ]
        for (first, second, result), holm in zip(compared, corrected)
    ]
    columns = (
        Column("first"),
        Column("second"),
        Column("WA (WAR)", "first minus second [95 % interval]", "difference"),
        Column("UA (UAR)", "first minus second [95 % interval]", "difference"),
        Column("first alone", "utterances right"),
        Column("second alone", "utterances right"),
        Column("both scored", "utterances"),
        Column("p", "exact McNemar test", "p"),
        Column(f"p, Holm for {len(rows)}", "exact McNemar test", "p"),
    )
    methods = dict.fromkeys(result.interval for *_, result in compared)
    notes = (
        "Differences are over the utterances that both rows scored, all folds together, so they "
        "may differ a little from those of the fold means above.",
        f"Interval: paired bootstrap, {' or '.join(methods)}. p: chance of so uneven a split of "
        "the utterances that one model alone got right, if both were right equally often and "
        "utterances independent; Holm: corrected for the number of tests in this table.",
        *([_CLUSTERED] if resampling.BY_SPEAKER in methods else []),
        "The tests take the trained models as they are; how far another seed would lead is not "
        "in them.",
        *apart,
    )
    return Table("paired_tests", "Paired tests", group.title, columns, rows, notes)
