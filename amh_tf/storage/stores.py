"""Files of object stores and Hadoop file systems, read in pieces by maintained clients."""

import contextlib
import datetime
import os
import queue
import threading

from amh_tf import errors, locations, platforms

PIECE_BYTES = 1 << 20
# Time without a byte after which a request is given up, and time in which one may be repeated.
SILENCE = datetime.timedelta(seconds=20)
PATIENCE = datetime.timedelta(seconds=40)
_MAX_RETRIES = 5
# Whichever of these is set says where a store is, if not where the URL's scheme has it.
_ADDRESSES = (
    "S3_ENDPOINT",
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "GOOGLE_BASE_URL",
    "AZURE_ENDPOINT",
)
_LONGEST_REASON = 400


def connect(url):
    """Returns what reads the files of a folder of a store.

    Args:
        url: The folder's, checked by `locations.resolve`.

    Returns:
        An object whose `open(name, start)` returns a file's size in bytes and an iterator over its
        content from a byte on. It raises `FileNotFoundError` if there is no such file.

    Raises:
        ImportError: If the package that reads such URLs is not installed.
    """
    is_hadoop = url.partition("://")[0] in locations.HADOOP
    return _Hadoop(url) if is_hadoop else _ObjectStore(url)


class _ObjectStore:
    def __init__(self, url):
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError as error:
            raise ImportError(
                f"{url!r} cannot be read. Expected the package obstore, which reads object "
                f"stores. Received: {error}. Install it with `pip install obstore`."
            ) from error
        self._get = obstore.get
        self._errors = exceptions.BaseError
        config = {}
        if url.startswith("s3://") and os.environ.get("S3_ENDPOINT"):
            config["endpoint"] = os.environ["S3_ENDPOINT"]
        insecure = any(os.environ.get(name, "").startswith("http://") for name in _ADDRESSES)
        options = {
            "allow_http": insecure,
            "connect_timeout": SILENCE,
            "read_timeout": SILENCE,
            "timeout": datetime.timedelta(days=7),  # a large file takes as long as it takes
        }
        retries = {"max_retries": _MAX_RETRIES, "retry_timeout": PATIENCE}
        with self._explaining(url):
            self._store = store.from_url(
                url, config=config or None, client_options=options, retry_config=retries
            )
        self._url = url

    def open(self, name, start=0):
        location = f"{self._url}/{name}"
        with self._explaining(location):
            options = {"range": {"offset": start}} if start else None
            answer = self._get(self._store, name, options=options)
        return answer.meta["size"], self._pieces(location, answer)

    def _pieces(self, location, answer):
        with self._explaining(location):
            yield from answer.stream(min_chunk_size=PIECE_BYTES)

    @contextlib.contextmanager
    def _explaining(self, location):
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{location} ({_first_line(error)})") from error
        except (self._errors, ValueError) as error:
            raise _refusal(location, error) from error


class _Hadoop:
    def __init__(self, url):
        import tensorflow as tf

        platforms.load_tensorflow_io(url)
        self._tf = tf
        self._url = url

    def open(self, name, start=0):
        location = f"{self._url}/{name}"
        with self._explaining(location):
            size = self._tf.io.gfile.stat(location).length
        return size, self._pieces(location, start)

    def _pieces(self, location, start):
        with self._explaining(location), self._tf.io.gfile.GFile(location, "rb") as file:
            file.seek(start)
            while piece := file.read(PIECE_BYTES):
                yield piece

    @contextlib.contextmanager
    def _explaining(self, location):
        tf_errors = self._tf.errors
        try:
            yield
        except tf_errors.NotFoundError as error:
            raise FileNotFoundError(f"{location} ({_first_line(error)})") from error
        except tf_errors.OpError as error:
            raise _refusal(location, error) from error


def _first_line(error):
    return str(error).split("\n")[0][:_LONGEST_REASON]


def _refusal(location, error):
    return OSError(
        f"{location!r} cannot be read. Expected a store that answers, and valid credentials. "
        f"Received: {_first_line(error)}. Check --data_dir, and the store's address and your "
        "credentials in the environment, then give the same command again: what has been fetched "
        "stays."
    )


def read(url, name, most):
    """Reads a file into memory.

    Args:
        url: The folder's.
        name: The file's name.
        most: Bytes that it may have.

    Raises:
        ValueError: If it has more.
        OSError: If it cannot be read.
    """
    client, content = connect(url), []

    def work():
        size, pieces = client.open(name)
        if size > most:
            raise errors.refusal(
                f"'{url}/{name}' is too large", f"{most:,} bytes at most", f"{size:,}"
            )
        content.extend(map(bytes, pieces))

    run([work])
    return b"".join(content)


def run(work, at_once=1, stop=None):
    """Calls functions side by side.

    They have their own threads, so that a signal stops this at once even while a store is
    silent. Whatever thread is left then ends with the process.

    Args:
        work: Functions without arguments.
        at_once: How many to call at any time.
        stop: `threading.Event` that is set when one has failed or a signal has come: the others
            are to end then.

    Raises:
        What the first to fail has raised.
    """
    stop, failures, todo = stop or threading.Event(), [], queue.SimpleQueue()
    for function in work:
        todo.put(function)

    def serve():
        with contextlib.suppress(queue.Empty):
            while not stop.is_set():
                function = todo.get_nowait()
                try:
                    function()
                except BaseException as error:
                    failures.append(error)
                    stop.set()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(at_once, len(work)))]
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.1)  # a signal that another thread gets wakes nobody who waits longer
    except BaseException:
        stop.set()
        for thread in threads:
            if thread.ident:  # it has been started
                thread.join(0.5)
        raise
    if failures:
        raise failures[0]
