"""Events in and rows out: the nonzero values of a clip, the counts of time bins, and spikes as sorted rows.

A clip is read once, 64 values at a time; counting bins needs no dense frame, so memory and time follow the events.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.record import borrowed, quotient
from spikeseg_lava.engine.kernels.vectors import MASK, count_bits, lowest_bit_or_0, nonzero_mask

BLOCK, ONE = np.uint64(MASK), np.uint64(1)
AT_ONCE = np.uint64(4)
EXPECTED = 16  # one value in so many is taken to be other than zero; where there are more, room is made


@inlined
def mask_of(values, at, length):
    """UInt64 whose bit k says whether `values[at + k]` is not zero (not-a-number is not), for up to 64 values."""
    if length == BLOCK:
        return nonzero_mask(values, at)
    if at + BLOCK <= np.uint64(values.size):
        return nonzero_mask(values, at) & ((ONE << length) - ONE)
    mask = np.uint64(0)
    for k in range(length):
        mask |= np.uint64(values[at + k] != 0) << k
    return mask


@inlined
def list_block(mask, flat, begin, first, channels, index, values, count):
    """List the values whose bits are set in `mask`; returns the new length.

    Always four at a time: a surplus one is overwritten by the next, and the core predicts the number of rounds better
    than the number of values.
    """
    for k in range(np.uint64(0), count_bits(mask), AT_ONCE):
        for j in range(AT_ONCE):
            bit = lowest_bit_or_0(mask)
            index[count + k + j] = first + np.int64(bit) * channels
            values[count + k + j] = flat[begin + bit]
            mask &= mask - ONE
    return count


@compiled
def enlarged(values, count):
    """Twice as long, with the first `count` values."""
    larger = np.empty(2 * values.size, values.dtype)
    for k in range(count):  # compiles in a tenth of the time of a slice
        larger[k] = values[k]
    return larger


@compiled
def nonzero_values(clip):
    """Of a clip [T, C, H, W]: offsets Int64[T + 1], index Int32[N] = (y * W + x) * C + c, and the values [N].

    Those of a step come row by row.
    """
    steps, channels, height, width = clip.shape
    flat, area, columns = clip.reshape(-1), np.uint64(height * width), np.uint64(width)
    offsets = np.zeros(steps + 1, np.int64)
    most = channels * width + 4
    room = clip.size // EXPECTED + most
    index, values = np.empty(room, np.int32), np.empty(room, clip.dtype)
    count = np.uint64(0)
    for s in range(steps):
        for y in range(np.uint64(height)):
            if np.int64(count) + most > index.size:
                index, values = enlarged(index, np.int64(count)), enlarged(values, np.int64(count))
            clip_values, to, found = borrowed(flat), borrowed(index), borrowed(values)
            for c in range(channels):
                begin, first = np.uint64(s * channels + c) * area + y * columns, np.int64(y * columns) * channels + c
                for x in range(np.uint64(0), columns, BLOCK):
                    mask = mask_of(clip_values, begin + x, min(BLOCK, columns - x))
                    list_block(mask, clip_values, begin + x, first + np.int64(x) * channels, channels, to, found, count)
                    count += count_bits(mask)
        offsets[s + 1] = count
    return offsets, index[: np.int64(count)], values[: np.int64(count)]


@compiled
def payloads_of(values, scale, largest):
    """`round(value * scale)` as Int32, whether all are within 1 to `largest`, and whether any is 0."""
    payload, within, zero = np.empty(values.size, np.int32), True, False
    for k in range(values.size):
        scaled = np.float64(values[k]) * scale
        within &= (scaled >= 0) & (scaled <= largest)
        payload[k] = np.int32(np.rint(scaled))
        zero |= payload[k] == 0
    return payload, within, zero


@compiled
def keys_of(index, channels, over_channels, area):
    """Int32[N]: c * area + place of every event, `index` = place * C + c."""
    keys = np.empty(index.size, np.int32)
    for e in range(np.uint64(index.size)):
        place = quotient(index[e], over_channels)
        keys[e] = (index[e] - place * channels) * area + place
    return keys


@compiled
def rows_of(offsets, keys, first_step, area, over_area, width, over_width):
    """Int32[N, 4] of keys."""
    rows = np.empty((keys.size, 4), np.int32)
    for s in range(offsets.size - 1):
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            channel = quotient(keys[e], over_area)
            place = keys[e] - channel * area
            y = quotient(place, over_width)
            rows[e, 0], rows[e, 1], rows[e, 2], rows[e, 3] = first_step + s, channel, y, place - y * width
    return rows


@compiled
def count_bins(x, y, p, bounds, rows, columns, width, counts):
    """Counts of bins `bounds[k]:bounds[k + 1]`, and the largest of each bin.

    `rows`, `columns` give the frame's row and column of each of the sensor's; `counts` Int32[height * width * 2] is all
    zero before and after. Returns offsets Int64[bins + 1], index Int32[N] = (row * width + column) * 2 + p, counts
    Int32[N], and for each of the N the largest count of its bin.
    """
    offsets = np.zeros(bounds.size, np.int64)
    index, found = np.empty(x.size, np.int32), np.empty(x.size, np.int32)
    largest = np.empty(x.size, np.int32)
    total = 0
    for k in range(bounds.size - 1):
        begin = total
        for e in range(bounds[k], bounds[k + 1]):
            place = (rows[y[e]] * width + columns[x[e]]) * 2 + p[e]
            index[total] = place
            total += np.int64(counts[place] == 0)
            counts[place] += 1
        most = np.int32(0)
        for n in range(begin, total):
            found[n] = counts[index[n]]
            counts[index[n]] = 0
            most = max(most, found[n])
        largest[begin:total] = most
        offsets[k + 1] = total
    return offsets, index[:total].copy(), found[:total].copy(), largest[:total].copy()
