"""Pages in headless Chromium, a server that notes what it asks, and a proxy that lets none out."""

import contextlib
import functools
import importlib.util
import re
import shutil
import threading
from http import server

from amh_tf import errors

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
# Whom Chromium asks of its own accord, whatever page is open.
_ITS_OWN = re.compile(r"^(https?://)?[\w.-]+\.(google|googleapis|gvt1)\.com[:/]")


class _Handler(server.SimpleHTTPRequestHandler):
    """Serves a folder, as `python -m http.server` does, and notes every request."""

    def __init__(self, *arguments, requests, **settings):
        self._requests = requests
        super().__init__(*arguments, **settings)

    def log_message(self, format, *arguments):
        pass

    def log_request(self, code="-", size="-"):
        self._requests.append((self.path, int(code)))


class _Refusing(server.BaseHTTPRequestHandler):
    """A proxy that notes what a page asks of other machines, and lets nothing through."""

    def __init__(self, *arguments, requests):
        self._requests = requests
        super().__init__(*arguments)

    def do_GET(self):
        if not _ITS_OWN.match(self.path):
            self._requests.append(self.path)
        self.send_error(403)

    do_CONNECT = do_POST = do_HEAD = do_GET

    def log_message(self, format, *arguments):
        pass


@contextlib.contextmanager
def _serving(handler):
    """Yields the port of a server that runs in a thread."""
    with server.ThreadingHTTPServer(("localhost", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            listening.shutdown()
            thread.join()


@contextlib.contextmanager
def serving(folder):
    """Serves a folder; yields its URL, and the list of paths that are asked for and codes."""
    requests = []
    handler = functools.partial(_Handler, directory=str(folder), requests=requests)
    with _serving(handler) as port:
        yield f"http://localhost:{port}/", requests


def is_here():
    """Returns whether pages can be opened."""
    return PROGRAM is not None and importlib.util.find_spec("playwright") is not None


def _missing(what, command):
    remedy = f"Install it, for example with {command}."
    return errors.refusal("There is no browser to open a page in", what, "none", remedy)


@contextlib.contextmanager
def chromium(*options):
    """Starts Chromium; yields it and the list of what its pages asked of other machines.

    Args:
        *options: Such as `--use-fake-ui-for-media-stream`.

    Raises:
        InputError: If Chromium or Playwright is not installed.
    """
    try:
        from playwright import sync_api
    except ImportError as error:
        raise _missing("Playwright", "pip install playwright") from error
    if PROGRAM is None:
        raise _missing("Chromium", "apt-get install chromium")
    outside = []
    with (
        _serving(functools.partial(_Refusing, requests=outside)) as port,
        sync_api.sync_playwright() as driver,
    ):
        started = driver.chromium.launch(
            executable_path=PROGRAM,
            args=[*_OPTIONS, f"--proxy-server=localhost:{port}", *options],
        )
        try:
            yield started, outside
        finally:
            started.close()
