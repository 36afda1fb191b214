"""Exports a finished run: python -m amh_tf.export --run_dir=DIR --output_dir=DIR

Writes `serving/<version>/` for TensorFlow Serving, `edge/` for `tflite_convert`, and
`model_card.md`. A served version that is there is never overwritten. With --web also `web/`, a
page on which a browser listens to the microphone and runs the model itself.
"""

from absl import flags

from amh_tf import progress
from amh_tf.commands import cli, export_flags
from amh_tf.data import manifest
from amh_tf.deploy import web_runtime
from amh_tf.runs import run_folder

export_flags.define()


def main():
    """Exports by the flags."""
    settings = flags.FLAGS
    folder = run_folder.RunFolder(settings.run_dir)
    folder.load_config()
    folder.check_trained()
    if settings.data_dir:
        manifest.load(settings.data_dir)
    is_web = settings.web or settings.web_runtime is not None
    runtime = web_runtime.read(settings.web_runtime) if is_web else None
    with cli.libraries():
        from amh_tf.deploy import write
    served, edge, refused = write.write(
        settings.run_dir,
        settings.output_dir,
        settings.data_dir,
        settings.model_name,
        runtime,
    )
    for problem in refused:
        progress.console.print(f"Note: there are no signatures raw and raw_wav. {problem}")
    progress.console.print(
        f"The served model is in {served}, the edge module in {edge}.\n\nNext:\n"
        f"  what is served  saved_model_cli show --dir={served} --all\n"
        f"  a phone's file  tflite_convert --saved_model_dir={edge} --output_file=amh.tflite\n"
        f"  smaller files   python export/tflite.py --export_dir={settings.output_dir}"
    )
    if is_web:
        page = f"{settings.output_dir}/web"
        progress.console.print(
            f"  the live page   python -m http.server --bind localhost --directory {page}\n"
            "                  and open http://localhost:8000 in a browser"
        )


if __name__ == "__main__":
    cli.run(main)
