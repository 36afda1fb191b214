"""Runs commands in processes of their own, as users start them, but for TensorFlow's import.

The import takes four seconds of processor time. One process for each of pytest's does it, computes
nothing, and is forked for each command: a process with an exit code, folder, environment and
output of its own, which can be killed like any other. At its end it runs what is registered for it,
but does not take the libraries' million objects down one by one, which takes another second.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent import futures
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 300  # that a command may take


def run(*arguments, cwd=ROOT, environment=None, file_bytes=None, afresh=False):
    """Runs a command, and waits for its end.

    Args:
        *arguments: As the interpreter's own: `-m`, a module and its flags; `-c`, code and its
            arguments; or the path of a script.
        cwd: The folder to run it in.
        environment: What to change of this process' environment.
        file_bytes: The size that no file may exceed which it writes, or None.
        afresh: Whether in a new interpreter, which imports TensorFlow itself.

    Returns:
        `subprocess.CompletedProcess`, its output as text.

    Raises:
        subprocess.TimeoutExpired: If it took more than `SECONDS`; it is killed then.
    """
    arguments = [str(argument) for argument in arguments]
    changed = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", **(environment or {})}
    request = {
        "arguments": arguments,
        "cwd": str(cwd),
        "environment": {**os.environ, **changed},
        "file_bytes": file_bytes,
    }
    if afresh:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=request["environment"],
            preexec_fn=lambda: _limit(request),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(_start_server(), [b"."], [theirs.fileno()])
        theirs.close()
        ours.sendall(json.dumps(request).encode())
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile(encoding="utf-8") as reply:
            status, output, errors = json.load(reply)
    if status is None:
        raise subprocess.TimeoutExpired(arguments, SECONDS, output, errors)
    return subprocess.CompletedProcess(arguments, status, output, errors)


def run_together(calls, at_once):
    """Runs commands side by side, and returns how each ended.

    Args:
        calls: Pairs of the arguments and the settings of `run`.
        at_once: The number of commands that run at any time.
    """
    _start_server()  # here, or several threads would each start one
    with futures.ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(run, *arguments, **settings) for arguments, settings in calls]
        return [one.result() for one in running]


def assert_refused(finished, *texts):
    """Asserts that a command ended with one message, in which the texts stand."""
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr
    flags = "FATAL Flags parsing error" in finished.stderr
    assert finished.stderr.startswith("error: ") or flags, finished.stderr
    for text in texts:
        assert text in finished.stderr


@functools.cache
def _start_server():
    """Starts this file as a process, which ends when the socket returned is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.commands", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return ours


def _limit(request):
    if request["file_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_bytes"],) * 2)


def _next_request(control):
    """Returns, in a process forked for it, a command that is asked for; None at the end."""
    from amh_tf import models  # noqa: F401  (TensorFlow, Keras and the layers)

    gc.collect()
    gc.freeze()  # or each command's collector would look at, and copy, what the libraries have
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    while True:
        _, connections, *_ = socket.recv_fds(control, 1, 1)
        if not connections:
            return None
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            return _answer(socket.socket(fileno=connections[0]))
        os.close(connections[0])


def _answer(connection):
    """Returns the request in a process of its own, and tells how that one ended."""
    request = json.loads(connection.makefile("rb").read())
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = os.fork()
        if not command:
            connection.close()
            os.dup2(output.fileno(), sys.stdout.fileno())
            os.dup2(errors.fileno(), sys.stderr.fileno())
            return request
        status, texts = _wait(command), []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    # Whoever asked may have ended before the command.
    with contextlib.suppress(BrokenPipeError), connection:
        connection.sendall(json.dumps([status, *texts]).encode())
    os._exit(0)


def _wait(command):
    """Returns a process' exit code, or None if it took too long and was killed."""
    late = []

    def kill(*_):
        late.append(True)
        os.kill(command, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.alarm(SECONDS)
    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    signal.alarm(0)
    return None if late else status


def _run_and_end(request):
    """Runs the command, and ends this process with the exit code that an interpreter gives it."""
    status = 0
    try:
        _become(request)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if status and not isinstance(ended.code, int):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # waits for threads, as an interpreter does before what is registered
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status & 0xFF)


def _become(request):
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    _limit(request)
    first, *rest = request["arguments"]
    if first == "-m":
        sys.path[0], sys.argv = request["cwd"], rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[0], sys.argv = "", ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path[0], sys.argv = str(Path(first).resolve().parent), [first, *rest]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    asked = _next_request(socket.socket(fileno=int(sys.argv[1])))
    if asked:
        _run_and_end(asked)
