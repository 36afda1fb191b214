"""The files around sound and picture, as they are in IEMOCAP's release."""

from amh_tf.corpora import iemocap

# What raters call the emotions.
NAMES = {
    "ang": "Anger",
    "exc": "Excited",
    "hap": "Happiness",
    "sad": "Sadness",
    "fru": "Frustration",
    "sur": "Surprise",
    "neu": "Neutral state",
    "fea": "Fear",
    "dis": "Disgust",
    "oth": "Other",
}
MARK = """This is a synthetic corpus in the layout of IEMOCAP. Nobody is recorded in it:
voices are espeak-ng's, faces are drawn. Voice and face follow the emotion, loosely; most
sentences are said in every emotion, and some lean. It shows that a chain of tools works.
Scores on it say nothing about people.
"""


def _votes(label, rng):
    """Draws three raters' choices whose majority is the label; xxx has none."""
    if label == "xxx":
        return list(rng.permutation(list(NAMES))[:3])
    other = str(rng.choice([name for name in NAMES if name != label]))
    return list(rng.permutation([label, label, label if rng.random() < 0.5 else other]))


def evaluation(turns, rng):
    """Returns the text of a dialog's label file."""
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for turn in turns:
        ratings = rng.integers(1, 6, (2, 3))
        mean = ", ".join(f"{value:.4f}" for value in ratings.mean(axis=0))
        lines.append(f"[{turn.start:.4f} - {turn.end:.4f}]\t{turn.id}\t{turn.label}\t[{mean}]")
        for rater, vote in zip(("C-E2", "C-E3", "C-E4"), _votes(turn.label, rng)):
            lines.append(f"{rater}:\t{NAMES[vote]};\t()")
        lines.append(f"C-{turn.gender}1:\t{NAMES[turn.shown]};\t()")
        for rater, (valence, activation, dominance) in zip(("A-E3", "A-E4"), ratings):
            lines.append(f"{rater}:\tval {valence}; act {activation}; dom  {dominance};\t()")
        lines.append("")
    return "\n".join(lines) + "\n"


def transcription(turns):
    """Returns the text of a dialog's words, with a noise and a line of no utterance in it."""
    lines = []
    for turn in turns:
        words = turn.words
        lines.append(f"{turn.id} [{turn.start:08.4f}-{turn.end:08.4f}]: {words}")
    last = turns[-1]
    lines.append(f"{last.dialog}_{last.gender}XX0 [{last.end:08.4f}-{last.end:08.4f}]: [BREATHING]")
    lines.append(f"{last.gender}: Hm.")
    return "\n".join(lines) + "\n"


def write_texts(folder, dialog, turns, rng):
    """Writes the text files of a dialog, and what else is beside them.

    Args:
        folder: `Session1/dialog` and so on.
        dialog: Its name.
        turns: Its turns, with times.
        rng: `numpy.random.Generator`.
    """
    labels, words = folder / "EmoEvaluation", folder / "transcriptions"
    for path in (labels, words, *(labels / name for name in ("Categorical", "Attribute"))):
        path.mkdir(parents=True, exist_ok=True)
    (labels / f"{dialog}.txt").write_text(evaluation(turns, rng), encoding="utf-8")
    rated = [f"{turn.id} :{NAMES[turn.shown]}; ()" for turn in turns]
    (labels / "Categorical" / f"{dialog}_e2_cat.txt").write_text("\n".join(rated) + "\n")
    rated = [f"{turn.id} :act 3; :val  3; ()" for turn in turns]
    (labels / "Attribute" / f"{dialog}_e3_atr.txt").write_text("\n".join(rated) + "\n")
    # Some of the release's apostrophes are those of Windows.
    data = transcription(turns).encode().replace(b"It's", b"It\x92s")
    (words / f"{dialog}.txt").write_bytes(data)
    for path in (labels, words):  # as macOS leaves them behind
        (path / f"._{dialog}.txt").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")


def mark(folder):
    """Marks a tree as synthetic, which the reader of IEMOCAP sees."""
    (folder / iemocap.SYNTHETIC_MARK).write_text(MARK, encoding="utf-8")
