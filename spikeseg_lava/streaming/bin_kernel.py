"""Counting events per bin, polarity and pixel without a dense frame: memory and time follow the events."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled


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
