"""Trains RNN-attn on MELD's words, official split, by word vectors and by a pretrained encoder:

python -m tools.benchmark_meld --source_dir=MELD --glove=FILE --encoder=FOLDER --output_dir=DIR

MELD is a folder with the release's three CSV files; no clip is needed. FILE is GloVe's text file,
FOLDER an encoder as `--text_features` takes it; either may be left out. Runs that are finished are
not repeated, so that the command can be stopped and given again. Writes `results.md` to DIR: scores
on dev and test, and, where there are both, the paired tests.
"""

from pathlib import Path

from absl import flags

from amh_tf import files, progress
from amh_tf.commands import cli, flag_kit
from amh_tf.runs import predictions
from amh_tf.scores import significance
from tools import shared

FLAGS = flags.FLAGS
SCORES = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "weighted_accuracy": "WA (WAR)",
    "unweighted_accuracy": "UA (UAR)",
}
GLOVE = "GloVe"


def _features():
    """Returns the flags of preparing for each kind of features, by its name."""
    features = {GLOVE: [f"--glove={FLAGS.glove}"]} if FLAGS.glove else {}
    if FLAGS.encoder:
        for layer in FLAGS.layers:
            name = f"{Path(FLAGS.encoder).stem}, layer {layer}"
            features[name] = [f"--text_features={FLAGS.encoder}", f"--text_layer={layer}"]
    return features


def _prepare(folder, options):
    prepare = ["-m", "amh_tf.prepare", "--source=meld", f"--source_dir={FLAGS.source_dir}"]
    shared.run(*prepare, "--modalities=t", f"--output_dir={folder}", *options)


def _train(data, run_dir, recipe):
    """Trains one run and returns its reports by seed, that of all together last."""
    train = ["-m", "amh_tf.train", "--model=rnn_attn", "--modalities=t", f"--recipe={recipe}"]
    train += [f"--seeds={','.join(FLAGS.seeds)}", f"--data_dir={data}", f"--run_dir={run_dir}"]
    shared.run(*train, *FLAGS.extra, log=run_dir.with_suffix(".log"))
    folders = [run_dir / f"seed_{seed}" for seed in FLAGS.seeds] + [run_dir]
    return [files.read_json(f / "metrics.json", "the scores of a run") for f in folders]


def _row(name, recipe, reports):
    *seeds, together = reports
    scores = [shared.spread([seed["test"][score]["value"] for seed in seeds]) for score in SCORES]
    dev = shared.spread([seed["dev"]["weighted_f1"]["value"] for seed in seeds])
    return [name, recipe, dev, *scores, shared.interval(together["test"]["weighted_f1"])]


def _predictions(run_dir, report):
    classes = [row["class"] for row in report["test"]["per_class"]]
    rows = predictions.read(run_dir / "predictions.csv", classes)
    return {name: (label, shares.index(max(shares))) for name, label, shares in rows}


def _compare(recipe, first, second):
    """Returns a row: an encoder's answers beside those of word vectors, of all seeds together."""
    (name, own), (other, others) = first, second
    tested = significance.compare(own, others, (name, other))
    gain = tested.unweighted_accuracy
    bounds = ", ".join(f"{value:+.3f}" for value in (gain.low, gain.high))
    difference = f"{tested.weighted_accuracy.value:+.3f}", f"{gain.value:+.3f} [{bounds}]"
    right = f"{tested.first_only:,} / {tested.second_only:,}"
    return [f"{name} - {other}", recipe, right, f"{tested.p_value:.2g}", *difference]


def _report(rows, tests):
    header = ["features", "recipe", "dev weighted F1", *(f"{title}" for title in SCORES.values())]
    table = shared.markdown([*header, "weighted F1, averaged [95 %]"], rows)
    header = ["difference", "recipe", "right alone", "McNemar's p", "WA", "UA [95 %]"]
    return table + ("\n" + shared.markdown(header, tests) if tests else "")


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    features, rows, tests, answers = _features(), [], [], {}
    with progress.bar(len(features) * len(FLAGS.recipes), "benchmark", "rows") as bar:
        for number, (name, options) in enumerate(features.items()):
            data = output / f"data_{name.replace(', ', '_').replace(' ', '_')}"
            _prepare(data, options)
            for recipe in FLAGS.recipes:
                run_dir = output / f"{data.name.removeprefix('data_')}_{recipe}"
                reports = _train(data, run_dir, recipe)
                rows.append(_row(name, recipe, reports))
                answers[name, recipe] = _predictions(run_dir, reports[-1])
                if number and FLAGS.glove:
                    pair = [(one, answers[one, recipe]) for one in (name, GLOVE)]
                    tests.append(_compare(recipe, *pair))
                files.write_text(output / "results.md", _report(rows, tests))
                bar.advance()
    progress.console.print(_report(rows, tests))


if __name__ == "__main__":
    flag_kit.define("path", "source_dir", None, "Folder of MELD's CSV files.", required=True)
    flag_kit.define("path", "glove", None, "GloVe's text file.")
    flag_kit.define("path", "encoder", None, "A pretrained encoder of texts.")
    flag_kit.define("list", "layers", ["last"], "Its layers, one row each.")
    flag_kit.define("path", "output_dir", None, "Where data, runs and tables go.", required=True)
    flags.DEFINE_list("recipes", ["authors", "small_corpus"], "Recipes to compare.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each.")
    flags.DEFINE_list("extra", [], "Further flags for amh_tf.train.")
    cli.run(main, on_stop="the same command continues where it stopped")
