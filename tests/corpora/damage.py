"""Damaged copies of files, for readers to refuse or to survive."""

import random


def mutations(data, count, seed):
    """Yields damaged copies of a file: bytes changed, cut out, repeated, or cut off."""
    rng = random.Random(seed)
    spice = [b"\n", b",", b'"', b"\t", b"\0", b"\xff", b"[", b"]", b"-", b"nan", b"1e999", b"../"]
    spice += [b"{", b"}", b"null", b"\\ud800", b"_", b"Ses", b"XX", b"9" * 30, b" ", b"\r"]
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            start = rng.randrange(len(copy) + 1)
            end = min(len(copy), start + rng.choice([0, 0, 1, 2, 40]))
            copy[start:end] = rng.choice(
                [*spice, bytes([rng.randrange(256)]), copy[end : end + 50]]
            )
        yield bytes(copy)
