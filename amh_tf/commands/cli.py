"""How every entry point starts and fails."""

import contextlib
import gc
import signal
import sys
import threading
import traceback

from absl import app, flags, logging

from amh_tf import errors, escaping, imports, platforms
from amh_tf.commands import cache_flags, flag_kit

# What bad input raises. Anything else is a fault of the program and shows its traceback.
EXPECTED_ERRORS = (ValueError, OSError, ImportError)
FAULT = (
    "This is a fault of amh_tf, not of your input. Please report it, with the command and the "
    "lines above."
)
_MODULE = "python -m amh_tf."
_front_door = None


class _HelpFlag(app.HelpFlag):
    """--help, whose flags are grouped by purpose; --helpshort and --helpfull are absl's."""

    def __init__(self):
        super().__init__()
        self.allow_override = True

    def parse(self, arg):
        if not self._parse(arg):
            return
        description = (sys.modules["__main__"].__doc__ or "").strip().replace(_MODULE, command(""))
        texts = map(flags.FLAGS.module_help, flag_kit.groups())
        with contextlib.suppress(BrokenPipeError):  # of `| head`
            print("\n\n".join(map(_wrapped, description.split("\n\n"))))
            print("\n".join(texts) or flags.FLAGS.main_module_help())
            print("\nTry --helpfull for the flags of the libraries too, such as --flagfile.")
            sys.stdout.flush()
        sys.exit(1)


def _wrapped(paragraph):
    """Wraps a paragraph for the terminal, but for commands, which are to be copied."""
    if paragraph.startswith(command("")):
        return paragraph
    return flags.text_wrap(" ".join(paragraph.splitlines()))


def use_front_door(name):
    """Notes how the user has started a command, such as "amh", for what is printed."""
    global _front_door
    _front_door = name


def command(verb):
    """Returns how the user would start another command: "amh train", "python -m amh_tf.train"."""
    return f"{_front_door} {verb}" if _front_door else f"{_MODULE}{verb}"


libraries = imports.libraries


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
    if isinstance(error, ImportError):  # a package of an extra, or one that does not load here
        return not (error.name or "").startswith("amh_tf")
    if isinstance(error, (errors.InputError, OSError, MemoryError)):
        return True
    if "tensorflow" not in sys.modules:
        return False
    import tensorflow as tf

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
    return isinstance(error, of_files)


def run(main, on_stop="repeat the command to start again", take_arguments=None):
    """Runs an entry point: bad input ends with one message and exit code 1.

    With --v=1 the traceback is shown too.

    Args:
        main: Function without arguments.
        on_stop: What to tell a user who has stopped the command with Ctrl-C or a signal.
        take_arguments: Function that is given the arguments that are not flags; None for a command
            that has none.
    """

    def guarded(arguments):
        if not flags.FLAGS["v"].present:
            logging.set_verbosity(logging.WARNING)
        _stop_on_signals()
        try:
            if take_arguments:
                take_arguments(arguments[1:])
            elif len(arguments) > 1:
                raise errors.refusal(
                    "There are unexpected arguments",
                    "flags only, as --name=value",
                    f"{' '.join(arguments[1:])}",
                    "--help lists the flags.",
                )
            platforms.start_lean()
            gc.freeze()  # as `libraries` does; a script has imported them before
            cache_flags.use()
            return main()
        except (KeyboardInterrupt, _Stopped) as stopped:
            with contextlib.suppress(OSError):  # of a terminal that has gone
                print(f"stopped; {on_stop}", file=sys.stderr)
            return stopped.code if isinstance(stopped, _Stopped) else 130
        except Exception as error:
            expected = _is_expected(error)
            if expected and logging.get_verbosity() < 1:
                message = escaping.terminal(str(error)).replace(_MODULE, command(""))
                print(f"error: {message}", file=sys.stderr)
                print("(--v=1 shows the traceback)", file=sys.stderr)
                return 1
            traceback.print_exc()
            if not expected:
                print(FAULT, file=sys.stderr)
            return 1

    app.define_help_flags()
    flags.DEFINE_flag(_HelpFlag())
    flags.FLAGS.set_gnu_getopt(True)  # flags may follow other arguments
    app.run(guarded)
