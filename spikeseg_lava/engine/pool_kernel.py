"""The OR-pool executed per event: a window fires once per step however many spikes it sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.compilation import compiled, inlined
from spikeseg_lava.engine.division import Reciprocal, quotient, reciprocal
from spikeseg_lava.engine.reach import Reach

NOWHERE = -(2**40)  # added to any place it stays negative


class PoolLayout(NamedTuple):
    """Whole numbers: of the input `channels` and `width` with what divides by them, `columns` of windows, and the
    `most` windows that see one event."""

    channels: int
    width: int
    over_channels: Reciprocal
    over_width: Reciprocal
    columns: int
    most: int


class Windows(NamedTuple):
    """Which windows see an input event.

    Attributes:
        row: Int64[input rows, 2]: first and last row of windows.
        column: Int64[input columns, 2]: first and last column of windows.
        row_place, column_place: where at most one window sees an event, what they add to its flat place.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    row_place: NDArray[np.int64]
    column_place: NDArray[np.int64]


def windows(channels: int, width: int, columns_out: int, rows: Reach, columns: Reach) -> tuple[PoolLayout, Windows]:
    """Numbers and tables of a pool over input of `channels` maps and `width` columns."""
    most = rows.taps * columns.taps
    layout = PoolLayout(channels, width, reciprocal(channels), reciprocal(width), columns_out, most)
    row_place = np.where(rows.count > 0, rows.first * columns_out * channels, NOWHERE)
    column_place = np.where(columns.count > 0, columns.first * channels, NOWHERE)
    row, column = (np.stack([side.first, side.last], axis=1) for side in (rows, columns))
    return layout, Windows(row, column, row_place, column_place)


@inlined
def fire_window(window, step, marked, spikes, count):
    """Add a window to the spikes unless it is there since `step`; returns their new number."""
    unsigned = np.uint64(window)
    spikes[np.uint64(count)] = window
    count += np.int64(marked[unsigned] != step)
    marked[unsigned] = step
    return count


@compiled
def pool_steps(offsets, index, first_step, layout, windows, marked):
    """Run consecutive steps; `marked` Int64[windows * C] holds the step in which each window last fired.

    `index` = (row * columns + column) * C + channel of the input. Returns the same for the output: offsets, index.
    """
    row_table, column_table = windows.row, windows.column
    row_place, column_place = windows.row_place, windows.column_place
    out_offsets = np.zeros(offsets.size, np.int64)
    spikes = np.empty(index.size * layout.most + 1, np.int32)
    count = 0
    for s in range(offsets.size - 1):
        step = first_step + s
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            place = quotient(index[e], layout.over_channels)
            channel = index[e] - place * layout.channels
            row = quotient(place, layout.over_width)
            y, x = np.uint64(row), np.uint64(place - row * layout.width)
            if layout.most == 1:
                window = row_place[y] + column_place[x] + channel
                if window >= 0:
                    count = fire_window(window, step, marked, spikes, count)
            else:
                for i in range(row_table[row, 0], row_table[row, 1] + 1):
                    for j in range(column_table[x, 0], column_table[x, 1] + 1):
                        window = (i * layout.columns + j) * layout.channels + channel
                        count = fire_window(window, step, marked, spikes, count)
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()
