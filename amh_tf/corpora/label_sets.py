"""Which labels of a corpus make which classes."""

import collections
import dataclasses

from amh_tf import checking, errors, schema
from amh_tf.corpora import recording

# What --labels takes besides a text of the user's own.
NAMED = {
    # The paper's seven, in the order of its label ids.
    "paper": ",".join(schema.PAPER_CLASSES),
    # The four of most papers on IEMOCAP; excitement counts as happiness.
    "four": "ang,hap=hap+exc,sad,neu",
    "six": "ang,hap,exc,sad,fru,neu",
    # In the order of MELD's own label ids.
    "meld": "neutral,surprise,fear,sadness,joy,disgust,anger",
    # All that the acted corpora have, in the order of their own codes or papers.
    "ravdess": "neutral,calm,happy,sad,angry,fearful,disgust,surprised",
    "cremad": "anger,disgust,fear,happy,neutral,sad",
    "emodb": "anger,boredom,disgust,fear,happiness,sadness,neutral",
    "savee": "anger,disgust,fear,happiness,neutral,sadness,surprise",
    "tess": "angry,disgust,fear,happy,neutral,sad,surprise",
    "urdu": "angry,happy,neutral,sad",
}
EXAMPLE = "Set it with --labels, for example --labels=ang,hap+exc,sad,neu or joy=hap+exc,ang."


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """A choice of labels.

    Attributes:
        name: As the user gave it.
        classes: Class names; a class id is an index into them.
        members: For each class, the tuple of the corpus' labels that are joined in it.
    """

    name: str
    classes: tuple
    members: tuple

    def ids(self):
        """Returns the dict from label to class id."""
        return {label: number for number, group in enumerate(self.members) for label in group}


def parse(text):
    """Reads a label set.

    Args:
        text: A name out of `NAMED`, or classes with commas between them. A class is the sum
            of its labels, such as `hap+exc`, with a name before it where it should have
            another: `joy=hap+exc`.

    Returns:
        `LabelSet`.

    Raises:
        ValueError: If a class has no label, a label is in two classes, two classes share
            a name, or there are fewer than two.
    """
    classes, members = [], []
    for part in NAMED.get(text, text).split(","):
        name, equals, joined = part.partition("=")
        members.append(tuple(label.strip() for label in (joined if equals else name).split("+")))
        classes.append(name.strip())
    every = [label for group in members for label in group]
    problem = None
    if not all(every) or not all(classes):
        problem = "names a class without a label"
    elif len(set(every)) != len(every):
        problem = "names a label twice"
    elif len(set(classes)) != len(classes):
        problem = "names a class twice"
    elif not 2 <= len(classes) <= checking.MAX_CLASSES:
        problem = "has too few classes" if len(classes) < 2 else "has too many classes"
    elif not all(map(checking.is_name, every + classes)):
        problem = "holds characters that cannot be shown"
    if problem:
        raise errors.refusal(
            f"`labels` {problem}",
            f"one of {', '.join(NAMED)}, or two to {checking.MAX_CLASSES} classes with commas "
            "between them",
            f"labels={text[:200]!r}",
            EXAMPLE,
        )
    return LabelSet(text, tuple(classes), tuple(members))


def of_all(labels):
    """Makes each label that occurs its own class, sorted.

    Args:
        labels: Iterable of labels.

    Returns:
        `LabelSet`.

    Raises:
        ValueError: If there are fewer than two, or far too many.
    """
    classes = tuple(sorted(set(labels)))
    if not 2 <= len(classes) <= checking.MAX_CLASSES:
        raise errors.refusal(
            "The labels do not make classes",
            f"2 to {checking.MAX_CLASSES} different ones",
            f"{len(classes)}, such as {', '.join(map(repr, classes[:5]))}",
            EXAMPLE,
        )
    return LabelSet("all", classes, tuple((name,) for name in classes))


def choose(labelled, label_set):
    """Keeps the utterances whose labels have a class, and says what is left out.

    Args:
        labelled: List of pairs: an utterance's label, and the dict of the other fields of its
            `amh_tf.corpora.recording.Recording`.
        label_set: `LabelSet`.

    Returns:
        Tuple of `Recording`s, in the same order; list of notes.

    Raises:
        ValueError: If a class of the user's own set has no utterance, or no class has one.
    """
    ids = label_set.ids()
    counts = collections.Counter(label for label, _ in labelled)
    notes = [
        f"The class {name} joins {' and '.join(group)}."
        for name, group in zip(label_set.classes, label_set.members)
        if len(group) > 1
    ]
    notes += _empty_notes(label_set, counts)
    left_out = {label: count for label, count in sorted(counts.items()) if label not in ids}
    if left_out:
        listed = ", ".join(f"{label} {count:,}" for label, count in left_out.items())
        notes.append(f"Left out, without a class: {sum(left_out.values()):,} ({listed}).")
    recordings = tuple(
        recording.Recording(label=ids[label], **fields)
        for label, fields in labelled
        if label in ids
    )
    return recordings, notes


def _empty_notes(label_set, counts):
    empty = [
        name
        for name, group in zip(label_set.classes, label_set.members)
        if not any(counts[label] for label in group)
    ]
    if len(empty) == len(label_set.classes) or (empty and label_set.name not in NAMED):
        listed = ", ".join(f"{label} {count}" for label, count in counts.most_common(30))
        raise errors.refusal(
            "A class has no utterance",
            f"labels that occur: {listed or 'there are none'}",
            f"none for {', '.join(empty)}",
            EXAMPLE,
        )
    return [f"No utterance is labelled {', '.join(empty)}."] if empty else []
