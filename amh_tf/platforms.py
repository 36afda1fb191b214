"""The Python and TensorFlow versions that work with this one, and a quiet start of the latter.

Other Pythons must be able to read this file and `amh_tf/__init__.py`, if only to be refused.
"""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import warnings

# From the first of each up to, and without, the second. As in setup.cfg.
PYTHONS = ((3, 11), (3, 14))
TENSORFLOWS = ((2, 17, 1), (2, 22))
# What Keras imports where it is installed, in two seconds of the processor's time, for wrappers and
# pictures of its own that no command needs.
_OPTIONAL = ("matplotlib", "sklearn")
INSTALL = (
    "Make an environment with `python3.12 -m venv .venv`, and install with "
    "`.venv/bin/pip install -c constraints.txt -e .`"
)


def prepare():
    """Makes sure that TensorFlow, whoever imports it, starts quietly and is of a known version.

    Raises:
        ImportError: If the Python, or a TensorFlow that is loaded already, is none that this
            version works with.
    """
    check_python(sys.version_info)
    # The user's own setting wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    loaded = getattr(sys.modules.get("tensorflow"), "__version__", None)
    if loaded:
        check_tensorflow(loaded)
    elif not any(isinstance(finder, _TensorFlowFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _TensorFlowFinder())


def check_python(version):
    """Checks a version of Python, as `sys.version_info` has it.

    Raises:
        ImportError: If this package does not work with it.
    """
    low, high = PYTHONS
    if not low <= tuple(version[:2]) < high:
        raise ImportError(
            "This Python cannot be used. Expected Python 3.11, 3.12 or 3.13. "
            f"Received: Python {version[0]}.{version[1]}. {INSTALL}."
        )


def check_tensorflow(version):
    """Checks a version of TensorFlow, such as "2.21.0" or "2.22.0-rc1".

    Raises:
        ImportError: If this package does not work with it.
    """
    low, high = TENSORFLOWS
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if not low <= numbers < high:
        raise ImportError(
            f"This TensorFlow cannot be used. Expected {_spell(low)} or later, below "
            f"{_spell(high)}. Received: TensorFlow {version} in {sys.prefix}. {INSTALL}."
        )


def _spell(version):
    return ".".join(map(str, version))


def start_lean():
    """Lets Keras, when it is imported, take some optional libraries for absent.

    For processes of commands alone: what else runs there may want Keras' wrappers of scikit-learn.
    """
    _TensorFlowFinder.hidden = _OPTIONAL


@contextlib.contextmanager
def _hidden(names):
    """Lets imports of modules that are not loaded yet fail inside of the block."""
    names = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class _TensorFlowFinder:
    """A finder of modules that keeps TensorFlow quiet while it loads, and checks its version.

    Attributes:
        hidden: Names of modules that are not imported meanwhile.
    """

    hidden = ()

    def find_spec(self, name, path=None, target=None):
        """Finds TensorFlow as the other finders do, and adds to its loading."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is None:
            return None
        if spec.loader is None:  # folders without a module, as a removal that failed leaves them
            check_tensorflow("of no version")
        load = spec.loader.exec_module

        def load_quietly(module):
            quiet = without_notes(os.environ.get("TF_CPP_MIN_LOG_LEVEL", ""))
            with quiet, _hidden(self.hidden):
                load(module)
            check_tensorflow(module.__version__)

        spec.loader.exec_module = load_quietly
        return spec


def load_tensorflow_io(location):
    """Imports tensorflow-io, through whose file systems TensorFlow reads other locations.

    Args:
        location: URL of what is to be read.

    Raises:
        ImportError: If it is not installed, or does not load with this TensorFlow.
    """
    import tensorflow as tf

    reason = "it does not load"
    try:
        with warnings.catch_warnings(action="ignore"):  # of what does not load, in many lines
            import tensorflow_io  # noqa: F401  (registers the schemes)
    except ImportError:
        reason = "no tensorflow-io"
    except (NotImplementedError, tf.errors.OpError):
        pass
    scheme = str(location).partition("://")[0]
    if scheme not in tf.io.gfile.get_registered_schemes():
        raise ImportError(
            f"{str(location)!r} cannot be read here. Expected tensorflow-io, whose last release "
            f"loads with no TensorFlow later than 2.17. Received: TensorFlow {tf.__version__} on "
            f"Python {_spell(sys.version_info[:3])}, {reason}. Install on Python 3.11 with "
            "constraints.txt, or copy the data set to a folder (`hdfs dfs -get`) and set "
            "--data_dir to it."
        )


@contextlib.contextmanager
def without_notes(level):
    """Keeps off standard error what TF_CPP_MIN_LOG_LEVEL should.

    Libraries of TensorFlow 2.18 and later log before they ask for the level. All else that is
    written goes through at once, also the last words of a process that crashes.

    Args:
        level: The variable's text: "1" is without information, "2" without warnings, "3" without
            errors from which TensorFlow recovers.
    """
    sieve = _sieve(level)
    if not sieve:
        yield
        return
    stderr = os.dup(2)
    os.dup2(sieve.stdin.fileno(), 2)
    sieve.stdin.close()
    try:
        yield
    finally:
        os.dup2(stderr, 2)  # which ends the sieve's input
        os.close(stderr)
        sieve.wait()


def _sieve(level):
    """Starts a process that passes its input on to standard error, but for notes, or None."""
    letters = "IWE"[: int(level)] if level.isdigit() else ""
    notes = f"^([{letters}][0-9]{{4}} |WARNING: All log messages before absl::InitializeLog)"
    grep = ["grep", "--line-buffered", "-a", "-v", "-E", notes]
    try:
        stderr = os.dup(2)
    except OSError:  # there is no standard error
        return None
    try:
        return subprocess.Popen(grep, stdin=subprocess.PIPE, stdout=stderr) if letters else None
    except OSError:  # no grep, or no process to be had
        return None
    finally:
        os.close(stderr)
