"""Measures the face detector on photographs that packages ship:

python -m tools.benchmark_faces --output_dir=DIR

Compares boxes with those that `tests/features/test_faces.py` holds, set by eye, counts the faces of
Labeled Faces in the Wild (scikit-image's subset) that are found, and takes the processor time of a
picture. Writes `results.md` to DIR.
"""

import time
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image
from skimage import data

from amh_tf import files, progress
from amh_tf.commands import cli, flag_kit
from tests.features import test_faces
from tools import shared

FLAGS = flags.FLAGS
LEFT, TOP, COUNT = 250, 180, 100
# Of a picture of the subset, what is face.
EDGES = np.array([0.08, 0.02, 0.92, 0.98])
ENOUGH = 0.4


def _photographs(detector):
    """Yields the rows of the photographs."""
    for name, expected in test_faces.PHOTOGRAPHS.items():
        picture = test_faces.photograph(name)
        best = max((test_faces.overlap(box, expected) for box in detector(picture)), default=0)
        left, top, right, bottom = expected
        size = f"{right - left} x {bottom - top} of {picture.shape[1]} x {picture.shape[0]}"
        yield [name, size, f"overlap {best:.2f}"]


def _wild(detector, width):
    """Returns the row of the subset's faces, so wide in a picture of 640 x 480."""
    count = 0
    for face in data.lfw_subset()[:COUNT]:
        grey = Image.fromarray((255 * face).astype(np.uint8)).resize((width, width), Image.BICUBIC)
        placed = test_faces.on_street((np.asarray(grey.convert("RGB")), width, LEFT, TOP))
        expected = EDGES * width + [LEFT, TOP, LEFT, TOP]
        count += any(test_faces.overlap(box, expected) >= ENOUGH for box in detector(placed))
    return ["Labeled Faces in the Wild", f"{width} of 640 x 480", f"{count} of {COUNT} found"]


def _time(detector, repeats=20):
    half = np.ascontiguousarray(test_faces.street((720, 480))[:, :360])
    detector(half)
    start = time.process_time()
    for _ in range(repeats):
        detector(half)
    seconds = (time.process_time() - start) / repeats
    return ["processor time", "a half of 360 x 480", f"{1e3 * seconds:.0f} ms"]


def main():
    """Runs the benchmark by the flags."""
    detector = test_faces.detector()
    rows = [*_photographs(detector)]
    rows += [_wild(detector, width) for width in (60, 90, 120)]
    rows.append(_time(detector))
    text = shared.markdown(["photograph", "face", detector.description], rows)
    files.write_text(Path(FLAGS.output_dir) / "results.md", text)
    progress.console.print(text)


if __name__ == "__main__":
    flag_kit.define("path", "output_dir", None, "Where the table goes.", required=True)
    cli.run(main)
