"""Writes a spoken demo corpus (synthetic) in the layout of IEMOCAP's release:

python -m tools.make_demo_corpus --output_dir=DIR

Ten voices of espeak-ng (to be installed) speak in five sessions, faces are drawn, voice and
face follow the emotion. The same flags and the same espeak-ng give the same files.
"""

from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import shutil

import numpy as np
from absl import flags
from scipy.io import wavfile

from amh_tf import errors, folders, progress
from amh_tf.commands import flag_kit
from tools.demo_corpus import picture, release, script, voice

FLAGS = flags.FLAGS


def _write_dialog(folder, dialog, turns, rng, quality):
    """Writes one dialog into its session's folder."""
    script.place(turns, rng, voice.SAMPLE_RATE)
    release.write_texts(folder / "dialog", dialog, turns, rng)
    sentences = folder / "sentences/wav" / dialog
    videos = folder / "dialog/avi/DivX"
    for path in (sentences, videos):
        path.mkdir(parents=True, exist_ok=True)
    for turn in turns:
        wavfile.write(sentences / f"{turn.id}.wav", voice.SAMPLE_RATE, turn.waveform)
    picture.write(videos / f"{dialog}.avi", turns, rng, quality)


def _write(folder, utterances, seed, quality):
    """Writes the corpus and returns its number of utterances."""
    planned = script.dialogs(utterances, np.random.default_rng(seed))
    total = sum(map(len, planned.values()))
    with progress.bar(total, "demo corpus", "utterances") as bar:
        for number, (dialog, turns) in enumerate(planned.items()):
            rng = np.random.default_rng([seed, number])
            for turn in turns:
                turn.waveform = voice.say(turn.words, turn.speaker, turn.shown, rng)
                bar.advance()
            _write_dialog(folder / f"Session{dialog[4]}", dialog, turns, rng, quality)
    release.mark(folder)
    return total


def main():
    """Writes the corpus by the flags."""
    if not shutil.which("espeak-ng"):
        raise errors.refusal(
            "The speech synthesizer is missing",
            "the program espeak-ng",
            "none",
            "Install it, for example with apt-get install espeak-ng.",
        )
    with folders.new_folder(FLAGS.output_dir) as folder:
        total = _write(Path(folder), FLAGS.utterances, FLAGS.seed, FLAGS.quality)
    progress.console.print(
        f"{FLAGS.output_dir} holds a spoken demo corpus (synthetic): {total} utterances, of which "
        f"{FLAGS.utterances} belong to the paper's classes."
    )


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Folder to write; must be new.", required=True)
    flags.DEFINE_integer(
        "utterances",
        300,
        "Utterances of the paper's classes; about a sixth more are of no class.",
        lower_bound=10,
        upper_bound=5000,
    )
    flags.DEFINE_integer("seed", 1, "Seed of all that is drawn.", lower_bound=0)
    flags.DEFINE_integer(
        "quality", 8, "Quantizer of the video: 1 is best.", lower_bound=1, upper_bound=31
    )
    cli.run(main)
