"""Makes files for ONNX Runtime:

python export/to_onnx.py --run_dir=RUN --output_dir=EXPORT [--dtype=float16]

Writes `EXPORT/onnx/`: the whole model, and what a stream needs of it. Ends with exit code 1 where
ONNX Runtime does not answer as Keras does. Needs pip install 'amh_tf[onnx]'.
"""

from pathlib import Path

from amh_tf import progress  # isort: skip
from amh_tf.commands import cli, flag_kit  # isort: skip  (before TensorFlow: it quiets its start)
from absl import flags

from amh_tf import folders
from amh_tf.runs import trained

FLAGS = flags.FLAGS


def main():
    """Makes the files by the flags."""
    from amh_tf.deploy.onnx import write  # says what is not installed

    output = Path(FLAGS.output_dir)
    run = trained.read(FLAGS.run_dir, FLAGS.data_dir)
    with folders.locked(output, "output_dir"):
        report = write.write(run, output / "onnx", half=FLAGS.dtype == "float16")
    parameters = 4 * run.model.count_params()
    for name, size in report.bytes.items():
        share = f" ({size / parameters:.3f} of the parameters)" if name == "model.onnx" else ""
        progress.console.print(f"{output / 'onnx' / name}: {size:,} bytes{share}")
    progress.console.print(f"Largest difference to Keras: {report.difference:.1e}")
    for note in report.notes:
        progress.console.print(f"Note: {note}")


if __name__ == "__main__":
    flag_kit.define("path", "run_dir", None, "Folder of the run (required).", required=True)
    flag_kit.define("path", "output_dir", None, "Where onnx/ goes (required).", required=True)
    flag_kit.define("path", "data_dir", None, "Where the run's data set is now, if it moved.")
    flags.DEFINE_enum("dtype", "float32", ("float32", "float16"), "What weights are stored as.")
    cli.run(main)
