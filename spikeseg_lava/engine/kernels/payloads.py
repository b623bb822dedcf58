"""Events in and rows out: the nonzero values of a clip, the counts of time bins, and spikes as sorted rows.

A clip is read once, 64 values at a time; counting bins needs no dense frame, so memory and time follow the events.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.record import borrowed, quotient
from spikeseg_lava.engine.kernels.vectors import MASK, count_bits, lowest_bit, lowest_bit_or_0, nonzero_mask

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
def column_by_column(offsets, index, values, channels, over_channels, height, width, over_width):
    """The events of each step, listed row by row, as Lava lists them: column by column.

    `index` = (y * W + x) * C + c becomes (x * H + y) * C + c, in ascending order: events of one column stay in the
    order they have, which is that of their rows and channels.
    """
    places, moved, ends = np.empty(index.size, np.int32), np.empty(index.size, values.dtype), np.empty(width, np.int64)
    columns = np.empty(index.size, np.int32)
    for s in range(offsets.size - 1):
        ends[:] = 0
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            place = quotient(index[e], over_channels)
            columns[e] = place - quotient(place, over_width) * width
            ends[np.uint64(columns[e])] += 1
        begin = offsets[s]
        for x in range(np.uint64(width)):
            number = ends[x]
            ends[x] = begin
            begin += number
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            x, place = np.uint64(columns[e]), quotient(index[e], over_channels)
            to = np.uint64(ends[x])
            ends[x] += 1
            y, channel = quotient(place, over_width), index[e] - place * channels
            places[to] = (columns[e] * height + y) * channels + channel
            moved[to] = values[e]
    return places, moved


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
def number_of_rows(index, over_distinct, distinct, source):
    """How many spikes there are when every map `c` has those of distinct map `source[c]`."""
    if source.size == distinct:
        return index.size
    copies, total = np.zeros(distinct, np.int64), 0
    for c in range(np.uint64(source.size)):
        copies[source[c]] += 1
    for e in range(np.uint64(index.size)):
        total += copies[np.uint64(index[e] - quotient(index[e], over_distinct) * distinct)]
    return total


@compiled
def sorted_rows(offsets, index, source, distinct, over_distinct, height, width, over_minor, x_first, first_step, rows):
    """Write `rows` Int64[2 N], of (t and c), (y and x) as two Int32 each, in lexicographic order (t, c, y, x).

    `index` = place * distinct + number of the distinct map, once a step, with place = y * W + x, or x * H + y where
    `x_first`; map c has the spikes of distinct map `source[c]`, so that copies are written and never sorted.

    The events of a step are set as bits of a map with whole words a row, and read off in order. A second map tells the
    words that hold any, so that time follows the events and not the area.
    """
    words = np.uint64((width + 63) >> 6)
    bits = np.zeros(np.uint64(distinct * height) * words, np.uint64)
    listed = np.zeros((bits.size + 63) >> 6, np.uint64)
    ends = np.zeros(distinct + 1, np.int64)
    found = np.empty(np.max(np.diff(offsets)) if offsets.size > 1 else 0, np.int64)
    places, any_of, at, written = borrowed(bits), borrowed(listed), borrowed(found), borrowed(rows)
    minor, count = height if x_first else width, np.uint64(0)
    for s in range(offsets.size - 1):
        if offsets[s] == offsets[s + 1]:
            continue
        ends[:] = 0
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            place = quotient(index[e], over_distinct)
            number, major = index[e] - place * distinct, quotient(place, over_minor)
            rest = place - major * minor
            y, x = (rest, np.uint64(major)) if x_first else (major, np.uint64(rest))
            word = np.uint64(number * height + y) * words + (x >> np.uint64(6))
            places[word] |= ONE << (x & np.uint64(63))
            any_of[word >> np.uint64(6)] |= ONE << (word & np.uint64(63))
            ends[np.uint64(number + 1)] += 1
        for k in range(np.uint64(distinct)):
            ends[k + ONE] += ends[k]
        read_off(any_of, places, words, height, at)
        for c in range(np.uint64(source.size)):
            number = np.uint64(source[c])
            head = np.int64(first_step + s) | (np.int64(c) << 32)
            for k in range(np.uint64(ends[number]), np.uint64(ends[number + ONE])):
                written[count] = head
                written[count + ONE] = at[k]
                count += np.uint64(2)
    return bits, listed, found  # what is borrowed must outlive the loops


@inlined
def read_off(any_of, places, words, height, found):
    """List the bits set in a map as (y and x), in order, and clear it."""
    count = np.uint64(0)
    for k in range(np.uint64(any_of.size)):
        used = any_of[k]
        any_of[k] = np.uint64(0)
        while used:
            word = (k << np.uint64(6)) + lowest_bit(used)
            used &= used - ONE
            line = word // words
            y, x = line % np.uint64(height), (word - line * words) << np.uint64(6)
            mask = places[word]
            places[word] = np.uint64(0)
            while mask:
                found[count] = y | ((x + lowest_bit(mask)) << np.uint64(32))
                mask &= mask - ONE
                count += ONE


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
