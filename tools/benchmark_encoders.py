"""Measures what extraction adds to the time of pretrained encoders:

python -m tools.benchmark_encoders --output_dir=DIR
python -m tools.benchmark_encoders --output_dir=DIR --meld=FOLDER --encoder=all-MiniLM-L6-v2

The first writes a wav2vec 2.0 of random weights and sound of noise, and extracts its features. The
second encodes texts of MELD, a folder with the release's three CSV files. Prints how
many utterances a second these were, and which share of the time was spent inside the encoder. With
`--profile`, which costs time of its own, what took the rest is in `profile.txt`.
"""

import cProfile
import dataclasses
import io
import pstats
import wave
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
from absl import flags

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from amh_tf.corpora import meld, table
from amh_tf.extraction import extractor, groups, settings, work_folder
from amh_tf.features.pretrained import choice

FLAGS = flags.FLAGS
RATE = 16000


def _encoder(folder):
    """Saves an encoder of random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=FLAGS.units,
        num_hidden_layers=FLAGS.layers,
        num_attention_heads=8,
        intermediate_size=4 * FLAGS.units,
        conv_dim=(FLAGS.units,) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
    )
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)


def _corpus(folder):
    """Writes recordings of 1 to 6 s of noise, and reads them as a table."""
    rng = np.random.default_rng(0)
    lines = ["id,label,audio,split"]
    for number in range(FLAGS.utterances):
        samples = rng.integers(-3000, 3000, rng.integers(RATE, 6 * RATE), np.int16)
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        lines.append(f"u{number},{'ab'[number % 2]},{number}.wav,train")
    files.write_text(folder / "table.csv", "\n".join(lines) + "\n")
    return table.read(folder / "table.csv")


def main():
    """Measures by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    if FLAGS.meld:
        modality, encoder, corpus = "text", FLAGS.encoder, meld.read(FLAGS.meld)
        corpus = dataclasses.replace(corpus, recordings=corpus.recordings[: FLAGS.utterances])
    else:
        modality, encoder = "audio", str(output / "encoder")
        _encoder(encoder)
        corpus = _corpus(output)
    encoders = {modality: choice.Choice(encoder, batch=FLAGS.batch)}
    chosen = settings.Settings(modalities=(modality,), encoders=encoders)
    maker = extractor.Extractor(chosen)
    work = work_folder.WorkFolder(output / "work")
    work.start(maker.recipe)
    planned = work_folder.plan(corpus, chosen, maker.fingerprint, progress.bar)
    if not FLAGS.profile:
        groups.extract(planned, maker, work)
        return
    profile = cProfile.Profile()
    profile.runcall(groups.extract, planned, maker, work)
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("cumulative").print_stats("amh_tf", 25)
    files.write_text(output / "profile.txt", text.getvalue())


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "A new folder for all of it.", required=True)
    flag_kit.define("path", "meld", None, "Folder of MELD's CSV files; none for sound of noise.")
    flag_kit.define("path", "encoder", None, "Encoder of MELD's texts.")
    flags.DEFINE_integer("utterances", 100, "How many recordings or texts.")
    flags.DEFINE_bool("profile", False, "Whether to profile.")
    flags.DEFINE_integer("layers", 6, "Layers of the encoder.")
    flags.DEFINE_integer("units", 512, "Units of each.")
    flags.DEFINE_integer("batch", choice.BATCH, "Recordings that are computed side by side.")
    cli.run(main)
