"""Scores of each speaker and of each sex."""

import numpy as np

from amh_tf.scores import confusions, resampling

ACCURACIES = ("weighted_accuracy", "unweighted_accuracy")


def per_group(labels, predictions, groups, num_classes, key) -> list:
    """Scores each group of utterances by itself; utterances of an unknown group are left out.

    Args:
        labels, predictions: Class ids of shape `(utterances,)`.
        groups: The group of each utterance, "" where it is unknown.
        num_classes: Number of classes.
        key: What a group is called in the result, such as "speaker".

    Returns:
        List of dicts of `key`, `utterances`, `weighted_accuracy` and `unweighted_accuracy`; the
        latter is over the classes that the group has.
    """
    is_known = np.array([group != "" for group in groups], bool)
    if not is_known.any():
        return []
    names, counts = confusions.grouped(
        np.asarray(labels)[is_known],
        np.asarray(predictions)[is_known],
        np.asarray(groups, object)[is_known],
        num_classes,
    )
    values = confusions.scores(counts)
    return [
        {
            key: name,
            "utterances": int(counts[number].sum()),
            **{score: float(values[score][number]) for score in ACCURACIES},
        }
        for number, name in enumerate(names)
    ]


def per_sex(labels, predictions, sexes, speakers, num_classes) -> dict | None:
    """Scores each sex, and names the largest gap between two.

    Args:
        labels, predictions: Class ids of shape `(utterances,)`.
        sexes: The sex of each utterance's speaker, "" where it is unknown.
        speakers: The speaker of each utterance, "" where unknown, or None.
        num_classes: Number of classes.

    Returns:
        Dict of `groups`, as `per_group` returns them, and `gap`: a dict of `score`, `between`
        (the better one first), `value` and `interval_95`, or None where there are not two
        sexes. The interval is None where a sex has fewer than `resampling.MIN_SPEAKERS`
        speakers. None altogether where no sex is known.
    """
    rows = per_group(labels, predictions, sexes, num_classes, "sex")
    if not rows:
        return None
    gaps = [
        (better[score] - worse[score], score, better["sex"], worse["sex"])
        for score in ACCURACIES
        for better in rows
        for worse in rows
        if better is not worse and better[score] >= worse[score]
    ]
    if not gaps:
        return {"groups": rows, "gap": None}
    value, score, better, worse = max(gaps, key=lambda gap: gap[0])
    spreads = None
    if speakers is not None:
        spreads = [
            _spread(labels, predictions, sexes, speakers, sex, num_classes, score, seed)
            for seed, sex in enumerate((better, worse))
        ]
    interval = None
    if spreads and all(spread is not None for spread in spreads):
        least = min(size for _, size in spreads)
        difference = spreads[0][0] - spreads[1][0]
        interval = [float(b) for b in np.quantile(difference, resampling.tails(least))]
    gap = {"score": score, "between": [better, worse], "value": value, "interval_95": interval}
    return {"groups": rows, "gap": gap}


def _spread(labels, predictions, sexes, speakers, sex, num_classes, score, seed):
    """Resamples the speakers of one sex: its scores, `(draws,)`, and their number; or None."""
    chosen = np.asarray(sexes, object) == sex
    voices = np.asarray(speakers, object)[chosen]
    if "" in voices:
        return None
    names, counts = confusions.grouped(
        np.asarray(labels)[chosen], np.asarray(predictions)[chosen], voices, num_classes
    )
    if len(names) < resampling.MIN_SPEAKERS:
        return None
    return confusions.scores(resampling.resample(counts, seed=seed))[score], len(names)
