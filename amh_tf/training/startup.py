"""What a process that trains or scores does first: threads, memory, the compiled kernel."""

import ctypes
import logging

from amh_tf import progress
from amh_tf.layers.kernels import choice, compiled, compiler
from amh_tf.training import halves

# glibc's mallopt; see malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8


def prepare(batch_split, model, jobs=1, begun=None):
    """Makes the most of the processor. Call before TensorFlow does anything else in the process.

    Args:
        batch_split: One of `amh_tf.config.BATCH_SPLITS`.
        model: `amh_tf.config.ModelConfig`.
        jobs: Number of processes that share the machine.
        begun: Kernel that the run was begun with, or None for a new one.

    Raises:
        compiled.NotAvailable: If the compiled kernel is asked for by name and is not to be had.
    """
    load_kernel(model, begun)  # first, as a batch is split by whether it is there
    halves.set_threads(halves.reason_against(batch_split, model) is None, jobs)
    keep_memory()
    # TensorFlow warns of functions that are traced often; here each fold or seed has its own.
    logging.getLogger("tensorflow").addFilter(_is_not_of_retracing)


def _is_not_of_retracing(record):
    return "triggered tf.function retracing" not in record.getMessage()


def keep_memory():
    """Keeps memory that is let go of for the next batch, where the C library is glibc.

    By default it goes back to the system and is taken from it again, page by page, at every
    batch: about a tenth of the time of training. With few arenas one thread can reuse what another
    has let go of.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return
    for setting, value in (
        (_ARENA_MAX, max(1, halves.cores() // 2)),
        (_TRIM_THRESHOLD, 2**31 - 1),
        (_TOP_PAD, 64 << 20),
        (_MMAP_MAX, 0),  # or what is larger than 32 MiB goes back at once, as a batch of sound is
    ):
        library.mallopt(setting, value)


def compile_kernel(model, begun=None):
    """Compiles the kernel for processes that will `prepare`, so that they need not wait.

    Args:
        model: `amh_tf.config.ModelConfig`.
        begun: As for `prepare`.

    Returns:
        The kernel that they are to use, as `begun` of each.
    """
    has_compiled = _with_kernel(model, begun, compiler.library)
    return choice.choose(model.kernel, model.dtype, has_compiled=has_compiled)


def load_kernel(model, begun=None):
    """Loads the compiled kernel for a model that can use it, and says where it cannot be had.

    A run that was begun without it keeps to that: it would not end with the same weights else.

    Args:
        model: `amh_tf.config.ModelConfig`.
        begun: As for `prepare`.
    """
    _with_kernel(model, begun, compiled.load)


def _with_kernel(model, begun, take):
    """Returns whether the compiled kernel was taken."""
    if choice.choose(model.kernel, model.dtype, has_compiled=True) != "compiled":
        return False
    try:
        if begun not in (None, "compiled") and model.kernel == "auto":
            compiler.library_path()  # without a compiler, that is what is said
            progress.console.print(
                f"The run began with --kernel={begun} and keeps it, though there is a C++ compiler "
                "now, so that it ends with the same weights as without a stop. A new run is "
                "faster."
            )
            return False
        if not compiled.is_compiled():
            progress.console.print("Compiling the recurrence for this processor, once ...")
        take()
    except compiled.NotAvailable as error:
        if model.kernel == "compiled":
            raise compiled.NotAvailable(f"{error} Set it with --kernel.") from error
        progress.console.print(f"{error} Until then --kernel=packed is used.")
        return False
    return True
