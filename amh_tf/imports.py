"""How TensorFlow and what is built on it are imported: when they are needed, and not before."""

import contextlib
import gc


@contextlib.contextmanager
def libraries():
    """Imports inside take TensorFlow in.

    What the libraries make lives as long as the process: looking at it again and again would take a
    tenth of their import, and a sixth of the time in which graphs are built.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        gc.freeze()
