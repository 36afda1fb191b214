"""Makes files for phones and small devices:

python export/tflite.py --export_dir=DIR

DIR is what `python -m amh_tf.export` wrote. Writes `amh.tflite`, `amh_float16.tflite`,
`amh_int8.tflite` and `edge_report.json` to it: size, operations, parity with the edge module in
TensorFlow, and latency of one utterance on this machine. Needs pip install 'amh_tf[edge]'.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from amh_tf import errors

from amh_tf import files, progress  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow: it quiets its start)
import numpy as np
from absl import flags

from amh_tf.deploy import litert, write

FLAGS = flags.FLAGS
FILES = {"float32": "amh.tflite", "float16": "amh_float16.tflite", "int8": "amh_int8.tflite"}


def _edge_dir():
    folder = Path(FLAGS.export_dir) / "edge"
    if not (folder / "saved_model.pb").is_file():
        raise errors.InputError(
            f"{FLAGS.export_dir!r} is not an export. Expected a folder with edge/ in it. "
            "Received: none. Make one with `python -m amh_tf.export`, and set it with "
            "--export_dir."
        )
    return folder


def _describe(path, answers, parameter_bytes):
    runner = litert.Runner(path)
    differences, same = [], 0
    for inputs, expected in answers:
        received = runner(inputs)
        differences.append(float(np.abs(received - expected).max()))
        same += int(received.argmax() == expected.argmax())
    timed = litert.latencies({"file": runner}, answers[0][0], FLAGS.runs)["file"]
    operations = litert.operations(path.read_bytes())
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "share_of_parameters": round(path.stat().st_size / parameter_bytes, 4),
        "builtin_only": not any(name.startswith("custom") for name in operations),
        "operations": dict(operations.most_common()),
        "largest_difference": max(differences),
        "same_class": f"{same} of {len(answers)}",
        "milliseconds": {
            "median": round(float(np.median(timed)), 3),
            "quartiles": [round(float(q), 3) for q in np.percentile(timed, [25, 75])],
            "runs": FLAGS.runs,
            "threads": 1,
        },
    }


def main():
    """Makes the files by the flags."""
    edge_dir, output = _edge_dir(), Path(FLAGS.export_dir)
    answers = litert.reference_answers(edge_dir)
    described = {}
    parameter_bytes = json.loads((edge_dir / "assets.extra" / write.EDGE_FILE).read_text())[
        "parameter_bytes"
    ]
    for kind in litert.KINDS:
        path = output / FILES[kind]
        with files.replacing(path) as temporary:
            temporary.write_bytes(litert.convert(edge_dir, kind))
        described[kind] = _describe(path, answers, parameter_bytes)
        report = described[kind]
        progress.console.print(
            f"{path.name}: {report['bytes']:,} bytes ({report['share_of_parameters']:.3f} of the "
            f"parameters), largest difference {report['largest_difference']:.1e}, same class "
            f"{report['same_class']}, {report['milliseconds']['median']:.1f} ms"
        )
    first, _ = answers[0]
    lengths = {name: int(first[name][0]) for name in first if name.endswith("_length")}
    report = {"utterance": lengths, "parameter_bytes": parameter_bytes, "files": described}
    files.write_text(output / "edge_report.json", json.dumps(report, indent=1) + "\n")
    progress.console.print(f"The report is in {output / 'edge_report.json'}.")


if __name__ == "__main__":
    flag_kit.define("path", "export_dir", None, "Folder of the export (required).", required=True)
    flags.DEFINE_integer("runs", 100, "Timed runs of each file.", lower_bound=1)
    cli.run(main)
