"""The flags of where fetched data sets are kept. Only entry points import this."""

from absl import flags

from amh_tf.commands import flag_kit
from amh_tf.storage import cache

FLAGS = flags.FLAGS


def define(also=""):
    """Defines them, for commands that read a data set.

    Args:
        also: What else is kept there, for the help.
    """
    flag_kit.define(
        "path",
        "cache_dir",
        None,
        f"Where {also}data sets of object stores are kept once they are fetched; the user's cache.",
    )
    flag_kit.define(
        "float",
        "cache_gigabytes",
        cache.DEFAULT_GIGABYTES,
        "What fetched data sets may take there; the least recently used make room.",
        lower_bound=0.0,
    )


def use():
    """Lets this process keep what it fetches where the flags say, if it has them."""
    if "cache_gigabytes" in FLAGS:
        cache.use(FLAGS.cache_dir, FLAGS.cache_gigabytes)
