"""Finding the few values of a clip that are not zero: one pass over memory, 64 values at a time."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled, inlined
from spikeseg_lava.engine.vectors import MASK, lowest_bit, nonzero_mask

BLOCK = np.uint64(MASK)
ONE = np.uint64(1)


@inlined
def count_nonzero(values):
    """How many of the values are not zero (not-a-number is not)."""
    count = 0
    for k in range(np.uint64(values.size)):
        count += np.int64(values[k] != 0)
    return count


@inlined
def mask_of(values, at, length):
    """UInt64 whose bit k says whether `values[at + k]` is not zero, for up to 64 values."""
    if length == BLOCK:
        return nonzero_mask(values, at)
    mask = np.uint64(0)
    for k in range(length):
        mask |= np.uint64(values[at + k] != 0) << k
    return mask


@compiled
def nonzero_values(clip):
    """Of a clip [T, C, H, W]: offsets Int64[T + 1], index Int32[N] = (y * W + x) * C + c, and the values [N]."""
    steps, channels, height, width = clip.shape
    flat, area = clip.reshape(-1), np.uint64(height * width)
    offsets = np.zeros(steps + 1, np.int64)
    total = count_nonzero(flat)
    index, values = np.empty(total, np.int32), np.empty(total, clip.dtype)
    count, at = np.uint64(0), np.uint64(0)
    for s in range(steps):
        for c in range(channels):
            place = np.uint64(0)
            while place < area:
                length = min(BLOCK, area - place)
                mask = mask_of(flat, at + place, length)
                while mask:
                    found = place + lowest_bit(mask)
                    index[count] = np.int64(found) * channels + c
                    values[count] = flat[at + found]
                    count += ONE
                    mask &= mask - ONE
                place += length
            at += area
        offsets[s + 1] = count
    return offsets, index, values
