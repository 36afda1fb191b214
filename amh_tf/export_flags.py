"""The flags of exporting a run. Only the entry point imports this."""

from absl import flags


def define():
    """Defines them."""
    flags.DEFINE_string("run_dir", None, "Folder of the run to export (required).", required=True)
    flags.DEFINE_string(
        "output_dir", None, "Where serving/, edge/ and model_card.md go (required).", required=True
    )
    flags.DEFINE_string("data_dir", None, "Where the run's data set lies now, if it moved.")
    flags.DEFINE_string("model_name", "amh", "What the server calls the model.")
    for name in ("run_dir", "output_dir", "data_dir", "model_name"):
        flags.declare_key_flag(name)
