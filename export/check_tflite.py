"""Compares a TFLite file with the trained model on real shards:

python export/check_tflite.py --file=DIR/amh_int8.tflite --run_dir=RUN [--split=test]

Prints the scores of both side by side, how often they agree, and the file's latency on one and
two threads. Ends with exit code 1 where they agree less than --least_agreement. Needs
pip install 'amh_tf[edge]'.
"""

from pathlib import Path

from amh_tf import errors, progress, schema  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow)
import litert
import numpy as np
from absl import flags

from amh_tf.data import pipeline
from amh_tf.runs import opening, trained
from amh_tf.scores import metrics
from amh_tf.training import evaluation

FLAGS = flags.FLAGS


def compare(path, run, fold, split):
    """Answers a split with both.

    Args:
        path: The TFLite file.
        run: `amh_tf.runs.trained.Trained`.
        fold: The `amh_tf.data.folds.Fold` that it was trained on.
        split: Name of the split.

    Returns:
        Labels, Keras' probabilities, the file's probabilities, and milliseconds of each
        utterance by number of threads.
    """
    batches = pipeline.batches(fold, split, 1, modalities=run.config.modalities, with_ids=True)
    runners = {threads: litert.Runner(path, threads) for threads in (1, 2)}
    predicted = evaluation.predict(evaluation.make_predict_step(run.model), batches)
    answers, times = [], {threads: [] for threads in runners}
    with progress.bar(fold.count(split), "comparing", "utterances") as bar:
        for inputs, _, _ in batches:
            inputs = {name: value.numpy() for name, value in inputs.items()}
            for threads, timed in litert.latencies(runners, inputs, runs=1, warmup=0).items():
                times[threads].append(timed[0])
            answers.append(runners[1](inputs))
            bar.advance()
    return predicted.labels, predicted.probabilities, np.stack(answers), times


def main():
    """Compares by the flags."""
    run = trained.read(FLAGS.run_dir, FLAGS.data_dir)
    fold = opening.find_fold(run.run_config, FLAGS.data_dir)
    labels, expected, received, times = compare(Path(FLAGS.file), run, fold, FLAGS.split)
    scores = [
        metrics.scores(
            metrics.confusion_matrix(labels, answers.argmax(axis=1), len(run.inputs.classes))
        )
        for answers in (expected, received)
    ]
    show = progress.console.print
    show(f"{run.inputs.data}, {FLAGS.split}, {len(labels)} utterances")
    show(f"{'score':24}{'Keras':>8}{'file':>8}")
    for name in schema.SCORES:
        show(f"{name.replace('_', ' '):24}{scores[0][name]:8.3f}{scores[1][name]:8.3f}")
    agreement = float((expected.argmax(axis=1) == received.argmax(axis=1)).mean())
    show(f"same class: {agreement:.2%}; largest difference {np.abs(expected - received).max():.1e}")
    for threads, timed in times.items():
        show(f"latency, {threads} thread{'s'[: threads - 1]}: median {np.median(timed):.2f} ms")
    if not agreement >= FLAGS.least_agreement:
        raise errors.refusal(
            "The file is not the model",
            f"the same class for at least {FLAGS.least_agreement:.1%} of the utterances",
            f"{agreement:.2%}",
        )


if __name__ == "__main__":
    flag_kit.define("path", "file", None, "The TFLite file (required).", required=True)
    flag_kit.define("path", "run_dir", None, "Folder of the run (required).", required=True)
    flag_kit.define("path", "data_dir", None, "Where the run's data set is now, if it moved.")
    flags.DEFINE_enum("split", "test", schema.SPLITS, "Split to compare on.")
    flags.DEFINE_float("least_agreement", 0.97, "Smallest share of the same class.")
    cli.run(main)
