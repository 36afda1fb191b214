"""A page in headless Chromium: what it complains of and asks for. A proxy lets nothing out.

Playwright drives the Chromium that is installed; none is downloaded.
"""

import contextlib
import dataclasses
import functools
import importlib.util
import re
import shutil
import threading
import time
from http import server

from amh_tf import errors

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SECONDS = 120
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
        with contextlib.suppress(ConnectionError):  # the browser may be gone
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


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a page and its workers did.

    Attributes:
        complaints: Texts of errors, and of all that is on the console.
        requests: Addresses that were asked for, `data:` left out.
        outside: Those of other machines, none of which answered.
    """

    complaints: list[str] = dataclasses.field(default_factory=list)
    requests: list[str] = dataclasses.field(default_factory=list)
    outside: list[str] = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def opened(address, *options, script="", **settings):
    """Opens a page in a browser of its own.

    Args:
        address: Its URL.
        *options: Of Chromium, such as `--use-fake-ui-for-media-stream`.
        script: Runs before the page's own.
        **settings: Of the page, such as `viewport`; see Playwright's `Browser.new_page`.

    Yields:
        Playwright's `Page`, once it is loaded, and `Seen`.

    Raises:
        InputError: If Chromium or Playwright is not installed.
    """
    try:
        from playwright import sync_api
    except ImportError as error:
        raise _missing("Playwright", "pip install playwright") from error
    if PROGRAM is None:
        raise _missing("Chromium", "apt-get install chromium")
    seen = Seen()
    with (
        _serving(functools.partial(_Refusing, requests=seen.outside)) as port,
        sync_api.sync_playwright() as driver,
        driver.chromium.launch(
            executable_path=PROGRAM,
            args=[*_OPTIONS, f"--proxy-server=localhost:{port}", *options],
        ) as chromium,
    ):
        page = chromium.new_page(**settings)
        page.set_default_timeout(1000 * SECONDS)
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.context.on("request", lambda request: seen.requests.append(request.url))
        if script:
            page.add_init_script(script)
        page.goto(address)
        yield page, seen


def until(page, expression):
    """Waits until an expression is true, also where the page lets no code be evaluated.

    Args:
        page: Playwright's `Page`.
        expression: In JavaScript.

    Raises:
        TimeoutError: If it is not within `SECONDS`.
    """
    end = time.monotonic() + SECONDS
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        page.wait_for_timeout(50)
