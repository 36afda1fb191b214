"""Makes a file for ONNX Runtime:

python export/to_onnx.py --export_dir=DIR

DIR is what `python -m amh_tf.export` wrote. Writes `amh.onnx` to it, and ends with exit code 1
where ONNX Runtime does not give what the edge module gives. Needs pip install 'amh_tf[onnx]'.
"""

from pathlib import Path

from amh_tf import errors, files, progress  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow: it quiets its start)
import litert
import numpy as np
import onnx_model
from absl import flags

FLAGS = flags.FLAGS
PARITY = 5e-6


def main():
    """Makes the file by the flags."""
    output = Path(FLAGS.export_dir)
    edge_dir = output / "edge"
    if not (edge_dir / "saved_model.pb").is_file():
        raise errors.refusal(
            f"{str(output)!r} is not an export",
            "a folder with edge/ in it",
            "none",
            "Make one with `python -m amh_tf.export`, and set it with --export_dir.",
        )
    path = output / "amh.onnx"
    contents = onnx_model.convert(edge_dir)
    with files.replacing(path) as temporary:
        temporary.write_bytes(contents)
        runner = onnx_model.Runner(temporary)
        difference = max(
            np.abs(runner(inputs) - expected).max()
            for inputs, expected in litert.reference_answers(edge_dir)
        )
        if not difference <= PARITY:
            raise errors.refusal(
                "The file does not give what the edge module gives",
                f"differences of at most {PARITY}",
                difference,
            )
    progress.console.print(f"{path}: {len(contents):,} bytes, largest difference {difference:.1e}")


if __name__ == "__main__":
    flag_kit.define("path", "export_dir", None, "Folder of the export (required).", required=True)
    cli.run(main)
