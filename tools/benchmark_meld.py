"""Trains RNN-attn on MELD's words, official split, and tabulates its test scores:

python -m tools.benchmark_meld --source_dir=MELD --glove=FILE --output_dir=DIR

MELD is a folder with the release's three CSV files; no clip is needed. FILE is GloVe's text file.
Runs that are finished are not repeated, so that the command can be stopped and given again. Writes
`results.md` to DIR.
"""

import hashlib
import json
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
from absl import flags

from amh_tf import files, progress, schema
from amh_tf.commands import flag_kit
from amh_tf.corpora import meld, source
from amh_tf.data import manifest, writer
from amh_tf.extraction import extracted_source
from amh_tf.features import glove, text
from tools import shared

FLAGS = flags.FLAGS
SCORES = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "weighted_accuracy": "WA (WAR)",
    "unweighted_accuracy": "UA (UAR)",
}


def _prepare(folder):
    """Writes a data folder of words alone, without looking for clips."""
    if (folder / manifest.FILE_NAME).is_file():
        return
    corpus = meld.read(FLAGS.source_dir)
    train = [s.transcript for s in corpus.recordings if s.splits == ("train",)]
    vocabulary = text.build_vocabulary(text.words(transcript) for transcript in train)
    vectors, num_known = glove.load_glove(FLAGS.glove, vocabulary, progress=progress.bar)
    progress.console.print(f"{num_known:,} of {len(vocabulary) - 2:,} words have a vector.")
    ids = {word: number for number, word in enumerate(vocabulary)}
    absent = {name: np.zeros((0, 1), np.float32) for name in ("audio", "video")}

    def utterances():
        for utterance in corpus.recordings:
            words = text.words(utterance.transcript or "")[: schema.MAX_LENGTHS["text"]]
            numbers = extracted_source.word_ids(words, ids)
            yield source.Utterance(utterance.id, utterance.label, text=numbers, **absent)

    described = json.dumps([[s.id, s.label, s.transcript] for s in corpus.recordings])
    words_alone = source.Source(
        name="MELD's words",
        synthetic=False,
        classes=corpus.classes,
        widths={"audio": 1, "video": 1},
        vocabulary=vocabulary,
        embedding=vectors,
        index=tuple(map(extracted_source.entry, corpus.recordings)),
        utterances=utterances,
        fingerprint=hashlib.sha256(described.encode() + vectors.tobytes()).hexdigest(),
    )
    writer.write(words_alone, folder, progress=progress.bar)


def _train(data, run_dir, recipe):
    """Trains one run and returns its reports by seed, that of all together last."""
    train = ["-m", "amh_tf.train", "--model=rnn_attn", "--modalities=t", f"--recipe={recipe}"]
    train += [f"--seeds={','.join(FLAGS.seeds)}", f"--data_dir={data}", f"--run_dir={run_dir}"]
    shared.run(*train, *FLAGS.extra, log=run_dir.with_suffix(".log"))
    folders = [run_dir / f"seed_{seed}" for seed in FLAGS.seeds] + [run_dir]
    return [files.read_json(f / "metrics.json", "the scores of a run")["test"] for f in folders]


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    _prepare(output / "data")
    header = ["recipe", *(f"{title}, a seed" for title in SCORES.values())]
    header, rows = [*header, "weighted F1, averaged [95 %]"], []
    with progress.bar(len(FLAGS.recipes), "benchmark", "rows") as bar:
        for recipe in FLAGS.recipes:
            *seeds, together = _train(output / "data", output / recipe, recipe)
            scores = [shared.spread([seed[name]["value"] for seed in seeds]) for name in SCORES]
            rows.append([recipe, *scores, shared.interval(together["weighted_f1"])])
            files.write_text(output / "results.md", shared.markdown(header, rows))
            bar.advance()
    progress.console.print(shared.markdown(header, rows))


if __name__ == "__main__":
    flag_kit.define("path", "source_dir", None, "Folder of MELD's CSV files.", required=True)
    flag_kit.define("path", "glove", None, "GloVe's text file.", required=True)
    flag_kit.define("path", "output_dir", None, "Where data, runs and tables go.", required=True)
    flags.DEFINE_list("recipes", ["authors", "small_corpus"], "Recipes to compare.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each.")
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.train.")
    cli.run(main, on_stop="the same command continues where it stopped")
