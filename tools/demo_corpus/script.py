"""Who says what, and how, in the spoken demo corpus (synthetic)."""

import dataclasses

import numpy as np

from amh_tf import schema

# Dealt to the sessions in turn, so that every session holds some of every common class.
ORDER = ("ang", "sad", "fru", "exc", "hap", "sur", "neu")
SESSIONS = 5
TURNS_PER_DIALOG = 8
SPARE_LABELS = ("xxx", "oth", "dis", "fea")

# Said in any emotion: the words alone give nothing away.
CARRIERS = (
    "I didn't know that you were coming today.",
    "They told me to wait here in this line.",
    "We have been here since the early morning.",
    "It's the third time this week, you know.",
    "She said that the letter is on the table.",
    "I think we should talk about the house.",
    "You can't take the car to the city.",
    "He has been working there for two years.",
    "That is what my brother told me yesterday.",
    "The train to the coast leaves at seven.",
    "I'll see you at the office tomorrow.",
    "We're moving to another town next month.",
    "They've asked me to sign this form again.",
    "There are only two of us in the room.",
    "My mother wants us to come for dinner.",
    "Did you look at the pictures I sent?",
    "What happened to the people next door?",
    "Do you remember the day we met?",
)
# Said from time to time: a few words lean, as they do in life.
LEANING = {
    "ang": ("How dare you do this to me!", "Get out of my way, now!"),
    "exc": ("Oh my god, we are going to win this!", "I can't wait for the party!"),
    "hap": ("I am so glad that you are here.", "This is such a lovely day."),
    "sad": ("I miss him so much, every day.", "There is nothing left for me now."),
    "fru": ("Why does this never work for me?", "I have told you this ten times."),
    "sur": ("Wait, what did you just say?", "I never thought I would see that!"),
    "neu": ("The form is on the second page.", "It is about four in the afternoon."),
}
LEANING_SHARE = 0.25

_DIALOGS = (
    *("F_impro01", "M_impro01", "F_script01_1", "M_impro05", "F_impro03", "M_script02_2"),
    *(f"{gender}_impro{number:02d}" for number in range(6, 90) for gender in "FM"),
)
# The release splits a few dialogs and tells the pieces apart by a letter.
_SPLIT_SESSION, _SPLIT_DIALOG = 3, "M_impro01"


@dataclasses.dataclass
class Turn:
    """One utterance.

    Attributes:
        id, dialog, label: As in the release.
        gender: "F" or "M": who speaks.
        words: What is said.
        shown: Label by which voice and face are made; of an utterance that raters do not
            agree on, some emotion.
        start, end: Its span in the dialog in seconds.
        waveform: int16 samples at 16 kHz.
    """

    id: str
    dialog: str
    label: str
    gender: str
    words: str
    shown: str
    start: float = 0.0
    end: float = 0.0
    waveform: np.ndarray | None = None

    @property
    def speaker(self):
        """Such as Ses01F."""
        return self.dialog[:5] + self.gender

    @property
    def side(self):
        """The half of the picture: the actor that the dialog is named after is on the left."""
        return "left" if self.gender == self.dialog[5] else "right"


def class_counts(utterances):
    """Shares out utterances as the paper's classes are, with a few of the rarest.

    Args:
        utterances: Their number, at least one for each class.

    Returns:
        Dict from label to count.
    """
    least = max(1, min(10, utterances // 15))
    free = utterances - least * len(ORDER)
    published = dict(zip(schema.PAPER_CLASSES, schema.PAPER_CLASS_COUNTS))
    shares = {label: free * published[label] / sum(published.values()) for label in ORDER}
    counts = {label: least + int(shares[label]) for label in ORDER}
    rest = utterances - sum(counts.values())
    for label in sorted(ORDER, key=lambda name: int(shares[name]) - shares[name])[:rest]:
        counts[label] += 1
    return counts


def _labels(utterances):
    counts = class_counts(utterances)
    labels = [label for label in ORDER for _ in range(counts[label])]
    few = 1 if utterances < 100 else 2
    return labels + ["xxx"] * max(1, utterances // 6) + ["oth"] + ["dis", "fea"] * (few - 1)


def _dialog_names(session, count):
    names = list(_DIALOGS[:count])
    if session == _SPLIT_SESSION:
        position = names.index(_SPLIT_DIALOG)
        names[position : position + 1] = ["M_impro05a", "M_impro05b"][: 1 + (count > 4)]
        names = [name for name in names if name != "M_impro05"][:count]
    return [f"Ses0{session}{name}" for name in names]


def _words(rng, label):
    if label in LEANING and rng.random() < LEANING_SHARE:
        return str(rng.choice(LEANING[label]))
    return str(rng.choice(CARRIERS))


def dialogs(utterances, rng):
    """Plans the corpus.

    Args:
        utterances: Number of utterances of the paper's seven classes; some of no class come
            on top.
        rng: `numpy.random.Generator`.

    Returns:
        Dict from dialog to its list of `Turn`s, without times and sound.
    """
    labels = _labels(utterances)
    planned = {}
    for session in range(1, SESSIONS + 1):
        dealt = rng.permutation(labels[session - 1 :: SESSIONS])
        count = max(2, round(len(dealt) / TURNS_PER_DIALOG))
        names = _dialog_names(session, count)
        gender = str(rng.choice(["F", "M"]))
        for name, part in zip(names, np.array_split(dealt, len(names))):
            counts = {"F": 0, "M": 0}
            planned[name] = []
            for label in map(str, part):
                face = label if label in ORDER else str(rng.choice(ORDER))
                turn = f"{name}_{gender}{counts[gender]:03d}"
                words = _words(rng, label)
                planned[name].append(Turn(turn, name, label, gender, words, face))
                counts[gender] += 1
                if rng.random() < 0.8 or len(dealt) < TURNS_PER_DIALOG:
                    gender = "M" if gender == "F" else "F"
    return planned


def place(turns, rng, sample_rate):
    """Sets the times of a dialog's turns, some of which begin before the last one has ended."""
    clock = 0.4
    for turn in turns:
        turn.start = round(clock, 4)
        turn.end = round(clock + len(turn.waveform) / sample_rate, 4)
        clock = max(turn.start + 0.3, turn.end + rng.uniform(-0.4, 0.6))
