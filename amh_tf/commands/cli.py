"""How every entry point starts and fails."""

import contextlib
import gc
import signal
import sys
import threading
import traceback

from absl import app, flags, logging

from amh_tf import errors, escaping, locations

# What bad input raises. Anything else is a fault of the program and shows its traceback.
EXPECTED_ERRORS = (ValueError, OSError, ImportError)
FAULT = (
    "This is a fault of amh_tf, not of your input. Please report it, with the command and the "
    "lines above."
)


class _Stopped(SystemExit):
    """A signal that ends the process; what is half written is taken away on the way out."""


def _stop_on_signals():
    """Lets SIGTERM, and the end of the terminal, stop the command as Ctrl-C does."""

    def stop(number, _):
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        raise _Stopped(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores the latter
                signal.signal(number, stop)


def _is_expected(error):
    """Returns whether an error is of the user's input or machine, and no fault of the program."""
    import tensorflow as tf

    if isinstance(error, ImportError):  # a package of an extra, or one that does not load here
        return not (error.name or "").startswith("amh_tf")
    # Of files and object stores; what a graph refuses is not among them.
    of_files = (
        tf.errors.AbortedError,
        tf.errors.DataLossError,
        tf.errors.DeadlineExceededError,
        tf.errors.FailedPreconditionError,
        tf.errors.NotFoundError,
        tf.errors.PermissionDeniedError,
        tf.errors.ResourceExhaustedError,
        tf.errors.UnauthenticatedError,
        tf.errors.UnavailableError,
    )
    return isinstance(error, (errors.InputError, OSError, MemoryError, *of_files))


def run(main, on_stop="give the same command to start again"):
    """Runs an entry point: bad input ends with one message and exit code 1.

    With --v=1 the traceback is shown too.

    Args:
        main: Function without arguments.
        on_stop: What to tell a user who has stopped the command with Ctrl-C or a signal.
    """

    def guarded(arguments):
        if not flags.FLAGS["v"].present:
            logging.set_verbosity(logging.WARNING)
        _stop_on_signals()
        try:
            if len(arguments) > 1:
                raise errors.InputError(
                    "Arguments are left over. Expected flags alone, as --name=value. "
                    f"Received: {' '.join(arguments[1:])}. --help lists the flags."
                )
            # What the libraries made lives as long as the process: looking at it again and again
            # takes a sixth of the time in which graphs are built.
            gc.freeze()
            return main()
        except (KeyboardInterrupt, _Stopped) as stopped:
            with contextlib.suppress(OSError):  # of a terminal that has gone
                print(f"stopped; {on_stop}", file=sys.stderr)
            return stopped.code if isinstance(stopped, _Stopped) else 130
        except Exception as error:
            expected = _is_expected(error)
            if expected and logging.get_verbosity() < 1:
                print(f"error: {escaping.terminal(str(error))}", file=sys.stderr)
                print("(--v=1 shows where this came from)", file=sys.stderr)
                return 1
            traceback.print_exc()
            if not expected:
                print(FAULT, file=sys.stderr)
            return 1

    try:
        app.run(guarded)
    except SystemExit as ended:
        locations.leave_if_remote(ended.code)
        raise
    except BaseException:
        # Beyond `main`, which Python would show and answer with code 1.
        if locations.was_remote_read():
            traceback.print_exc()
            locations.leave_if_remote(1)
        raise
