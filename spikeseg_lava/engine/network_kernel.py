"""All layers in one compiled call."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled
from spikeseg_lava.engine.conv_kernel import conv_steps
from spikeseg_lava.engine.copy_kernel import copied_spikes
from spikeseg_lava.engine.pool_kernel import pool_steps


@compiled
def network_steps(layers, accumulator, offsets, index, payload):
    """Run layers LAYER[L] one after another over the same steps.

    `accumulator`: an empty array of the type of all drives and weights. Between layers travel the spikes of kinds; what
    is returned are those of all maps: offsets Int64[L, steps + 1], index Int32[N] of layer after layer, and where each
    of them ends, Int64[L + 1].
    """
    all_offsets, ends = np.empty((layers.size, offsets.size), np.int64), np.zeros(layers.size + 1, np.int64)
    found = [index]
    for k in range(layers.size):
        layer = layers[k]
        if layer.pools:
            offsets, index = pool_steps(layer, offsets, index)
        else:
            offsets, index = conv_steps(layer, accumulator, offsets, index, payload)
        payload = np.ones(index.size, np.int32)
        out_offsets, copies = copied_spikes(layer, offsets, index) if layer.copies else (offsets, index)
        for s in range(offsets.size):
            all_offsets[k, s] = out_offsets[s]
        ends[k + 1] = ends[k] + copies.size
        found.append(copies)
    everything = np.empty(ends[-1], np.int32)
    for k in range(layers.size):
        copies, begin = found[k + 1], np.uint64(ends[k])
        for e in range(np.uint64(copies.size)):
            everything[begin + e] = copies[e]
    return all_offsets, everything, ends
