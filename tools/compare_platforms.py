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

ROOT = Path(__file__).resolve().parents[1]
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
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"error: the command failed with code {done.returncode}.\n{done.stderr[-2000:]}")
    return done.stdout


def _make(python, folder, max_steps):
    """Trains and exports; returns a dict from name to version of what did."""
    versions = json.loads(_run(python, "-c", VERSIONS))
    train = ["-m", "amh_tf.train", "--hops=7", f"--max_steps={max_steps}"]
    _run(python, *train, f"--run_dir={folder / 'run'}")
    _run(python, "-c", WEIGHTS, folder / "run" / "model.keras", folder / "weights.npz")
    exported = folder / "exported"
    _run(python, "-m", "amh_tf.export", f"--run_dir={folder / 'run'}", f"--output_dir={exported}")
    convert = Path(python).with_name("tflite_convert")
    _run(
        convert,
        f"--saved_model_dir={exported / 'edge'}",
        f"--output_file={folder / 'model.tflite'}",
    )
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


def _difference(path, other):
    """Returns the largest absolute difference of two files of arrays with the same names."""
    with np.load(path) as first, np.load(other) as second:
        if set(first) != set(second):
            sys.exit(f"error: {sorted(first)} are not {sorted(second)}.")
        return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def _same_bits(path, other):
    with np.load(path) as first, np.load(other) as second:
        return set(first) == set(second) and all(
            first[name].tobytes() == second[name].tobytes() for name in first
        )


def main():
    """Compares by the flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pythons", required=True, help="paths, with commas between them")
    parser.add_argument("--output_dir", required=True, type=Path, help="a new folder")
    parser.add_argument("--max_steps", type=int, default=60)
    flags = parser.parse_args()
    pythons = flags.pythons.split(",")
    folders = [flags.output_dir.resolve() / str(number) for number in range(len(pythons))]
    for folder in folders:
        folder.mkdir(parents=True)
    versions = [_make(p, folder, flags.max_steps) for p, folder in zip(pythons, folders)]
    labels = [f"Python {v['Python']}, TensorFlow {v['TensorFlow']}" for v in versions]
    inputs = _inputs(flags.output_dir.resolve() / "inputs.npz")
    lines = [f"| weights after {flags.max_steps} steps | the first's |", "|---|---|"]
    for described, folder in zip(versions, folders):
        label = ", ".join(f"{name} {version}" for name, version in described.items())
        weights = folders[0] / "weights.npz", folder / "weights.npz"
        same = "same bits" if _same_bits(*weights) else f"differ by {_difference(*weights):.1e}"
        lines.append(f"| {label} | {same} |")
    for title, code, name in (
        ("SavedModel, loaded through C", SAVED_MODEL, "exported/serving/1"),
        ("TFLite file", TFLITE, "model.tflite"),
    ):
        lines += ["", f"| {title}: made by | " + " | ".join(f"run by {x}" for x in labels) + " |"]
        lines.append("|---" * (len(labels) + 1) + "|")
        for number, (maker, folder) in enumerate(zip(labels, folders)):
            answers = [folder / f"{name.split('/')[0]}-{other}.npz" for other in range(len(labels))]
            for python, answer in zip(pythons, answers):
                _run(python, "-c", code, folder / name, inputs, answer)
            cells = [f"{_difference(answers[number], answer):.1g}" for answer in answers]
            lines.append(f"| {maker} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    (flags.output_dir / "platforms.md").write_text(text, encoding="utf-8")
    print(f"\n{text}")


if __name__ == "__main__":
    main()
