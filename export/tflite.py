"""Makes files for phones and small devices:

python export/tflite.py --export_dir=DIR

DIR is what `python -m amh_tf.export` wrote. Writes `amh.tflite`, `amh_float16.tflite`,
`amh_int8.tflite` and `edge_report.json` to it: size, operations, parity with the edge module in
TensorFlow, and latency of one utterance on this machine, beside that of the served signature. Needs
pip install 'amh_tf[edge]'.
"""

import json
from pathlib import Path

from amh_tf import errors, files, progress  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow: it quiets its start)
import litert
import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf.deploy import write

FLAGS = flags.FLAGS
FILES = {"float32": "amh.tflite", "float16": "amh_float16.tflite", "int8": "amh_int8.tflite"}


def _edge_dir():
    folder = Path(FLAGS.export_dir) / "edge"
    if not (folder / "saved_model.pb").is_file():
        raise errors.refusal(
            f"{FLAGS.export_dir!r} is not an export",
            "a folder with edge/ in it",
            "none",
            "Make one with `python -m amh_tf.export`, and set it with --export_dir.",
        )
    return folder


def _served(export_dir):
    """Returns a function that answers an utterance by the served signature."""
    newest = max(path for path in (export_dir / "serving").iterdir() if path.name.isdecimal())
    loaded = tf.saved_model.load(str(newest))

    def run(inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return loaded.signatures["serving_default"](**tensors)["probabilities"].numpy()[0]

    return run


def _describe(path, runner, answers, parameter_bytes):
    differences, same = [], 0
    for inputs, expected in answers:
        received = runner(inputs)
        differences.append(float(np.abs(received - expected).max()))
        same += int(received.argmax() == expected.argmax())
    operations = litert.operations(path.read_bytes())
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "share_of_parameters": round(path.stat().st_size / parameter_bytes, 4),
        "builtin_only": not any(name.startswith("custom") for name in operations),
        "operations": dict(operations.most_common()),
        "largest_difference": max(differences),
        "same_class": f"{same} of {len(answers)}",
    }


def _milliseconds(times):
    quartiles = [round(float(q), 3) for q in np.percentile(times, [25, 75])]
    median = round(float(np.median(times)), 3)
    return {"median": median, "quartiles": quartiles, "runs": FLAGS.runs, "threads": 1}


def main():
    """Makes the files by the flags."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    edge_dir, output = _edge_dir(), Path(FLAGS.export_dir)
    answers = litert.reference_answers(edge_dir)
    extra = json.loads((edge_dir / "assets.extra" / write.EDGE_FILE).read_text())
    parameter_bytes = extra["parameter_bytes"]
    runners, described = {"served": _served(output)}, {}
    for kind in litert.KINDS:
        path = output / FILES[kind]
        with files.replacing(path) as temporary:
            temporary.write_bytes(litert.convert(edge_dir, kind))
        runners[kind] = litert.Runner(path)
        described[kind] = _describe(path, runners[kind], answers, parameter_bytes)
    utterance = answers[0][0]
    times = litert.latencies(runners, utterance, FLAGS.runs)
    for kind, report in described.items():
        report["milliseconds"] = _milliseconds(times[kind])
        progress.console.print(
            f"{report['file']}: {report['bytes']:,} bytes ({report['share_of_parameters']:.3f} of "
            f"the parameters), largest difference {report['largest_difference']:.1e}, same class "
            f"{report['same_class']}, {report['milliseconds']['median']:.1f} ms"
        )
    lengths = {name: int(utterance[name][0]) for name in utterance if name.endswith("_length")}
    report = {"utterance": lengths, "parameter_bytes": parameter_bytes, "files": described}
    report["served_milliseconds"] = _milliseconds(times["served"])
    progress.console.print(f"served: {report['served_milliseconds']['median']:.1f} ms")
    files.write_text(output / "edge_report.json", json.dumps(report, indent=1) + "\n")
    progress.console.print(f"The report is in {output / 'edge_report.json'}.")


if __name__ == "__main__":
    flag_kit.define("path", "export_dir", None, "Folder of the export (required).", required=True)
    flags.DEFINE_integer("runs", 100, "Timed runs of each file.", lower_bound=1)
    cli.run(main)
