"""A page in headless Chromium, with a real mouse and keyboard, by its DevTools protocol.

Messages go through two pipes, each ended by a zero byte: no port is opened, no library needed.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

from amh_tf import errors

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SECONDS = 60
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--autoplay-policy=no-user-gesture-required", "--mute-audio"),
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3, and writes answers to 4.
_START = """
import os, sys
ends = [os.dup(int(number)) for number in sys.argv[1:3]]
for number, end in enumerate(ends, 3):
    os.dup2(end, number)
    os.set_inheritable(number, True)
os.execv(sys.argv[3], sys.argv[3:])
"""
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13}


@contextlib.contextmanager
def opened(url, profile, width=1200, height=900):
    """Opens a page.

    Args:
        url: Its address.
        profile: Folder for what the browser keeps.
        width, height: Of the window, in pixels.

    Yields:
        `Page`, once it is loaded.

    Raises:
        InputError: If Chromium is not installed.
    """
    if CHROMIUM is None:
        raise errors.refusal(
            "There is no browser", "chromium", "none", "Install it with apt-get install chromium."
        )
    read_end, commands = os.pipe()
    answers, write_end = os.pipe()
    start = [sys.executable, "-c", _START, str(read_end), str(write_end), CHROMIUM]
    process = subprocess.Popen(
        [*start, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(read_end, write_end),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(read_end)
    os.close(write_end)
    try:
        yield Page(commands, answers, url, width, height)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with all its children
        process.wait()
        os.close(commands)
        os.close(answers)


class Page:
    """An open page.

    Attributes:
        requests: Addresses of what it asked for, without `data:`.
        complaints: Texts of errors and warnings of its console.
    """

    def __init__(self, commands, answers, url, width, height):
        self._commands, self._answers = commands, answers
        self._count, self._buffer, self._session = 0, b"", None
        self._loaded = False
        self.requests, self.complaints = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for name in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{name}.enable")
        self.resize(width, height)
        self.send("Page.navigate", url=url)
        self._wait(lambda: self._loaded)

    def resize(self, width, height, scale=1, mobile=False):
        """Sets the window's size, in pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )

    def send(self, method, **parameters):
        """Sends a command and returns its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        results = []
        self._wait(lambda: results, results)
        if "error" in results[0]:
            raise RuntimeError(f"{method}: {results[0]['error']}")
        return results[0]["result"]

    def value(self, expression):
        """Returns the value of an expression, awaited where it is a promise."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.send("Runtime.evaluate", expression=expression, **options)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression):
        """Waits until an expression is true."""
        end = time.monotonic() + SECONDS
        while not self.value(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.05)

    def mouse(self, kind, x, y, **more):
        """Moves ("mouseMoved"), presses or releases the mouse."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        """Clicks with the left button."""
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def press(self, key):
        """Presses a key, one of those with a name or a letter."""
        text = {} if key in _KEYS and key != "Enter" else {"text": "\r" if key == "Enter" else key}
        code = _KEYS.get(key, ord(key[0]))
        shared = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", **shared, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def screenshot(self, path):
        """Writes a picture of the window, PNG."""
        shot = self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def _wait(self, is_done, results=None):
        end = time.monotonic() + SECONDS
        while not is_done():
            left = end - time.monotonic()
            ready, _, _ = select.select([self._answers], [], [], max(left, 0))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise RuntimeError("Chromium has ended")
            *messages, self._buffer = (self._buffer + data).split(b"\0")
            for message in map(json.loads, messages):
                if message.get("id") == self._count and results is not None:
                    results.append(message)
                else:
                    self._note(message.get("method"), message.get("params", {}))

    def _note(self, method, fields):
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            url = fields["request"]["url"]
            self.requests += [] if url.startswith("data:") else [url]
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(fields["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(fields["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(fields["args"]))
