"""Each engine in a process of its own: parent's side and child's side of the pipe."""

import json
import os
import select
import subprocess
import sys
import traceback
from pathlib import Path

from amh_tf import errors

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """An engine in a process of its own, which answers requests one by one.

    Args:
        engine: Name of a class of `tools.speed.engines`.
        options: Dict of its arguments.
        log: File for what the process prints.
        timeout: Seconds to wait for an answer.
        python: Interpreter to run it.
    """

    def __init__(self, engine, options, log, timeout=900, python=sys.executable):
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.engine = engine
        self._log = log
        self._timeout = timeout
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [python, "-m", "tools.speed.worker", engine, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": path},
            )

    def ask(self, request, **arguments):
        """Calls a method of the engine and returns what it gives.

        Raises:
            ValueError: If the engine fails or does not answer in time.
        """
        self.send(request, **arguments)
        return self.receive()

    def send(self, request, **arguments):
        """Sends a request, whose answer `receive` returns."""
        line = json.dumps([request, arguments]) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the process has ended; `receive` says so

    def receive(self):
        """Waits for the answer to the last request."""
        ready, _, _ = select.select([self._process.stdout], [], [], self._timeout)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise errors.InputError(
                f"The {self.engine} process gives no answer. Expected one within "
                f"{self._timeout} s. Received: "
                f"{'none' if not ready else f'exit code {self._process.wait()}'}. "
                f"See {str(self._log)!r}."
            )
        answer = json.loads(line)
        if "error" in answer:
            raise errors.InputError(f"The {self.engine} process has failed: {answer['error']}")
        return answer["result"]

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve(engine, requests, answers):
    """Answers requests until the parent closes the pipe.

    Args:
        engine: Object whose methods are called.
        requests, answers: Binary files of JSON lines.
    """
    for line in requests:
        name, arguments = json.loads(line)
        try:
            answer = {"result": getattr(engine, name)(**arguments)}
        except Exception as error:  # the parent decides what to do about it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
