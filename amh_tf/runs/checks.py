"""The fields of a `crossval.json`, checked one by one."""

import unicodedata

import numpy as np

from amh_tf import checking, errors, schema
from amh_tf.runs import stored_reports
from amh_tf.scores import published, score_tables

REMEDY = "Run the cross-validation again, or leave its folder out of --runs."


def _is_text(value):
    # Control characters and halves of characters cannot be written to every output.
    right = isinstance(value, str) and value.strip()
    return right and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value)


class Checked:
    """The fields of a `crossval.json`, each refused with the file's name if it is wrong."""

    def __init__(self, path, fields):
        self._path = path
        self._fields = fields

    def require(self, name, condition, expected, received=None):
        if not condition:
            shown = self._fields.get(name, "none") if received is None else received
            raise errors.InputError(
                f"`{name}` in {str(self._path)!r} is wrong. Expected {expected}. "
                f"Received: {str(shown)[:200]}. {REMEDY}"
            )

    def text(self, name):
        value = self._fields.get(name)
        value = " ".join(value.split()) if isinstance(value, str) else value
        self.require(name, _is_text(value), "a text without control characters")
        return value

    def texts(self, name, least=0):
        value = self._fields.get(name)
        right = isinstance(value, list) and len(value) >= least
        right = right and all(_is_text(entry) for entry in value)
        self.require(name, right, f"a list of at least {least} texts without control characters")
        return value

    def integer(self, name):
        value = self._fields.get(name)
        right = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        self.require(name, right, "an integer of at least 1")
        return value

    def boolean(self, name):
        self.require(name, isinstance(self._fields.get(name), bool), "true or false")
        return self._fields[name]

    def choice(self, name, choices):
        value = self._fields.get(name)
        right = isinstance(value, str) and value in choices
        self.require(name, right, f"one of {', '.join(map(repr, choices))}")
        return value

    def modalities(self):
        value = self._fields.get("modalities")
        right = isinstance(value, list) and value
        right = right and value == [name for name in schema.MODALITIES if name in value]
        self.require("modalities", right, "some of audio, text, video, in that order")
        return tuple(value)

    def fold_numbers(self, num_folds):
        folds = self._fields.get("folds")
        right = isinstance(folds, list) and folds and all(isinstance(fold, dict) for fold in folds)
        numbers = [fold.get("fold") for fold in folds] if right else []
        right = right and all(type(number) is int for number in numbers)
        right = right and len(set(numbers)) == len(numbers)
        right = right and all(0 <= number < num_folds for number in numbers)
        expected = f"at least one scored fold, each once, among 0 to {num_folds - 1}"
        self.require("folds", right, expected, numbers or None)
        return set(numbers)

    def scores(self):
        means, deviations = self._fields.get("mean"), self._fields.get("standard_deviation")
        for name, values in (("mean", means), ("standard_deviation", deviations)):
            self.require(name, isinstance(values, dict), "an object with the six scores")
        estimates = {}
        for name in schema.SCORES:
            mean, deviation = means.get(name), deviations.get(name)
            right = checking.is_share(mean)
            self.require("mean", right, f"a number from 0 to 1 for {name}", repr(mean))
            right = deviation is None or checking.is_share(deviation)
            expected = f"a number from 0 to 1, or null, for {name}"
            self.require("standard_deviation", right, expected, repr(deviation))
            estimates[name] = published.Estimate(mean, deviation)
        return estimates

    def confusion(self, num_classes):
        pooled = self._fields.get("pooled")
        rows = pooled.get("confusion_matrix") if isinstance(pooled, dict) else None
        right = isinstance(rows, list) and len(rows) == num_classes
        right = right and all(isinstance(row, list) and len(row) == num_classes for row in rows)
        right = right and all(type(n) is int and 0 <= n < 1 << 40 for row in rows for n in row)
        expected = f"a confusion_matrix of {num_classes} by {num_classes} counts"
        self.require("pooled", right, expected)
        return np.array(rows)

    def _pooled(self):
        """The pooled report with what is told of sexes and sentences, checked, or nothing."""
        pooled = self._fields["pooled"]
        told = {name: pooled[name] for name in ("per_sex", "controls") if name in pooled}
        expected = "scores by sex and controls as this version writes them, or none"
        self.require("pooled", stored_reports.is_told(told), expected, list(told))
        return told

    def remarks(self):
        """Sentences on the scores by sex and on what the words can tell."""
        sentences = score_tables.remarks(self._pooled())
        expected = "names of sexes and explanations without control characters"
        self.require("pooled", all(map(_is_text, sentences)), expected, sentences)
        return tuple(sentences)

    def ceiling(self):
        ceiling = self._pooled().get("controls", {}).get("text_ceiling")
        return None if ceiling is None else ceiling["unweighted_accuracy"]

    def seeds(self, folds):
        """What is told of the seeds of an ensemble; None where there are none."""
        seeds = self._fields.get("seeds")
        if seeds is None:
            return None
        members = seeds.get("members") if isinstance(seeds, dict) else None
        right = isinstance(members, list) and members
        right = right and all(
            _is_member(row, folds) and checking.is_integer(row.get("seed"), 0) for row in members
        )
        right = right and _is_member(seeds.get("ensemble"), folds)
        if right:
            over = [seeds.get(name, 0) for name in ("mean", "standard_deviation")]
            right = all(values is None or _are_scores(values) for values in over)
        self.require("seeds", bool(right), "the scores of each seed and of their ensemble")
        return seeds


def _are_scores(values):
    return isinstance(values, dict) and all(
        checking.is_share(values.get(name)) for name in schema.SCORES
    )


def _is_member(row, folds):
    if not isinstance(row, dict) or not _are_scores(row.get("mean")):
        return False
    done, pooled = row.get("folds"), row.get("pooled")
    right = isinstance(done, list) and done and all(type(number) is int for number in done)
    if not right or not folds.issuperset(done) or not isinstance(pooled, dict):
        return False
    return _is_text(row.get("interval")) and all(
        stored_reports.has_interval(pooled.get(name)) for name in schema.SCORES
    )
