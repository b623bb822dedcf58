"""The OR-pool executed per event: a window fires once per step however many spikes it sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.compilation import compiled
from spikeseg_lava.engine.division import Reciprocal, quotient, reciprocal
from spikeseg_lava.engine.reach import Reach


class Windows(NamedTuple):
    """Which windows see an input event: tables per row and per column of the input."""

    channels: int
    over_channels: Reciprocal
    over_width: Reciprocal
    width: int
    most: int
    row_first: NDArray[np.int64]
    row_last: NDArray[np.int64]
    column_first: NDArray[np.int64]
    column_last: NDArray[np.int64]


def windows(channels: int, width: int, rows: Reach, columns: Reach) -> Windows:
    """The tables of a pool over input of `channels` maps, `width` columns."""
    most = rows.taps * columns.taps
    sides = rows.first, rows.last, columns.first, columns.last
    return Windows(channels, reciprocal(channels), reciprocal(width), width, most, *sides)


@compiled
def pool_steps(offsets, index, first_step, windows, marked):
    """Run consecutive steps; `marked` Int64[rows, columns, C] holds the step in which each window last fired.

    `index` = (row * columns + column) * C + channel of the input. Returns the same for the output: offsets, index.
    """
    _, columns, channels = marked.shape
    flat = marked.reshape(-1)
    out_offsets = np.zeros(offsets.size, np.int64)
    spikes = np.empty(index.size * windows.most, np.int32)
    count = 0
    for s in range(offsets.size - 1):
        step = first_step + s
        for e in range(offsets[s], offsets[s + 1]):
            place = quotient(index[e], windows.over_channels)
            channel = index[e] - place * channels
            row = quotient(place, windows.over_width)
            column = place - row * windows.width
            for y in range(windows.row_first[row], windows.row_last[row] + 1):
                for x in range(windows.column_first[column], windows.column_last[column] + 1):
                    window = np.uint64((y * columns + x) * channels + channel)
                    spikes[count] = window
                    count += np.int64(flat[window] != step)
                    flat[window] = step
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()
