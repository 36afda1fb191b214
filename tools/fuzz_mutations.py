"""Damages bytes at random, much as a fuzzer does."""

import re
import struct

NUMBERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
NUMBERS += (2**32, 2**48, 2**60, 2**63 - 1, -(2**63), 2**64 - 1)
TOKENS = ("null", "true", "[]", "{}", '""', "-1", "0", "1e999", "-0.5", "NaN", "Infinity")
TOKENS += ("99999999999999999999", "9" * 5000, '"../../x"', '"/etc/passwd"', '"\\u0000"', "[[[[[[]")
TOKENS += ('"\\ud800"', "\N{RIGHT-TO-LEFT OVERRIDE}", "'", '"', ",", "\t", "\n", "\r\n", "\x00")
_TOKEN = re.compile(rb'"[^"\n]{0,200}"|-?\d[\d.e+-]*|[\[\]{}:,]|[A-Za-z_]+')
MAX_BYTES = 1 << 20


def _place(rng, data):
    return rng.randrange(len(data) + 1)


def _span(rng, data):
    start = _place(rng, data)
    return start, min(len(data), start + int(rng.paretovariate(0.6)))


def _flip(rng, data, seeds):
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_byte(rng, data, seeds):
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _delete(rng, data, seeds):
    start, end = _span(rng, data)
    del data[start:end]


def _repeat(rng, data, seeds):
    start, end = _span(rng, data)
    data[start:start] = data[start:end] * rng.choice((1, 2, 50))


def _insert(rng, data, seeds):
    at = _place(rng, data)
    data[at:at] = rng.randbytes(rng.randrange(1, 20))


def _cut(rng, data, seeds):
    del data[_place(rng, data) :]


def _splice(rng, data, seeds):
    other = rng.choice(seeds)
    start, end = _span(rng, other)
    at, until = _span(rng, data)
    data[at:until] = other[start:end]


def _number(rng, data, seeds):
    number, size = rng.choice(NUMBERS), rng.choice((2, 4, 8))
    packed = struct.pack(rng.choice("<>") + "Q", number % 2**64)
    at = _place(rng, data)
    data[at : at + size] = packed[:size]


def _token(rng, data, seeds):
    found = list(_TOKEN.finditer(data))
    if found:
        start, end = rng.choice(found).span()
        other = rng.choice(TOKENS).encode("utf-8", "surrogatepass")
        if rng.random() < 0.3:
            other = rng.choice(found).group()
        data[start:end] = other


BINARY = (_flip, _set_byte, _delete, _repeat, _insert, _cut, _splice, _number)


def mutate(rng, seeds, text):
    """Damages one of the seeds.

    Args:
        rng: `random.Random`.
        seeds: List of good inputs.
        text: Whether they are text, in which words and numbers are exchanged too.

    Returns:
        Bytes.
    """
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        kinds = (_token,) if text and rng.random() < 0.6 else BINARY
        rng.choice(kinds)(rng, data, seeds)
    return bytes(data[:MAX_BYTES])
