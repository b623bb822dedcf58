"""The OR-pool executed per event: a window fires once per step however many spikes it sees."""

from __future__ import annotations

import numpy as np
from numba import njit  # type: ignore[import-untyped]


@njit(cache=True, nogil=True)
def pool_steps(offsets, index, first_step, columns_in, kernel, stride, marked):
    """Run consecutive steps; `marked` Int64[rows, columns, C] holds the step in which each window last fired.

    `index` = (row * columns + column) * C + channel of the input. Returns the same for the output: offsets, index.
    """
    rows, columns, channels = marked.shape
    out_offsets = np.zeros(offsets.size, np.int64)
    most = (-(-kernel[0] // stride[0])) * (-(-kernel[1] // stride[1]))
    spikes = np.empty(index.size * most, np.int32)
    count = 0
    for s in range(offsets.size - 1):
        for e in range(offsets[s], offsets[s + 1]):
            place, channel = index[e] // channels, index[e] % channels
            row, column = place // columns_in, place % columns_in
            for y in range(max(0, -((kernel[0] - 1 - row) // stride[0])), min(rows, row // stride[0] + 1)):
                for x in range(max(0, -((kernel[1] - 1 - column) // stride[1])), min(columns, column // stride[1] + 1)):
                    if marked[y, x, channel] != first_step + s:
                        marked[y, x, channel] = first_step + s
                        spikes[count] = (y * columns + x) * channels + channel
                        count += 1
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()
