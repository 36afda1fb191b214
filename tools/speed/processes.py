"""Each engine in its own process: python -m tools.speed.processes ENGINE OPTIONS."""

import importlib
import json
import os
import select
import subprocess
import sys
import traceback

from amh_tf import errors
from tools import shared

# Imported by name, so that each process loads its own libraries alone.
ENGINES = {
    "ours": ("tools.speed.ours", "Ours"),
    "stock_keras": ("tools.speed.stock_keras", "StockKeras"),
    "pytorch": ("tools.speed.pytorch", "PyTorch"),
    "jax": ("tools.speed.jax_engine", "Jax"),
    "limit": ("tools.speed.limit", "Limit"),
    "latency": ("tools.speed.latency", "Latency"),
}
TIMEOUT = 900  # seconds to wait for an answer


class Process:
    """An engine in its own process, which answers requests one by one.

    Args:
        engine: One of `ENGINES`.
        options: Dict of its arguments.
        log: File for what the process prints.
        python: Interpreter to run it.
    """

    def __init__(self, engine, options, log, python=sys.executable):
        path = os.pathsep.join([str(shared.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._engine, self._log = engine, log
        with open(log, "ab") as printed:
            self._process = subprocess.Popen(
                [python, "-m", "tools.speed.processes", engine, json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                env={**os.environ, "PYTHONPATH": path},
            )

    def ask(self, request, **arguments):
        """Calls a method of the engine and returns what it returns.

        Raises:
            InputError: If the engine fails or does not answer in time.
        """
        try:
            self._process.stdin.write(json.dumps([request, arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the process has ended, which shows below
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            received = f"exit code {self._process.wait()}" if ready else "none"
            raise errors.refusal(
                f"The {self._engine} process does not answer",
                f"an answer within {TIMEOUT} s",
                received,
                f"See {str(self._log)!r}.",
            )
        answer = json.loads(line)
        if "error" in answer:
            raise errors.InputError(f"The {self._engine} process has failed: {answer['error']}")
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


def main():
    """Serves the engine that the command line names, until the parent closes the pipe."""
    # Libraries print to standard output; answers go to a copy that they do not know.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, name = ENGINES[sys.argv[1]]
    engine = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    for line in sys.stdin.buffer:
        request, arguments = json.loads(line)
        try:
            answer = {"result": getattr(engine, request)(**arguments)}
        except Exception as error:  # the parent decides what to do about it
            traceback.print_exc()
            reason = (str(error).strip().splitlines() or ["no message"])[0][:500]
            answer = {"error": f"{type(error).__name__}: {reason}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
