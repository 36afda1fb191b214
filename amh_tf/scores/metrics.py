"""What `metrics.json` says of a split: scores with intervals, by speaker and sex, and controls.

`confusions` has the formulas, `resampling` the intervals, `groups` the scores by speaker and
sex, and `controls` what chance gives.
"""

import numpy as np

from amh_tf import errors
from amh_tf.scores import confusions, controls, groups, resampling

BOOTSTRAP_DRAWS = resampling.DRAWS

# The share of resampled sets that may lack a class without a word to the reader.
LOST = 0.05

# Selection during training needs these alone.
confusion_matrix = confusions.confusion_matrix
class_scores = confusions.class_scores
scores = confusions.scores
bootstrap_intervals = resampling.by_utterance


def cross_entropy(labels, probabilities):
    """Returns the mean negative log-likelihood of the true classes, in nats."""
    chosen = np.asarray(probabilities)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())


def report(labels, probabilities, classes, speakers=None, sexes=None, sentences=None):
    """Scores one split, as `metrics.json` holds it.

    With at least `resampling.MIN_SPEAKERS` speakers, all known, the intervals resample speakers,
    else utterances; `interval` says which, and `notes` what a reader must know of them.

    Args:
        labels: Class ids of shape `(utterances,)`; at least one.
        probabilities: Array of shape `(utterances, classes)`.
        classes: Class names.
        speakers, sexes, sentences: What the data folder says of each utterance, lists of
            `utterances` texts, "" where unknown; or None where it says nothing.

    Returns:
        Dict of JSON values: `utterances`, `majority_class_rate`, `loss`, `interval`, `notes`,
        each score as a dict of `value` and `interval_95`, `confusion_matrix`, `per_class`,
        `controls`, and, where they are known, `per_speaker` and `per_sex`.

    Raises:
        ValueError: If what is said of utterances is not of this many.
    """
    labels = np.asarray(labels)
    for name, values in (("speakers", speakers), ("sexes", sexes), ("sentences", sentences)):
        if values is not None and len(values) != len(labels):
            raise errors.refusal(
                f"`{name}` is not of these utterances", f"{len(labels)}", f"{len(values)}"
            )
    predictions = np.argmax(probabilities, axis=1)
    confusion = confusion_matrix(labels, predictions, len(classes))
    bounds, method, notes = intervals(labels, predictions, confusion, speakers)
    per_class = class_scores(confusion)
    result = {
        "utterances": len(labels),
        "majority_class_rate": float(confusion.sum(axis=1).max() / len(labels)),
        "loss": cross_entropy(labels, probabilities),
        "interval": method,
        "notes": notes,
        **{
            name: {"value": float(value), "interval_95": list(bounds[name])}
            for name, value in scores(confusion).items()
        },
        "confusion_matrix": confusion.tolist(),
        "per_class": [
            {
                "class": name,
                "utterances": int(per_class["support"][index]),
                "precision": float(per_class["precision"][index]),
                "recall": float(per_class["recall"][index]),
                "f1": float(per_class["f1"][index]),
            }
            for index, name in enumerate(classes)
        ],
        "controls": controls.all_controls(confusion, labels, sentences),
    }
    if speakers is not None:
        rows = groups.per_group(labels, predictions, speakers, len(classes), "speaker")
        result |= {"per_speaker": rows} if rows else {}
    if sexes is not None:
        by_sex = groups.per_sex(labels, predictions, sexes, speakers, len(classes))
        result |= {"per_sex": by_sex} if by_sex else {}
    return result


def intervals(labels, predictions, confusion, speakers=None):
    """Computes the intervals by speaker where that can be done, else by utterance.

    Args:
        labels, predictions: Class ids of shape `(utterances,)`.
        confusion: Their counts, `(classes, classes)`.
        speakers: Who speaks in each utterance, "" where unknown, or None.

    Returns:
        Dict from each name in `schema.SCORES` to (low, high); what was resampled,
        `resampling.BY_SPEAKER` or `BY_UTTERANCE`; and a list of notes for the reader.
    """
    counts, notes = _speaker_confusions(labels, predictions, speakers, len(confusion))
    if counts is None:
        bounds, method = resampling.by_utterance(confusion), resampling.BY_UTTERANCE
    else:
        bounds, method = resampling.by_speaker(counts), resampling.BY_SPEAKER
        share = resampling.share_without_a_class(counts)
        if share > LOST:
            notes.append(
                f"some classes have few speakers: up to {100 * share:.0f} % of the resampled sets "
                "miss one, and their means are over the others"
            )
    low, high = bounds["weighted_accuracy"]
    if low == high:
        notes.append(
            "an interval without width: whatever is resampled scores the same, which says nothing "
            "about other utterances"
        )
    return bounds, method, notes


def _speaker_confusions(labels, predictions, speakers, num_classes):
    """Counts by speaker, `(speakers, classes, classes)`, or None and a note why not."""
    unknown = sum(speaker == "" for speaker in speakers or ())
    if speakers is None or unknown == len(labels):
        return None, []
    if unknown:
        amount = "1 utterance" if unknown == 1 else f"{unknown} utterances"
        return None, [f"the speaker of {amount} is unknown: no interval by speaker"]
    names, counts = confusions.grouped(labels, predictions, speakers, num_classes)
    if len(names) < resampling.MIN_SPEAKERS:
        amount = "1 speaker" if len(names) == 1 else f"{len(names)} speakers"
        least = resampling.MIN_SPEAKERS
        return None, [f"{amount}: no interval by speaker, which takes at least {least}"]
    return counts, []
