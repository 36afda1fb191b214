"""Trains and exports with several interpreters, and loads each one's export in all of them:

python -m tools.compare_platforms --pythons=A/bin/python,B/bin/python --output_dir=DIR

Each is the interpreter of an environment in which this package is installed. Prints whether the
trained weights are the same bits, and for each pair by how much the answers of a SavedModel (loaded
by TensorFlow's C interface) and of a TFLite file differ from those where it was made.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from amh_tf import files
from tools import shared

VERSIONS = """
import json, platform, keras, numpy, tensorflow
print(json.dumps({"Python": platform.python_version(), "TensorFlow": tensorflow.__version__,
                  "Keras": keras.__version__, "NumPy": numpy.__version__}))
"""
# Of a .keras file: by name, as the order and the compression of an HDF5 file may change.
WEIGHTS = """
import io, sys, zipfile, h5py, numpy as np
arrays = {}
with zipfile.ZipFile(sys.argv[1]) as file:
    with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
        weights.visititems(lambda name, item: arrays.update({name: item[()]})
                           if isinstance(item, h5py.Dataset) else None)
np.savez(sys.argv[2], **{name.replace("/", "."): array for name, array in arrays.items()})
"""
SAVED_MODEL = """
import sys, numpy as np
from tests.deploy import c_loader
session = c_loader.Session(sys.argv[1])
answers = session.run("attention", dict(np.load(sys.argv[2])))
np.savez(sys.argv[3], **{name: array for name, array in answers.items() if name != "classes"})
"""
TFLITE = """
import sys, numpy as np, tensorflow as tf
inputs = dict(np.load(sys.argv[2]))
answers = []
for row in range(len(inputs["audio"])):
    run = tf.lite.Interpreter(sys.argv[1]).get_signature_runner()
    answers.append(run(**{name: array[row : row + 1] for name, array in inputs.items()}))
np.savez(sys.argv[3], probabilities=[answer["probabilities"][0] for answer in answers])
"""


def _run(*command):
    print("+", *(part if "\n" not in str(part) else "..." for part in command), flush=True)
    environment = {**os.environ, "PYTHONPATH": str(shared.ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(
        [*map(str, command)], cwd=shared.ROOT, env=environment, capture_output=True, text=True
    )
    if process.returncode:
        sys.exit(
            f"error: the command failed with code {process.returncode}.\n{process.stderr[-2000:]}"
        )
    return process.stdout


def _export(python, folder, max_steps):
    """Trains and exports; returns a dict from name to version of what did."""
    versions = json.loads(_run(python, "-c", VERSIONS))
    train = ["-m", "amh_tf.train", "--hops=7", f"--max_steps={max_steps}"]
    _run(python, *train, f"--run_dir={folder / 'run'}")
    _run(python, "-c", WEIGHTS, folder / "run" / "model.keras", folder / "weights.npz")
    exported = folder / "exported"
    _run(python, "-m", "amh_tf.export", f"--run_dir={folder / 'run'}", f"--output_dir={exported}")
    tflite = [f"--saved_model_dir={exported / 'edge'}", f"--output_file={folder / 'model.tflite'}"]
    _run(Path(python).with_name("tflite_convert"), *tflite)
    return versions


def _inputs(path):
    """Writes three utterances of noise; the third has no video."""
    rng = np.random.default_rng(1)
    np.savez(
        path,
        audio=rng.standard_normal((3, 90, 120), np.float32),
        audio_length=np.array([90, 40, 7], np.int32),
        text=rng.integers(1, 40, (3, 9), np.int32),
        text_length=np.array([9, 3, 1], np.int32),
        video=np.abs(rng.standard_normal((3, 5, 2048), np.float32)),
        video_length=np.array([5, 2, 0], np.int32),
    )
    return path


def _arrays(path):
    with np.load(path) as file:
        return dict(file)


def _difference(path, other):
    """Returns the largest absolute difference of two files of arrays with the same names."""
    first, second = _arrays(path), _arrays(other)
    if set(first) != set(second):
        sys.exit(f"error: {sorted(first)} are not {sorted(second)}.")
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def _weights_in_words(path, other):
    first, second = _arrays(path), _arrays(other)
    is_same = set(first) == set(second) and all(
        first[name].tobytes() == second[name].tobytes() for name in first
    )
    return "same bits" if is_same else f"differ by {_difference(path, other):.1e}"


def main():
    """Compares by the flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pythons", required=True, help="paths, with commas between them")
    parser.add_argument("--output_dir", required=True, type=Path, help="a new folder")
    parser.add_argument("--max_steps", type=int, default=60)
    flags = parser.parse_args()
    pythons, output = flags.pythons.split(","), flags.output_dir.resolve()
    folders = [output / str(number) for number in range(len(pythons))]
    for folder in folders:
        folder.mkdir(parents=True)
    versions = [_export(p, folder, flags.max_steps) for p, folder in zip(pythons, folders)]
    labels = [f"Python {v['Python']}, TensorFlow {v['TensorFlow']}" for v in versions]
    inputs = _inputs(output / "inputs.npz")
    rows = [
        [
            ", ".join(f"{name} {version}" for name, version in described.items()),
            _weights_in_words(folders[0] / "weights.npz", folder / "weights.npz"),
        ]
        for described, folder in zip(versions, folders)
    ]
    header = [f"weights after {flags.max_steps} steps", "the first's"]
    tables = [shared.markdown(header, rows)]
    for title, code, name in (
        ("SavedModel, loaded through C", SAVED_MODEL, "exported/serving/1"),
        ("TFLite file", TFLITE, "model.tflite"),
    ):
        rows = []
        for number, (maker, folder) in enumerate(zip(labels, folders)):
            answers = [folder / f"{name.split('/')[0]}-{other}.npz" for other in range(len(labels))]
            for python, answer in zip(pythons, answers):
                _run(python, "-c", code, folder / name, inputs, answer)
            rows.append([maker, *(f"{_difference(answers[number], a):.1g}" for a in answers)])
        header = [f"{title}: made by", *(f"run by {label}" for label in labels)]
        tables.append(shared.markdown(header, rows))
    files.write_text(output / "platforms.md", "\n".join(tables))
    print("\n".join(["", *tables]))


if __name__ == "__main__":
    main()
