"""How flags are defined."""

import sys

from absl import flags

FLAGS = flags.FLAGS


def define(kind, name, default, help_text, **options):
    """Defines a flag that --help of the command shows.

    Args:
        kind: Such as "string", as in the names of absl's functions.
        name, default, help_text, **options: As those take them.
    """
    holder = getattr(flags, f"DEFINE_{kind}")(name, default, help=help_text, **options)
    # --help shows the flags of the module that is run, not of the one that defines them.
    FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[holder.name])
