"""Finding the few values of a clip that are not zero: one pass over memory, blocks without any are passed at once."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled, inlined

BLOCK = 16


@inlined
def count_nonzero(values):
    """How many of the values are not zero (not-a-number is not)."""
    count = 0
    for k in range(np.uint64(values.size)):
        count += np.int64(values[k] != 0)
    return count


@inlined
def any_nonzero(values, first, end):
    """Whether any value of a stretch is not zero."""
    found = False
    for k in range(first, end):
        found |= values[k] != 0
    return found


@compiled
def nonzero_values(clip):
    """Of a clip [T, C, H, W]: offsets Int64[T + 1], index Int32[N] = (y * W + x) * C + c, and the values [N]."""
    steps, channels, height, width = clip.shape
    flat, area = clip.reshape(-1), np.uint64(height * width)
    offsets = np.zeros(steps + 1, np.int64)
    total = count_nonzero(flat)
    index, values = np.empty(total + 1, np.int32), np.empty(total + 1, clip.dtype)  # one more, for the writing ahead
    count, at = np.uint64(0), np.uint64(0)
    for s in range(steps):
        for c in range(channels):
            place = np.uint64(0)
            while place < area:
                end = min(place + np.uint64(BLOCK), area)
                if any_nonzero(flat, at + place, at + end):
                    for k in range(place, end):
                        value = flat[at + k]
                        index[count] = np.int64(k) * channels + c
                        values[count] = value
                        count += np.uint64(value != 0)
                place = end
            at += area
        offsets[s + 1] = count
    return offsets, index[:total].copy(), values[:total].copy()
