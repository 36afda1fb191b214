"""Reads a pickled dictionary of words to ids without executing anything."""

import io
import pickle
import pickletools
from pathlib import Path

# Opcodes that build dict, str and int, from Python 2 and 3, and keep the memo. None of them
# can name a class or call anything.
PLAIN_OPCODES = frozenset(
    ["PROTO", "FRAME", "MARK", "STOP", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"]
    + ["UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"]
    + ["STRING", "SHORT_BINSTRING", "BINSTRING"]
    + ["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"]
    + ["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"]
)
MEMO_OPCODES = frozenset(["PUT", "BINPUT", "LONG_BINPUT"])


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name}")


def _refuse(path, what):
    raise ValueError(
        f"{str(path)!r} is not a plain dictionary. Expected a pickle of dict, str and int "
        f"alone; nothing in it was executed. Received: {what}."
    )


def _check_opcodes(path, data):
    strings = []  # STACK_GLOBAL takes its name from the last two strings
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(data):
            count += 1
            if isinstance(argument, str):
                strings = [*strings[-1:], argument]
            if opcode.name == "STACK_GLOBAL":
                _refuse(path, ".".join(strings))
            if opcode.name in ("GLOBAL", "INST"):
                _refuse(path, argument.replace(" ", "."))
            if opcode.name not in PLAIN_OPCODES:
                _refuse(path, f"the pickle instruction {opcode.name}")
            # The C unpickler allocates its memo up to the largest index named.
            if opcode.name in MEMO_OPCODES and not 0 <= argument <= count:
                _refuse(path, f"memo index {argument} after {count} instructions")
    except ValueError as error:
        if str(path) in str(error):
            raise
        _refuse(path, f"a damaged pickle ({error})")


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
    path = Path(path)
    data = path.read_bytes()
    _check_opcodes(path, data)
    try:
        words = _PlainUnpickler(io.BytesIO(data), encoding="utf-8").load()
    except Exception as error:
        _refuse(path, f"a damaged pickle ({error})")
    if type(words) is not dict:
        _refuse(path, type(words).__name__)
    for word, number in words.items():
        if type(word) is not str:
            _refuse(path, f"a key of type {type(word).__name__}")
        if type(number) is not int:
            _refuse(path, f"a value of type {type(number).__name__} for {word!r}")
    return words
