"""The OR-pool executed per event: a window fires once per step however many spikes it sees."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.addresses import array_at
from spikeseg_lava.engine.compilation import compiled, inlined
from spikeseg_lava.engine.division import Reciprocal, quotient
from spikeseg_lava.engine.layer_record import over_line


@inlined
def fire_window(window, step, marked, spikes, count):
    """Add a window to the spikes unless it is there since `step`; returns their new number."""
    unsigned = np.uint64(window)
    spikes[np.uint64(count)] = window
    count += np.int64(marked[unsigned] != step)
    marked[unsigned] = step
    return count


@compiled
def pool_steps(layer, offsets, index):
    """Run consecutive steps; `marked` holds the step in which each window last fired.

    `index` = (row * columns + column) * C + channel of the input. Returns the same for the output: offsets, index.
    """
    first_step, out_offsets = layer.step, np.zeros(offsets.size, np.int64)
    layer.step += offsets.size - 1
    first_row, last_row = array_at(layer.first_row, np.int64), array_at(layer.last_row, np.int64)
    first_column, last_column = array_at(layer.first_column, np.int64), array_at(layer.last_column, np.int64)
    row_place, column_place = array_at(layer.row_place, np.int64), array_at(layer.column_place, np.int64)
    marked, lines, channels = array_at(layer.marked, np.int64), over_line(layer), layer.kinds
    over_channels = Reciprocal(np.uint64(layer.over_kinds), np.uint64(layer.over_kinds_shift))
    spikes, count, most, line = np.empty(index.size * layer.most + 1, np.int32), 0, layer.most, layer.line
    for s in range(offsets.size - 1):
        step = first_step + s
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            row = quotient(index[e], lines)
            inside = index[e] - row * line
            column = quotient(inside, over_channels)
            channel, y, x = inside - column * channels, np.uint64(row), np.uint64(column)
            if most == 1:
                window = row_place[y] + column_place[x] + channel
                if window >= 0:
                    count = fire_window(window, step, marked, spikes, count)
            else:
                for i in range(first_row[y], last_row[y] + 1):
                    for j in range(first_column[x], last_column[x] + 1):
                        window = (i * layer.columns + j) * channels + channel
                        count = fire_window(window, step, marked, spikes, count)
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()
