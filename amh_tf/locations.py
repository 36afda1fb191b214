"""Where data lies: a folder of this machine, or a bucket of an object store.

`pathlib` makes `s3:/bucket` of `s3://bucket`; here a remote location keeps its spelling and
answers the few questions of a `Path` that reading a data set asks.
"""

import contextlib
import os
import posixpath
import re
import sys
import tempfile
import types
from pathlib import Path

from amh_tf import errors, platforms

SCHEMES = ("s3", "gs", "hdfs", "viewfs")


def is_remote(text):
    """Tells whether a location is a URL such as s3://bucket/set."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(text)) is not None


def at(text):
    """Returns the `Path`, or `RemotePath`, of a location."""
    if isinstance(text, (Path, RemotePath)):
        return text
    return RemotePath(text) if is_remote(text) else Path(text)


def resolve(text):
    """Spells a location so that it means the same from any working directory."""
    return str(at(text) if is_remote(text) else Path(text).resolve())


def check_local(name, text):
    """Checks that results go to this machine.

    Raises:
        ValueError: If the location is a URL.
    """
    if text and is_remote(text):
        raise errors.InputError(
            f"`{name}` cannot be an object store. Expected a folder of this machine; data sets "
            f"alone are read from elsewhere. Received: {name}={text!r}. Set it with --{name}."
        )


class RemotePath:
    """A file or folder of an object store, read through tensorflow-io.

    Args:
        url: "s3://bucket/key" and so on, with one of `SCHEMES`.

    Raises:
        ValueError: If the scheme is not known.
    """

    def __init__(self, url):
        scheme, _, rest = str(url).partition("://")
        if scheme not in SCHEMES or not rest.strip("/"):
            raise errors.InputError(
                f"{str(url)!r} cannot be read. Expected a folder of this machine, or a URL that "
                f"begins with {', '.join(f'{name}://' for name in SCHEMES)}. Received: another. "
                "Set it with --data_dir."
            )
        self._url = f"{scheme}://{rest.rstrip('/')}"

    def __str__(self):
        return self._url

    def __repr__(self):
        return f"RemotePath({self._url!r})"

    def __eq__(self, other):
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __hash__(self):
        return hash(self._url)

    def __truediv__(self, name):
        return RemotePath(f"{self._url}/{name}")

    def __reduce__(self):
        return RemotePath, (self._url,)

    def __deepcopy__(self, memo):
        return self

    @property
    def name(self):
        """The last part."""
        return posixpath.basename(self._url)

    def stat(self):
        """Returns an object with `st_size`, in bytes.

        Raises:
            FileNotFoundError: If there is no such file.
            OSError: If the store cannot be reached, or refuses.
        """
        with _errors(self):
            return types.SimpleNamespace(st_size=_gfile(self._url).stat(self._url).length)

    def is_file(self):
        """Tells whether there is such a file, and the store lets it be read.

        Raises:
            OSError: If the store fails in another way than by not finding it.
        """
        try:
            with _errors(self):
                return not _gfile(self._url).stat(self._url).is_directory
        except FileNotFoundError:
            return False

    exists = is_file

    def read_bytes(self):
        """Reads the file.

        Raises:
            OSError: If it is missing, or the store cannot be reached, or refuses.
        """
        with _errors(self), _gfile(self._url).GFile(self._url, "rb") as file:
            return file.read()

    def read_text(self, encoding="utf-8"):
        """Reads the file as text; raises as `read_bytes`, and `UnicodeDecodeError`."""
        return self.read_bytes().decode(encoding)


def or_no_answer(text):
    """Returns what else "no such file" may mean of a location, to be said behind it.

    The file systems of tensorflow-io call a file missing whenever the store gives an error.
    """
    if not is_remote(text):
        return ""
    return (
        ", or no answer from the store (its address and your credentials come from the "
        "environment: S3_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID and so on)"
    )


@contextlib.contextmanager
def local(path):
    """Yields the path of a local file with the same content, for what only opens those."""
    path = at(path)
    if isinstance(path, Path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        yield copy


@contextlib.contextmanager
def _errors(path):
    """Turns TensorFlow's errors into Python's, which name the file."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(
            f"{str(path)!r} is missing. Expected a file. Received: {error.message}."
        ) from error
    except tf.errors.OpError as error:
        raise OSError(
            f"{str(path)!r} cannot be read. Expected a file that this machine may read. "
            f"Received: {type(error).__name__}: {error.message}. Check --data_dir, the store's "
            "address and the credentials in the environment."
        ) from error


_loaded = False


def _gfile(url):
    """Returns `tf.io.gfile`, with the file systems of tensorflow-io."""
    global _loaded
    import tensorflow as tf

    if not _loaded:
        platforms.load_tensorflow_io(url)
        _loaded = True
    return tf.io.gfile


def was_remote_read():
    """Tells whether this process has asked for a remote location."""
    return _loaded


def leave_if_remote(code):
    """Ends the process with an exit code at once, if a remote location was read.

    The file systems of tensorflow-io abort a process that ends as usual, after its work is
    done: the code would be 134 whatever has happened.

    Args:
        code: What `SystemExit` carries: None, an integer, or a message.
    """
    if not _loaded:
        return
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)
