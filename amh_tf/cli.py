"""How every entry point starts and fails."""

import gc
import sys
import traceback

from absl import app, flags, logging

from amh_tf import escaping, locations

# What bad input raises. Anything else is a fault of the program and shows its traceback.
EXPECTED_ERRORS = (ValueError, OSError, ImportError)
FAULT = (
    "This is a fault of amh_tf, not of your input. Please report it, with the command and the "
    "lines above."
)


def run(main, on_stop="give the same command to start again"):
    """Runs an entry point: bad input ends with one message and exit code 1.

    With --v=1 the traceback is shown too.

    Args:
        main: Function without arguments.
        on_stop: What to tell a user who has stopped the command with Ctrl-C.
    """

    def guarded(arguments):
        import tensorflow as tf

        if not flags.FLAGS["v"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            if len(arguments) > 1:
                raise ValueError(
                    "Arguments are left over. Expected flags alone, as --name=value. "
                    f"Received: {' '.join(arguments[1:])}. --help lists the flags."
                )
            # What the libraries made lives as long as the process: looking at it again and again
            # takes a sixth of the time in which graphs are built.
            gc.freeze()
            return main()
        except (*EXPECTED_ERRORS, tf.errors.OpError) as error:
            if logging.get_verbosity() >= 1:
                raise
            print(f"error: {escaping.terminal(str(error))}", file=sys.stderr)
            print("(--v=1 shows where this came from)", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"stopped; {on_stop}", file=sys.stderr)
            return 130
        except Exception:
            traceback.print_exc()
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
