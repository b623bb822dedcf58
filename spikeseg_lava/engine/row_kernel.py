"""Events as rows (t, c, y, x) in lexicographic order: keys to sort step by step, and rows from the sorted keys."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled
from spikeseg_lava.engine.division import quotient


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
