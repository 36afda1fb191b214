"""Times the answers to one utterance, each way in turn, on one thread:

python tools/benchmark_export.py --export_dir=DIR --run_dir=RUN

DIR is what `python -m amh_tf.export` and `python export/tflite.py` wrote. Compares the served
signature, the TFLite files on LiteRT, the same model by Keras' own layers converted the same
way, and the ONNX file, if there is one. Writes `benchmark.json` to DIR.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from amh_tf import files, progress, schema  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow: it quiets its start)
import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf.deploy import litert, onnx_model
from amh_tf.runs import trained

FLAGS = flags.FLAGS
LENGTHS = {"audio": 450, "text": 20, "video": 14}
FILES = {
    "TFLite float32": "amh.tflite",
    "TFLite float16": "amh_float16.tflite",
    "TFLite int8": "amh_int8.tflite",
}
# What is to be reached, as (way, compared with, ratio of medians).
TARGETS = (
    ("TFLite float32", "SavedModel", 0.75),
    ("TFLite float32", "stock Keras, fixed time", 0.25),
    ("TFLite float32", "stock Keras, any time", 0.25),
    ("TFLite int8", "SavedModel", 0.45),
    ("TFLite int8", "SavedModel", 0.30),
)


def _served(folder):
    newest = max((f for f in folder.iterdir() if f.name.isdecimal()), key=lambda f: int(f.name))
    loaded = tf.saved_model.load(str(newest))

    def run(inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return loaded.signatures["serving_default"](**tensors)["probabilities"].numpy()[0]

    return run


def _stock(run, times):
    """Converts the model by Keras' own layers, for utterances of at most, or exactly, some steps.

    Args:
        run: `amh_tf.runs.trained.Trained`.
        times: Dict from modality to the fixed length of its sequence, or to None.

    Returns:
        The file's bytes.
    """
    model = run.model
    for modality in run.config.modalities:
        model.get_layer(f"{modality}_encoder").kernel = "keras"
    specs = {}
    for name, tensor in model.input.items():
        shape = [1, *tensor.shape[1:]]
        if name in times:
            shape[1] = times[name]
        specs[name] = tf.TensorSpec(shape, tensor.dtype, name)

    @tf.function(input_signature=[specs])
    def stock(inputs):
        return {"probabilities": tf.nn.softmax(model(inputs, training=False))}

    holder = tf.Module()
    holder.weights = [variable.value for variable in model.weights]
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [stock.get_concrete_function()], holder
    ).convert()


def _stock_ways(run, folder):
    """Makes the stock files: fixed to the longest utterance, and of any length."""
    longest = schema.MAX_LENGTHS
    ways = {}
    for name, times in (("fixed", longest), ("any", dict.fromkeys(longest))):
        path = folder / f".stock_{name}.tflite"
        try:
            path.write_bytes(_stock(run, times))
            ways[f"stock Keras, {name} time"] = litert.Runner(path)
        finally:
            path.unlink(missing_ok=True)
    fixed = ways["stock Keras, fixed time"]

    def run_fixed(inputs):
        return fixed({name: _filled(value, longest.get(name)) for name, value in inputs.items()})

    return {**ways, "stock Keras, fixed time": run_fixed}


def _filled(value, steps):
    if steps is None:
        return value
    filled = np.zeros((1, steps, *value.shape[2:]), value.dtype)
    filled[:, : value.shape[1]] = value
    return filled


def main():
    """Runs the benchmark by the flags."""
    for set_threads in (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    ):
        set_threads(1)
    output = Path(FLAGS.export_dir)
    run = trained.read(FLAGS.run_dir, FLAGS.data_dir)
    ways = {"SavedModel": _served(output / "serving")}
    for name, file in FILES.items():
        ways[name] = litert.Runner(output / file)
    if FLAGS.stock:
        ways |= _stock_ways(run, output)
    if (output / "amh.onnx").is_file():
        ways["ONNX Runtime"] = onnx_model.Runner(output / "amh.onnx")
    inputs = litert.random_utterance(run.model.input, LENGTHS, run.config.vocabulary_size)
    answers = {name: way(inputs) for name, way in ways.items()}
    timed = litert.latencies(ways, inputs, FLAGS.runs)
    medians = {name: float(np.median(times)) for name, times in timed.items()}
    show = progress.console.print
    show(f"{'':26}{'median':>9}{'quartiles':>16}{'of SavedModel':>15}{'difference':>12}")
    for name, times in timed.items():
        low, high = np.percentile(times, [25, 75])
        difference = np.abs(answers[name] - answers["SavedModel"]).max()
        show(
            f"{name:26}{medians[name]:6.2f} ms{low:8.2f} - {high:5.2f}"
            f"{medians[name] / medians['SavedModel']:15.3f}{difference:12.1e}"
        )
    for name, other, ratio in TARGETS:
        if name in medians and other in medians:
            reached = medians[name] / medians[other]
            word = "reached" if reached <= ratio else "missed"
            show(f"{name} <= {ratio} of {other}: {word}, {reached:.3f}")
    described = {"lengths": LENGTHS, "runs": FLAGS.runs, "threads": 1, "medians_ms": medians}
    files.write_text(output / "benchmark.json", json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    flag_kit.define("path", "export_dir", None, "Folder of the export (required).", required=True)
    flag_kit.define("path", "run_dir", None, "Folder of its run (required).", required=True)
    flag_kit.define("path", "data_dir", None, "Where the run's data set lies now, if it moved.")
    flags.DEFINE_integer("runs", 150, "Timed runs of each way.", lower_bound=1)
    flags.DEFINE_boolean("stock", True, "Whether to compare with Keras' own layers.")
    cli.run(main)
