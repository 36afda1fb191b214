"""Compiles the operations in the folder `native` for the processor at hand, once.

The library is kept in the user's cache folder, under a name made of all that it depends on.
"""

import fcntl
import functools
import hashlib
import importlib.resources
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import tensorflow as tf

from amh_tf import files

COMPILERS = ("c++", "g++", "clang++")
# What people set before the compiler in CXX: they change when it runs, not what comes of it.
LAUNCHERS = ("ccache", "sccache", "distcc", "icecc")
FLAGS = ("-O3", "-std=c++17", "-fPIC", "-shared", "-pthread")
# With the processor named, GCC splits vectors of 64 bytes in two on some.
MACHINE_FLAGS = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
}
TIMEOUT_SECONDS = 600
VERSION_SECONDS = 60


class NotAvailable(ImportError):
    """The operations cannot be compiled or loaded here; the message says what to do."""


def library() -> Path:
    """Returns the library's path, compiled unless it is there.

    Without CXX, a compiler that fails is followed by the next.

    Raises:
        NotAvailable: If it cannot be compiled, or if others could have written it.
    """
    failures = []
    for path, command in _choices():
        try:
            return _library(path, command)
        except NotAvailable as error:
            failures.append(error)
    raise failures[0]


def library_path() -> Path:
    """Returns where the library is kept, or will be.

    Raises:
        NotAvailable: If there is no compiler that runs, or no folder.
    """
    return _choices()[0][0]


def _choices():
    """Lists where the library is kept and the command that makes it, the best first."""
    try:
        cache = files.user_cache("XDG_CACHE_HOME")
    except ValueError as error:
        raise NotAvailable(str(error)) from error
    choices, failed = [], None
    for command in _commands():
        try:
            # In a folder of its own, which nobody else may write to whatever the user's umask.
            choices.append((cache / "kernels" / f"amh-{_key(command)}.so", command))
        except NotAvailable as error:
            failed = failed or error
    if not choices:
        raise failed
    return sorted(choices, key=lambda choice: not choice[0].exists())


def _library(path, command):
    try:
        if not path.exists():
            path.parent.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True, mode=0o700)
            # Processes that start together compile it once.
            with open(path.with_suffix(".lock"), "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    _compile(command, path)
        _require_own(path)
    except OSError as error:
        raise NotAvailable(
            f"The compiled kernel could not be written. Received: {error}. Make the folder "
            "writable, set XDG_CACHE_HOME to one that is, or choose the packed kernel."
        ) from error
    return path


def _commands():
    """Lists the commands that may compile the library, each a tuple, the best first."""
    flags = *FLAGS, *MACHINE_FLAGS.get(platform.machine(), ())
    return [(*compiler, *flags) for compiler in _compilers()]


def _compilers():
    """Lists the compilers as tuples of a program and the arguments that it needs.

    CXX holds a command, as it does for make, CMake and distutils: `ccache g++`, `g++ -m64`.
    """
    wanted = os.environ.get("CXX", "").strip()
    if wanted:
        return [_wanted(wanted)]
    programs = {}
    for name in COMPILERS:
        if program := shutil.which(name):
            # Most are names of the same program, which would fail twice.
            programs.setdefault(os.path.realpath(program), (program,))
    if not programs:
        raise NotAvailable(
            "There is no C++ compiler, with which the package trains up to twice as fast. "
            f"Expected one of {', '.join(COMPILERS)}. Received: CXX={os.environ.get('CXX')!r}. "
            "Install one (Debian's g++), or choose the packed kernel."
        )
    return list(programs.values())


def _wanted(text):
    """Returns the command that CXX holds, a program's path before its arguments."""
    if program := shutil.which(text):  # a path may hold spaces
        return (program,)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NotAvailable(
            f"CXX is not a command. Expected a C++ compiler, such as 'ccache g++'. Received: "
            f"CXX={text!r} ({error}). Close the quotes, or choose the packed kernel."
        ) from error
    # Where it is not installed, the compiler by itself does the same.
    while len(words) > 1 and Path(words[0]).name in LAUNCHERS and not shutil.which(words[0]):
        del words[0]
    program = shutil.which(words[0]) if words else None
    if not program:
        there = [name for name in COMPILERS if shutil.which(name)]
        raise NotAvailable(
            "There is no C++ compiler of the name that CXX holds. Expected a program, and its "
            f"arguments if it needs some. Received: CXX={text!r}. "
            + (f"Unset CXX to use {there[0]}" if there else "Install one (Debian's g++)")
            + ", or choose the packed kernel."
        )
    return (program, *words[1:])


def _sources():
    folder = importlib.resources.files(__package__) / "native"
    entries = sorted(folder.iterdir(), key=lambda file: file.name)
    return [file for file in entries if file.name.endswith((".h", ".cc"))]


@functools.cache
def _key(command):
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(file.read_bytes())
    compiler = command[: command.index(FLAGS[0])]
    version = _run([*compiler, "--version"], VERSION_SECONDS).stdout
    for part in (*command, version, tf.version.VERSION, platform.machine(), processor()):
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()[:16]


def _run(command, seconds):
    """Runs a compiler.

    Raises:
        NotAvailable: If it cannot be started, does not end or fails.
    """
    shown = shlex.join(command[:3])
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            # Compilers translate their messages, in which the first error is looked for.
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise NotAvailable(
            f"The compiler did not end in {seconds} seconds. Received: {shown}. "
            "Choose the packed kernel."
        ) from error
    except OSError as error:
        raise NotAvailable(
            f"The compiler cannot be started. Expected a program. Received: {shown}: "
            f"{error.strerror or error}. Set CXX to another compiler for C++17, or choose "
            "the packed kernel."
        ) from error
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines()]
        lines = [line for line in lines if line]
        first = next((line for line in lines if "error" in line.lower()), "")
        first = first or (lines[0] if lines else f"no message, exit code {done.returncode}")
        raise NotAvailable(
            f"The kernel could not be compiled. Received: {shown}: {first[:500]}. Set CXX to "
            "another compiler for C++17, or choose the packed kernel."
        )
    return done


def processor() -> str:
    """Returns what the processor can do: a home folder may be shared between machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _compile(command, path):
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for file in _sources():
            Path(folder, file.name).write_bytes(file.read_bytes())
        units = sorted(str(file) for file in Path(folder).glob("*.cc"))
        output = Path(folder, path.name)
        # Symbols are looked up in the library of TensorFlow's that is loaded already.
        options = (f"-I{tf.sysconfig.get_include()}", f"-L{tf.sysconfig.get_lib()}")
        _run(
            [*command, *units, "-o", str(output), *options, "-l:libtensorflow_cc.so.2"],
            TIMEOUT_SECONDS,
        )
        if not output.is_file():
            raise NotAvailable(
                "The compiler has written nothing. Expected a library. Received: "
                f"{shlex.join(command[:3])}, which ended without an error. Set CXX to another "
                "compiler for C++17, or choose the packed kernel."
            )
        os.chmod(output, 0o700)
        os.replace(output, path)


def _require_own(path):
    """Refuses a library that someone else may have written: it is run as it is."""
    for checked in (path, path.parent):
        status = checked.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise NotAvailable(
                f"The compiled kernel is not safe. Expected {checked} to be the user's own and "
                f"writable by nobody else. Received: owner {status.st_uid}, mode "
                f"{status.st_mode & 0o777:o}. Mend that, or choose the packed kernel."
            )
