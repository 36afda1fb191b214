"""Where data is: a folder of this machine, or a bucket of an object store."""

import re
from pathlib import Path

from amh_tf import errors

OBJECT_STORES = ("s3", "gs", "az")
HADOOP = ("hdfs", "viewfs")
SCHEMES = (*OBJECT_STORES, *HADOOP)


def is_remote(text):
    """Returns whether a location is a URL such as s3://bucket/set."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(text)) is not None


def resolve(text):
    """Spells a location so that it means the same from any working directory.

    Raises:
        ValueError: If it is a URL of no store that can be read.
    """
    if not is_remote(text):
        return str(Path(text).resolve())
    scheme, _, rest = str(text).partition("://")
    if scheme not in SCHEMES or not rest.strip("/"):
        raise errors.refusal(
            f"{str(text)!r} cannot be read",
            "a folder of this machine, or a URL that begins with "
            f"{', '.join(f'{name}://' for name in SCHEMES)}",
            "another",
            "Set it with --data_dir.",
        )
    return f"{scheme}://{rest.rstrip('/')}"


def check_local(name, text):
    """Checks that results go to this machine, and to no folder that is called `~`.

    Raises:
        ValueError: If the location is a URL, or begins with `~`, which only flags replace.
    """
    if text and is_remote(text):
        raise errors.refusal(
            f"`{name}` cannot be an object store",
            "a folder of this machine; only data sets are read from elsewhere",
            f"{name}={text!r}",
            f"Set it with --{name}.",
        )
    if text and str(text).split("/")[0].startswith("~"):
        raise errors.refusal(
            f"`{name}` begins with the sign of a home folder",
            "a folder: Python does not replace it",
            f"{name}={str(text)!r}",
            f"Pass os.path.expanduser({str(text)!r}), or ./{text} for a folder of that name.",
        )
