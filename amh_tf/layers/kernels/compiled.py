"""A GRU compiled for the processor at hand, as operations of TensorFlow.

A library lays the weights out anew in every product of every step, and TensorFlow schedules and
stores each of a step's dozen operations. The operations here, in C++ in the folder `native`, run
a whole recurrence in one call, forward or back, dropout included. They are compiled once, by the
machine's own compiler, and kept in the user's cache folder.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.resources
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
import threading

import tensorflow as tf

from amh_tf import files

_SOURCES = ("dropout.h", "gru.h", "memory.h", "ops.cc", "products.h", "vectors.h")
_COMPILERS = ("c++", "g++", "clang++")
_TIMEOUT_SECONDS = 600
# `-march=native` alone makes GCC split 64-byte vectors in two on some processors.
_FLAGS = ("-O3", "-std=c++17", "-fPIC", "-shared", "-pthread")
_MACHINE_FLAGS = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
}
_loaded = []
_preference = threading.local()


class NotAvailable(ImportError):
    """The kernel cannot be compiled or loaded here; the message says why and what to do."""


def is_compiled():
    """Says whether `load` finds a library that was compiled before."""
    try:
        return is_loaded() or _path(_command()).exists()
    except NotAvailable:
        return True  # nothing would be compiled


def is_loaded():
    """Says whether `load` has succeeded in this process."""
    return bool(_loaded)


@contextlib.contextmanager
def preferred():
    """Makes encoders whose kernel is "auto" use this one inside of the block, where it is loaded.

    Outside of it they are built of TensorFlow's own operations, because a model that is exported
    must not need this machine's library.
    """
    before = is_preferred()
    _preference.holds = is_loaded()
    try:
        yield
    finally:
        _preference.holds = before


def is_preferred():
    """Says whether the caller runs inside of `preferred`, and the kernel is loaded."""
    return getattr(_preference, "holds", False)


def load():
    """Compiles the kernel if that has not been done on this machine, and loads it.

    Returns:
        Module of TensorFlow's with the operations.

    Raises:
        NotAvailable: If there is no compiler, or it fails.
    """
    if not _loaded:
        path = _library()
        _require_own(path)
        try:
            _loaded.append(tf.load_op_library(str(path)))
        except tf.errors.OpError as error:
            raise NotAvailable(
                f"The compiled kernel could not be loaded. Received: {error.message}. "
                f"Delete {path} to compile it again, or choose --kernel=packed."
            ) from error
    return _loaded[0]


def _require_own(path):
    """Refuses a library that someone else may have written: it is run as it is."""
    for found in (path, path.parent):
        status = found.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise NotAvailable(
                f"The compiled kernel is not safe. Expected {found} to be the user's own and "
                f"writable by nobody else. Received: owner {status.st_uid}, mode "
                f"{status.st_mode & 0o777:o}. Mend that, or choose --kernel=packed."
            )


def _command():
    return (_compiler(), *_FLAGS, *_MACHINE_FLAGS.get(platform.machine(), ()))


def _path(command):
    try:
        cache = files.user_cache("XDG_CACHE_HOME")
    except ValueError as error:
        raise NotAvailable(str(error)) from error
    # In a folder of its own, which nobody else may write to whatever the user's umask.
    return cache / "kernels" / f"gru-{_key(command)}.so"


def _library():
    """Returns the library's path, compiled unless it is there."""
    command = _command()
    made = _path(command)
    if made.exists():
        return made
    options = (f"-I{tf.sysconfig.get_include()}", f"-L{tf.sysconfig.get_lib()}")
    options = (*options, "-l:libtensorflow_cc.so.2")
    try:
        made.parent.parent.mkdir(parents=True, exist_ok=True)
        made.parent.mkdir(exist_ok=True, mode=0o700)
        # Processes that start together compile it once.
        with open(made.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                _compile(command, options, made)
    except OSError as error:
        raise NotAvailable(
            f"The compiled kernel could not be written. Received: {error}. Make the folder "
            "writable, set XDG_CACHE_HOME to one that is, or choose --kernel=packed."
        ) from error
    return made


def _compiler():
    wanted = os.environ.get("CXX")
    for name in (wanted,) if wanted else _COMPILERS:
        if found := shutil.which(name):
            return found
    raise NotAvailable(
        "There is no C++ compiler, with which the recurrence trains about twice as fast. Expected "
        f"one of {', '.join(_COMPILERS)}. Received: CXX={wanted!r}. Install one (Debian's g++), "
        "or choose --kernel=packed."
    )


def _compile(command, options, made):
    folder = importlib.resources.files(__package__) / "native"
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        for name in _SOURCES:
            pathlib.Path(scratch, name).write_bytes((folder / name).read_bytes())
        output = pathlib.Path(scratch, made.name)
        try:
            done = subprocess.run(
                [*command, str(pathlib.Path(scratch, "ops.cc")), "-o", str(output), *options],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise NotAvailable(
                f"The compiler did not end in {_TIMEOUT_SECONDS} seconds. Received: {command[0]}. "
                "Choose --kernel=packed."
            ) from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            first = next((line for line in lines if "error" in line), "no message")
            raise NotAvailable(
                f"The kernel could not be compiled. Received: {command[0]}: {first}. Set CXX to "
                "another compiler for C++17, or choose --kernel=packed."
            )
        os.chmod(output, 0o700)
        os.replace(output, made)


@functools.cache
def _key(command):
    """Names the library by all that it depends on."""
    digest = hashlib.sha256()
    folder = importlib.resources.files(__package__) / "native"
    for name in _SOURCES:
        digest.update((folder / name).read_bytes())
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    for part in (*command, version, tf.version.VERSION, platform.machine(), _processor()):
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()[:16]


def _processor():
    """Returns what the processor can do: a home folder may be shared between machines."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def gru(
    sequence,
    lengths,
    weights,
    dtype,
    reset_after=False,
    backward=False,
    rate=0.0,
    seed=None,
    training=True,
):
    """Runs a GRU layer with Keras' weights, and dropout on its inputs.

    The mathematics is that of `gru.layer`.

    Args:
        sequence: Tensor of shape `(batch, time, dim)`.
        lengths: Int32 tensor of shape `(batch,)`, each from 0 to time.
        weights: Kernel, recurrent kernel and bias, as for `gru.layer`.
        dtype: Precision of the matrix products, float32 or bfloat16; states and their gradients
            are float32.
        reset_after: Whether the reset gate is applied after the recurrent product.
        backward: Whether each row is read from its last valid step to its first.
        rate: Drop rate of the inputs.
        seed: int64 tensor of shape `(2,)` that dropout is drawn from.
        training: Whether what the gradient needs is kept; without, a gradient computes it anew.

    Returns:
        States of shape `(batch, time, units)`, zeros in the padding; last states of shape
        `(batch, units)`, zeros for rows of length 0; both float32.
    """
    operations = load()
    kernel, recurrent, bias = map(tf.convert_to_tensor, weights)
    units = recurrent.shape[0]
    outer, inner = tf.unstack(bias) if reset_after else (bias, tf.zeros_like(bias))
    # The gates' recurrent biases are added to the same sum as their input biases.
    outer = outer + tf.concat([inner[: 2 * units], tf.zeros([units])], axis=0)
    shared = {
        "lengths": lengths,
        "seed": tf.zeros([2], tf.int64) if seed is None else seed,
        "reset_after": reset_after,
        "backward": backward,
        "rate": rate,
        "threads": tf.config.threading.get_intra_op_parallelism_threads() or _cores(),
    }

    @tf.custom_gradient
    def run(sequence, kernel, recurrent, outer, inner):
        given = functools.partial(dict, x=sequence, kernel=kernel, recurrent=recurrent, **shared)
        forward = functools.partial(operations.amh_gru, **given(bias=outer, inner_bias=inner))
        states, last, saved = forward(save=training)
        states = tf.ensure_shape(states, [*sequence.shape[:2], units])
        last = tf.ensure_shape(last, [sequence.shape[0], units])

        def gradient(d_states, d_last):
            kept = saved if training else forward(save=True)[2]
            gates, *of_weights = operations.amh_gru_gradient(
                **given(states=states, saved=kept, d_states=d_states, d_last=d_last)
            )
            # An operation of its own, so that TensorFlow leaves it out where nothing asks for it.
            of_sequence = operations.amh_gru_input_gradient(**given(gates=gates))
            return tf.ensure_shape(of_sequence, sequence.shape), *of_weights

        return (states, last), gradient

    return run(tf.cast(sequence, dtype), kernel, recurrent, outer, inner[2 * units :])


def _cores():
    return len(os.sched_getaffinity(0))
