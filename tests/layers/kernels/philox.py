"""Philox 4x32-10 in NumPy (Salmon et al., 2011), and dropout by it."""

import numpy as np

GROUP, BLOCKS = 128, 16


def draw(counter, key):
    """Draws four 32-bit numbers for each counter `(..., 4)` from a key of two numbers."""
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint64), -1, 0)
    k0, k1 = (np.uint64(number) for number in key)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (second >> shift) ^ c1 ^ k0,
            second & mask,
            (first >> shift) ^ c3 ^ k1,
            first & mask,
        )
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
    return np.stack([c0, c1, c2, c3], axis=-1)


def dropout_factors(shape, rate, seed):
    """Computes what the compiled kernel multiplies inputs `(batch, time, dim)` with."""
    batch, time, dim = shape
    groups = -(-dim // GROUP)
    row, step, block = np.meshgrid(
        np.arange(batch), np.arange(time), np.arange(groups * BLOCKS), indexing="ij"
    )
    low, high = ([int(n) & 0xFFFFFFFF, int(n) >> 32 & 0xFFFFFFFF] for n in seed)
    key = low[0] ^ high[1], high[0] ^ low[1]
    drawn = draw(np.stack([block, step, row, np.zeros_like(row)], axis=-1), key)
    halves = np.stack([drawn & np.uint64(0xFFFF), drawn >> np.uint64(16)], axis=-1)
    # Of a group's 16 blocks, all first halves of their first numbers come first.
    halves = halves.reshape(batch, time, groups, BLOCKS, 8).swapaxes(-1, -2)
    threshold = round(rate * 65536)
    kept = halves.reshape(batch, time, groups * GROUP)[..., :dim] >= threshold
    return np.where(kept, 65536 / (65536 - threshold), 0).astype(np.float32)
