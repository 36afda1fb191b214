"""Reads a pickled dictionary of words to ids without executing anything."""

import io
import pickle
import pickletools
from pathlib import Path

from amh_tf import errors

# Instructions that build dict, str and int, from Python 2 and 3, and keep the memo. None of
# them can name a class or call anything.
PLAIN_INSTRUCTIONS = frozenset(
    ["PROTO", "FRAME", "MARK", "STOP", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"]
    + ["UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"]
    + ["STRING", "BINSTRING", "SHORT_BINSTRING"]
    + ["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"]
    + ["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"]
)
# These name a class, and so go to `find_class`, which refuses it by that name.
NAMING_INSTRUCTIONS = frozenset(["GLOBAL", "STACK_GLOBAL", "INST"])


class _Refused(Exception):
    pass


def _refusing(instruction):
    def refuse(unpickler):
        raise _Refused(f"the pickle instruction {instruction}")

    return refuse


class _PlainUnpickler(pickle._Unpickler):
    """The standard library's own reader in Python, with all but plain instructions taken out.

    The reader in C cannot be cut down so, and allocates what a damaged file declares.
    """

    dispatch = {  # noqa: RUF012  (overrides the base class' attribute)
        ord(instruction.code): pickle._Unpickler.dispatch[ord(instruction.code)]
        if instruction.name in PLAIN_INSTRUCTIONS | NAMING_INSTRUCTIONS
        else _refusing(instruction.name)
        for instruction in pickletools.opcodes
    }

    def find_class(self, module, name):
        raise _Refused(f"{module}.{name}")


def _check_types(words):
    if type(words) is not dict:
        raise _Refused(type(words).__name__)
    for word, number in words.items():
        if type(word) is not str:
            raise _Refused(f"a key of type {type(word).__name__}")
        if type(number) is not int:
            raise _Refused(f"a value of type {type(number).__name__} for {word!r}")


def read_dictionary(path):
    """Reads a pickled dict of str to int.

    Args:
        path: File, pickled by Python 2 or 3 under any protocol.

    Returns:
        The dict.

    Raises:
        ValueError: If anything but dict, str and int appears in it; the message names it.
        OSError: If the file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        words = _PlainUnpickler(io.BytesIO(data), encoding="utf-8").load()
        _check_types(words)
    except _Refused as refused:
        received = str(refused)
    except Exception as error:  # what a damaged pickle raises depends on where it is damaged
        received = f"a damaged pickle ({type(error).__name__}: {error})"
    else:
        return words
    raise errors.refusal(
        f"{str(path)!r} is not a plain dictionary",
        "a pickle of dict, str and int alone; nothing in it was executed",
        received,
    )
