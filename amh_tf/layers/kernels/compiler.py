"""Compiles the operations in the folder `native` for the processor at hand, once.

The library is kept in the user's cache folder, under a name made of all that it depends on.
"""

import fcntl
import functools
import hashlib
import importlib.resources
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import tensorflow as tf

from amh_tf import files

COMPILERS = ("c++", "g++", "clang++")
FLAGS = ("-O3", "-std=c++17", "-fPIC", "-shared", "-pthread")
# With the processor named, GCC splits vectors of 64 bytes in two on some.
MACHINE_FLAGS = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
}
TIMEOUT_SECONDS = 600


class NotAvailable(ImportError):
    """The operations cannot be compiled or loaded here; the message says what to do."""


def library():
    """Returns the library's path, compiled unless it is there.

    Raises:
        NotAvailable: If it cannot be compiled, or if others could have written it.
    """
    path = library_path()
    try:
        if not path.exists():
            path.parent.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True, mode=0o700)
            # Processes that start together compile it once.
            with open(path.with_suffix(".lock"), "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    _compile(path)
        _require_own(path)
    except OSError as error:
        raise NotAvailable(
            f"The compiled kernel could not be written. Received: {error}. Make the folder "
            "writable, set XDG_CACHE_HOME to one that is, or choose --kernel=packed."
        ) from error
    return path


def library_path():
    """Returns where the library is kept, or will be.

    Raises:
        NotAvailable: If there is no compiler, or no folder.
    """
    try:
        cache = files.user_cache("XDG_CACHE_HOME")
    except ValueError as error:
        raise NotAvailable(str(error)) from error
    # In a folder of its own, which nobody else may write to whatever the user's umask.
    return cache / "kernels" / f"amh-{_key(_command())}.so"


def _command():
    return (_compiler(), *FLAGS, *MACHINE_FLAGS.get(platform.machine(), ()))


def _compiler():
    wanted = os.environ.get("CXX")
    for name in (wanted,) if wanted else COMPILERS:
        if found := shutil.which(name):
            return found
    raise NotAvailable(
        "There is no C++ compiler, with which the package trains up to twice as fast. "
        f"Expected one of {', '.join(COMPILERS)}. Received: CXX={wanted!r}. Install one (Debian's "
        "g++), or choose --kernel=packed."
    )


def _sources():
    folder = importlib.resources.files(__package__) / "native"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return [file for file in found if file.name.endswith((".h", ".cc"))]


@functools.cache
def _key(command):
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(file.read_bytes())
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    for part in (*command, version, tf.version.VERSION, platform.machine(), processor()):
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()[:16]


def processor():
    """Returns what the processor can do: a home folder may be shared between machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _compile(path):
    command = _command()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for file in _sources():
            Path(folder, file.name).write_bytes(file.read_bytes())
        units = sorted(str(file) for file in Path(folder).glob("*.cc"))
        output = Path(folder, path.name)
        # Symbols are looked up in the library of TensorFlow's that is loaded already.
        options = (f"-I{tf.sysconfig.get_include()}", f"-L{tf.sysconfig.get_lib()}")
        try:
            done = subprocess.run(
                [*command, *units, "-o", str(output), *options, "-l:libtensorflow_cc.so.2"],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise NotAvailable(
                f"The compiler did not end in {TIMEOUT_SECONDS} seconds. Received: {command[0]}. "
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
        os.replace(output, path)


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
