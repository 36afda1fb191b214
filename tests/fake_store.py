"""A server that answers GET as object stores do: S3, GCS and Azure, whose requests differ in paths.

python -m tests.fake_store FOLDER

serves a folder's subfolders as buckets on 127.0.0.1 and prints its address. Signatures are not
looked at.
"""

import contextlib
import email.utils
import http.server
import os
import sys
import threading
import urllib.parse
from pathlib import Path

ACCOUNT = "account"  # of Azure, before the bucket in a path
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>"
_PIECE = 512


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        store = self.server.store
        parts = urllib.parse.unquote(self.path.partition("?")[0]).strip("/").split("/")
        name = "/".join(parts[parts[0] == ACCOUNT :])
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").partition("-")[0])
        store.requests.append((name, start))
        if len(store.requests) > store.valid_requests:
            return self._answer(400, EXPIRED)
        path = store.folder / name
        if not path.is_file():
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        size = path.stat().st_size
        if start >= size:
            return self._answer(416, b"")
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", email.utils.formatdate(0, usegmt=True))
        self.end_headers()
        with open(path, "rb") as file:
            self._send(file, start, size)

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, file, start, size):
        store = self.server.store
        if store.bytes_before_silence is None:
            while start < size:
                start += os.sendfile(self.wfile.fileno(), file.fileno(), start, 1 << 20)
            return
        file.seek(start)
        while piece := file.read(_PIECE):
            if store.bytes_before_silence < len(piece):
                store.silence.set()
                store.ended.wait()
            store.bytes_before_silence -= len(piece)
            self.wfile.write(piece)
            self.wfile.flush()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that has gone is none of the server's business."""


class FakeStore:
    """A server, while it is open as a context.

    Attributes:
        folder: What it serves; its subfolders are buckets.
        address: Its URL.
        requests: List of (bucket/key, first byte) so far.
        valid_requests: Number of requests after which credentials have expired.
        bytes_before_silence: Bytes after which it sends nothing more, on any connection; or None.
        silence: Event that is set when that has come.
    """

    def __init__(self, folder, port=0):
        self.folder = Path(folder)
        self.requests = []
        self.valid_requests = float("inf")
        self.bytes_before_silence = None
        self.silence, self.ended = threading.Event(), threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.store = self
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        # Looks 50 times a second whether it shall end: each test waits for that.
        serve = {"target": self._server.serve_forever, "kwargs": {"poll_interval": 0.02}}
        threading.Thread(**serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


def environment(address):
    """Returns what leads clients of all three kinds to an address."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "S3_ENDPOINT": address,
        "GOOGLE_BASE_URL": address,
        "GOOGLE_SKIP_SIGNATURE": "true",
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_SKIP_SIGNATURE": "true",
        "AZURE_ENDPOINT": f"{address}/{ACCOUNT}",
    }


if __name__ == "__main__":
    with FakeStore(sys.argv[1]) as opened, contextlib.suppress(KeyboardInterrupt):
        print(opened.address, flush=True)
        threading.Event().wait()
