"""Trains RNN-attn on MELD's words, official split, and tabulates its test scores:

python tools/benchmark_meld.py --source_dir=MELD --glove=FILE --output_dir=DIR

MELD is a folder with the release's three CSV files; no clip is needed. FILE is GloVe's text file.
Runs that are finished are not repeated, so that the command can be stopped and given again. Writes
`results.md` and `results.json` to DIR.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
from absl import flags

from amh_tf import errors, files, progress, schema
from amh_tf.commands import flag_kit
from amh_tf.corpora import meld, source
from amh_tf.data import manifest, writer
from amh_tf.extraction import extracted_source
from amh_tf.features import glove, text

FLAGS = flags.FLAGS
SCORES = ("weighted_f1", "macro_f1", "weighted_accuracy", "unweighted_accuracy")
TITLES = ("weighted F1", "macro F1", "WA (WAR)", "UA (UAR)")


def _prepare(folder):
    """Makes a data folder of words alone, without looking for clips."""
    if (folder / manifest.FILE_NAME).is_file():
        return
    corpus = meld.read(FLAGS.source_dir)
    taught = [s.transcript for s in corpus.recordings if s.splits == ("train",)]
    vocabulary = text.build_vocabulary(text.words(each) for each in taught)
    vectors, known = glove.load_glove(FLAGS.glove, vocabulary, progress=progress.bar)
    progress.console.print(f"{known:,} of {len(vocabulary) - 2:,} words have a vector.")
    ids = {word: number for number, word in enumerate(vocabulary)}
    widths = {"audio": 1, "video": 1}
    absent = {name: np.zeros((0, width), np.float32) for name, width in widths.items()}

    def utterances():
        for spoken in corpus.recordings:
            longest = schema.MAX_LENGTHS["text"]
            words = text.words(spoken.transcript or "")[:longest]
            numbers = extracted_source.word_ids(words, ids)
            yield source.Utterance(spoken.id, spoken.label, text=numbers, **absent)

    described = json.dumps([[s.id, s.label, s.transcript] for s in corpus.recordings])
    digest = hashlib.sha256(described.encode() + vectors.tobytes()).hexdigest()
    made = source.Source(
        name="MELD's words",
        synthetic=False,
        classes=corpus.classes,
        widths=widths,
        vocabulary=vocabulary,
        embedding=vectors,
        index=tuple(map(extracted_source.entry, corpus.recordings)),
        utterances=utterances,
        fingerprint=digest,
    )
    writer.write(made, folder, progress=progress.bar)


def _train(data, run_dir, recipe):
    """Trains one run and returns its reports by seed, that of all together last."""
    command = [sys.executable, "-m", "amh_tf.train", "--model=rnn_attn", "--modalities=t"]
    command += [f"--recipe={recipe}", f"--seeds={','.join(FLAGS.seeds)}", *FLAGS.extra]
    command += [f"--data_dir={data}", f"--run_dir={run_dir}"]
    with open(run_dir.with_suffix(".log"), "a", encoding="utf-8") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if status.returncode:
        raise errors.InputError(
            f"A run has failed. Expected exit code 0. Received: {status.returncode}. "
            f"See {run_dir.with_suffix('.log')}."
        )
    folders = [run_dir / f"seed_{seed}" for seed in FLAGS.seeds] + [run_dir]
    expected = "the scores of a run"
    return [files.read_json(folder / "metrics.json", expected)["test"] for folder in folders]


def _table(results):
    head = ["recipe", *(f"{title}, a seed" for title in TITLES), "weighted F1, averaged [95 %]"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for recipe, reports in results.items():
        cells = []
        for score in SCORES:
            values = [report[score]["value"] for report in reports[:-1]]
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread}")
        averaged = reports[-1]["weighted_f1"]
        low, high = averaged["interval_95"]
        cells.append(f"{averaged['value']:.3f} [{low:.3f}, {high:.3f}]")
        lines.append(f"| {recipe} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    _prepare(output / "data")
    results = {}
    with progress.bar(len(FLAGS.recipes), "benchmark", "rows") as bar:
        for recipe in FLAGS.recipes:
            results[recipe] = _train(output / "data", output / recipe, recipe)
            bar.advance()
            files.write_text(output / "results.json", json.dumps(results, indent=1) + "\n")
            files.write_text(output / "results.md", _table(results))
    progress.console.print(_table(results))


if __name__ == "__main__":
    flag_kit.define("path", "source_dir", None, "Folder of MELD's CSV files.", required=True)
    flag_kit.define("path", "glove", None, "GloVe's text file.", required=True)
    flag_kit.define("path", "output_dir", None, "Where data, runs and tables go.", required=True)
    flags.DEFINE_list("recipes", ["authors", "small_corpus"], "Recipes to compare.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each.")
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.train.")
    cli.run(main, on_stop="the same command goes on where it was")
