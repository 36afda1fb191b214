"""The flags of exporting a run. Only the entry point imports this."""

from absl import flags

from amh_tf.commands import cache_flags, flag_kit

FLAGS = flags.FLAGS


@flag_kit.group("Export")
def define():
    """Flags of exporting a run."""
    for name, help_text in (
        ("run_dir", "Folder of the run to export (required)."),
        ("output_dir", "Where serving/, edge/, model_card.md and web/ go (required)."),
        ("data_dir", "Where the run's data set is now, if it moved."),
    ):
        required = help_text.endswith("(required).")
        flag_kit.define("path", name, None, help_text, required=required)
    cache_flags.define()
    flag_kit.define("string", "model_name", "amh", "What the server calls the model.")
    flag_kit.define(
        "boolean", "web", False, "Also write web/, a page on which a browser runs the model."
    )
    flag_kit.define(
        "path",
        "web_runtime",
        None,
        "ONNX Runtime for the page: the archive that `npm pack onnxruntime-web` writes, of the "
        "version that a message names, or a folder of it; fetched by npm without.",
    )
