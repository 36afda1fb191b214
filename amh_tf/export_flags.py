"""The flags of exporting a run. Only the entry point imports this."""

import sys

from absl import flags

FLAGS = flags.FLAGS


def define():
    """Defines them."""
    for name, default, help_text in (
        ("run_dir", None, "Folder of the run to export (required)."),
        ("output_dir", None, "Where serving/, edge/ and model_card.md go (required)."),
        ("data_dir", None, "Where the run's data set lies now, if it moved."),
        ("model_name", "amh", "What the server calls the model."),
    ):
        flags.DEFINE_string(name, default, help_text, required=help_text.endswith("(required)."))
        # --help shows the flags of the module that is run, not of this one.
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[name])
