"""What kinds of folds are made of, `Options` and a `Table`, and what they give, a `Split`."""

import dataclasses
import functools

import numpy as np

from amh_tf import errors
from amh_tf.data import dev_part

NUM_FOLDS = 10


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user chooses about folds.

    Attributes:
        num_folds: Number of folds of "random" and "speaker_kfold", and about that of "text".
        seed: Seed of whatever is drawn.
        dev_speakers: How many speakers are taken out of a training part that has no dev part.
        repeats: How often "random" and "speaker_kfold" are drawn, each time with other folds.
    """

    num_folds: int = NUM_FOLDS
    seed: int = 0
    dev_speakers: int = dev_part.SPEAKERS
    repeats: int = 1

    def __post_init__(self):
        dev_part.check(self.dev_speakers)
        if self.repeats < 1:
            raise errors.refusal(
                "`fold_repeats` is out of range",
                "at least 1",
                f"fold_repeats={self.repeats}",
                "Set it with --fold_repeats.",
            )


class Table:
    """An index by columns.

    Args:
        index: Sequence of `amh_tf.corpora.source.Entry`.
        classes: Class names.
        options: `Options`.
        fold_names, published: As in `amh_tf.corpora.source.Source`.
    """

    def __init__(self, index, classes, options, fold_names, published):
        self.index, self.classes, self.options = tuple(index), tuple(classes), options
        self.fold_names, self.published = tuple(fold_names), published
        self.labels = np.array([entry.label for entry in index], int)

    def column(self, name):
        """Returns a field of every entry, `(utterances,)` of texts."""
        return np.array([getattr(entry, name) for entry in self.index], object)

    @functools.cached_property
    def speakers(self):
        return self.column("speaker")

    @functools.cached_property
    def sexes(self):
        return self.column("sex")

    def is_known(self, name):
        """Returns whether a field is known of every utterance."""
        return all(getattr(entry, name) for entry in self.index)

    def known(self, name, protocol):
        """Returns a field that must be known of every utterance.

        Raises:
            ValueError: If it is not.
        """
        missing = [entry.id for entry in self.index if not getattr(entry, name)]
        if missing:
            raise errors.refusal(
                f"The {name} is not known for every utterance",
                f"one for each under the protocol {protocol!r}",
                f"none for {len(missing)} utterances, the first {missing[0]!r}",
                "Choose other protocols with --protocols.",
            )
        return self.column(name)


@dataclasses.dataclass(frozen=True)
class Split:
    """Folds of one kind.

    Attributes:
        description: What they do, for a run's output.
        names: A name for each fold.
        splits: `(utterances, folds)` array of "train", "dev", "test" and "" (left out).
    """

    description: str
    names: tuple
    splits: np.ndarray


def split_of(description, names, columns):
    """Makes a `Split` of one array of splits for each fold."""
    return Split(description, tuple(names), np.stack(columns, axis=1))


def by_groups(groups, test, dev=()):
    """Returns the splits of a fold that tests on some groups.

    Args:
        groups: `(utterances,)` array.
        test, dev: The groups of these splits; all others are trained on.
    """
    splits = np.full(len(groups), "train", object)
    splits[np.isin(groups, list(dev))] = "dev"
    splits[np.isin(groups, list(test))] = "test"
    return splits
