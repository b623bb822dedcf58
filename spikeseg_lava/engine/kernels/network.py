"""All layers in one compiled call: the OR-pool per event, and the copying of spikes to maps that fire alike.

A pool window fires once per step, however many spikes it sees.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.conv import conv_steps
from spikeseg_lava.engine.kernels.record import Reciprocal, array_at, copies_of, over_line, quotient


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
    marked, lines, channels = array_at(layer.marked, np.int64), over_line(layer), layer.distinct
    over_channels = Reciprocal(np.uint64(layer.over_distinct), np.uint64(layer.over_distinct_shift))
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


@compiled
def copied_spikes(layer, offsets, index):
    """Offsets and index of the spikes of all maps, given those of the distinct ones.

    `index` = place * distinct + number of the distinct map.
    """
    maps, ends = copies_of(layer)
    over_distinct = Reciprocal(np.uint64(layer.over_distinct), np.uint64(layer.over_distinct_shift))
    distinct, channels = layer.distinct, maps.size
    total = 0
    for e in range(np.uint64(index.size)):
        source = np.uint64(index[e] - quotient(index[e], over_distinct) * distinct)
        total += ends[source + np.uint64(1)] - ends[source]
    out_offsets, copies = np.zeros(offsets.size, np.int64), np.empty(total, np.int32)
    count = np.uint64(0)
    for s in range(offsets.size - 1):
        for e in range(np.uint64(offsets[s]), np.uint64(offsets[s + 1])):
            place = quotient(index[e], over_distinct)
            source = np.uint64(index[e] - place * distinct)
            first = np.uint64(ends[source])
            number = np.uint64(ends[source + np.uint64(1)]) - first
            for m in range(number):
                copies[count + m] = place * channels + maps[first + m]
            count += number
        out_offsets[s + 1] = count
    return out_offsets, copies


@compiled
def run_layers(layers, accumulator, offsets, index, payload, copied):
    """Run layers LAYER[L] one after another over the same steps.

    `accumulator`: an empty array of the type of all drives and weights. Layers exchange the spikes of
    distinct maps; where `copied`, the result is expanded to all maps: offsets Int64[L, steps + 1], index Int32[N] of
    layer after layer, and where each of them ends, Int64[L + 1].
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
        out_offsets, copies = copied_spikes(layer, offsets, index) if copied and layer.copies else (offsets, index)
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
