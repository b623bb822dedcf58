"""Spikes of kinds as those of all maps."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled
from spikeseg_lava.engine.division import Reciprocal, quotient
from spikeseg_lava.engine.layer_record import copies_of


@compiled
def copied_spikes(layer, offsets, index):
    """Offsets and index of the spikes of all maps, given those of the kinds, index = place * kinds + kind."""
    maps, ends = copies_of(layer)
    over_kinds = Reciprocal(np.uint64(layer.over_kinds), np.uint64(layer.over_kinds_shift))
    kinds, channels = layer.kinds, maps.size
    total = 0
    for e in range(np.uint64(index.size)):
        kind = np.uint64(index[e] - quotient(index[e], over_kinds) * kinds)
        total += ends[kind + np.uint64(1)] - ends[kind]
    out_offsets, copies = np.zeros(offsets.size, np.int64), np.empty(total, np.int32)
    count = np.uint64(0)
    for s in range(offsets.size - 1):
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            place = quotient(index[e], over_kinds)
            kind = np.uint64(index[e] - place * kinds)
            first = np.uint64(ends[kind])
            number = np.uint64(ends[kind + np.uint64(1)]) - first
            for m in range(number):
                copies[count + m] = place * channels + maps[first + m]
            count += number
        out_offsets[s + 1] = count
    return out_offsets, copies
