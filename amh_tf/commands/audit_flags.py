"""The flags of auditing splits. Only its entry point imports this."""

from absl import flags

from amh_tf import errors
from amh_tf.auditing import leaks
from amh_tf.commands import cache_flags, flag_kit

FLAGS = flags.FLAGS
_define = flag_kit.define


def define():
    """Flags of auditing splits."""
    _define_input()
    _define_output()


@flag_kit.group("Splits")
def _define_input():
    _define("path", "data_dir", None, "Data folder to audit.")
    cache_flags.define()
    _define(
        "path",
        "splits",
        None,
        "Splits of others, in place of the data folder's or without one: a CSV or JSON Lines "
        "file with the columns id, split (train, dev, test) or fold, and if known label, speaker, "
        "sentence and audio.",
    )
    _define("string", "encoding", None, "Encoding of that file, such as gb18030, if not UTF-8.")


@flag_kit.group("Report")
def _define_output():
    _define("path", "output_json", None, "File to write the report to, as JSON.")
    _define("enum", "format", "text", "How the report is printed.", enum_values=["text", "json"])
    _define("boolean", "strict", False, "Whether a leak ends the command with exit code 1.")
    _define("list", "leaks", list(leaks.LEAKS), "Leaks that count under --strict.")


def check():
    """Checks flags against each other.

    Raises:
        ValueError: If there is nothing to audit, or a leak is not known.
    """
    if not FLAGS.data_dir and not FLAGS.splits:
        raise errors.refusal(
            "There is nothing to audit",
            "a data folder, or a file of splits",
            "neither",
            "Set them with --data_dir and --splits.",
        )
    unknown = [leak for leak in FLAGS.leaks if leak not in leaks.LEAKS]
    if unknown:
        raise errors.refusal(
            "`leaks` is not known",
            f"some of {', '.join(leaks.LEAKS)}",
            f"leaks={','.join(FLAGS.leaks)}",
            "Set it with --leaks.",
        )
