"""Which kernel computes a recurrence, decided here for single layers and for whole runs.

A run asks what its process uses and records the answer; a layer asks what a call from it uses.
"""

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

from amh_tf.layers.kernels import compiled

KERNELS = ("auto", "compiled", "packed", "keras")
_COMPILED_DTYPES = ("float32", "bfloat16")
_preference = threading.local()


def choose(kernel: str, dtype: str, has_compiled: bool) -> str:
    """Chooses a kernel by what is asked for and what there is.

    Args:
        kernel: One of `KERNELS`, as asked for.
        dtype: Precision of the computation.
        has_compiled: Whether "auto" may choose the compiled kernel.

    Returns:
        "compiled", "packed" or "keras".

    >>> choose("compiled", "float16", has_compiled=True)
    'packed'
    """
    if kernel == "auto":
        if tf.config.list_physical_devices("GPU"):
            return "keras"
        kernel = "compiled" if has_compiled else "packed"
    return "packed" if kernel == "compiled" and dtype not in _COMPILED_DTYPES else kernel


def of_process(kernel: str, dtype: str) -> str:
    """Returns the kernel that this process trains and scores with; arguments as for `choose`."""
    return choose(kernel, dtype, compiled.is_loaded())


def of_call(kernel: str, dtype: str) -> str:
    """Returns the kernel that a layer called here uses; arguments as for `choose`."""
    return choose(kernel, dtype, is_preferred())


@contextlib.contextmanager
def preferred() -> Iterator[None]:
    """Makes layers inside of the block use the compiled operations, where they are loaded.

    Outside of it layers are built of TensorFlow's own operations, because a model that is exported
    must not need this machine's library.
    """
    before = is_preferred()
    _preference.holds = compiled.is_loaded()
    try:
        yield
    finally:
        _preference.holds = before


def is_preferred() -> bool:
    """Returns whether the caller runs inside of `preferred`, and the operations are loaded."""
    return getattr(_preference, "holds", False)


def is_fused(dtype: str | tf.DType) -> bool:
    """Returns whether attention uses the compiled operations, in its gradient too."""
    return is_preferred() and tf.as_dtype(dtype).name in _COMPILED_DTYPES
