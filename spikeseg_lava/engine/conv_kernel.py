"""The spiking convolution executed per event: list the tiles an event reaches, add its weights, update the tiles once.

Idle neurons cost nothing: a tile is leaked only when it is next touched. For leak >= 0 and threshold > 0 an idle neuron
cannot fire, and

    n idle steps, subtractive     V = max(V - n L, lower bound)            lower bound 0 with a floor, else -2**23
    n idle steps, multiplicative  V = sign(V) * ((|V| (4096 - D)) >> 12)   n times, until it is 0

are exactly what n steps of DESIGN section 2 do. Indices of the inner loops are unsigned: only so do they become vector
instructions. Where events go and adding them are two loops: in one, the registers do not suffice.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled, inlined
from spikeseg_lava.engine.division import quotient
from spikeseg_lava.engine.tile_kernel import catch_up, emit, fire, integrate_multiplicative, integrate_subtractive
from spikeseg_lava.engine.vectors import VECTOR, add_scaled, lowest_bit

LANE, SLOT, TOP, BOTTOM = (np.uint64(k) for k in range(4))  # columns of the tables
NONE, ONE, LANES = np.uint64(0), np.uint64(1), np.uint64(VECTOR)


@inlined
def add_tiles(row, tiles, reached, listed, count):
    """Add tiles (a bit each) to those reached in a row; the first puts the row on a list. Returns its length."""
    before = reached[row]
    listed[np.uint64(count)] = row
    count += np.int64((before == NONE) & (tiles != NONE))
    reached[row] = before | tiles
    return count


@inlined
def spread(count, rows, seen, sources, reached, listed):
    """Hand the tiles listed by input row to all output rows that see it; returns how many rows are reached."""
    found = 0
    for k in range(np.uint64(count)):
        row = np.uint64(sources[k])
        tiles, seen[row] = seen[row], NONE
        for y in range(np.uint64(rows[row, TOP]), np.uint64(rows[row, BOTTOM] + 1)):
            found = add_tiles(y, tiles, reached, listed, found)
    return found


@inlined
def locate(first, last, index, layout, synapses, seen, sources, target, source):
    """Where events `first` to `last` add, and which weights; lists the input rows they lie in and their tiles."""
    rows, columns, reach = synapses.row, synapses.column, synapses.reach
    count, current, tiles = 0, NONE, NONE
    for e in range(np.uint64(first), np.uint64(last)):
        place = quotient(index[e], layout.over_channels)
        row = quotient(place, layout.over_width)
        y, x = np.uint64(row), np.uint64(place - row * layout.width)
        if y != current:
            count = add_tiles(current, tiles, seen, sources, count)
            current, tiles = y, NONE
        tiles |= reach[x]
        target[e] = rows[y, LANE] + columns[x, LANE]
        source[e] = rows[y, SLOT] + columns[x, SLOT] + (index[e] - place * layout.channels) * layout.slot
    return add_tiles(current, tiles, seen, sources, count) if tiles else count


@inlined
def scatter(first, last, payload, target, source, taps, offset, drive):
    """Add the weights of events `first` to `last` to the drive."""
    for e in range(np.uint64(first), np.uint64(last)):
        to, weights, amount = np.uint64(target[e]), np.uint64(source[e]), payload[e]
        for k in range(np.uint64(offset.size)):
            add_scaled(drive, to + offset[k], taps, weights + k * LANES, amount)


@compiled
def conv_steps(offsets, index, payload, first_step, since, layout, synapses, neuron, state):
    """Run consecutive steps of one layer; input events of step s are `index[offsets[s]:offsets[s + 1]]`.

    `index` = (row * columns + column) * I + channel of the input. Returns the same for the output: offsets, index.
    """
    threshold, leak, enough, decay = neuron.threshold, neuron.leak, neuron.enough, neuron.decay
    drive, membrane, fired, spiked = state.drive, state.membrane, state.fired, state.spiked
    seen, sources, reached, listed, updated = state.seen, state.sources, state.reached, state.listed, state.updated
    out_offsets = np.zeros(offsets.size, np.int64)
    target, source = np.empty(index.size, np.int64), np.empty(index.size, np.int64)
    spikes = np.empty(1024, np.int32)
    count, margin = 0, np.uint64(layout.margin)
    for s in range(offsets.size - 1):
        step = first_step + s
        found = locate(offsets[s], offsets[s + 1], index, layout, synapses, seen, sources, target, source)
        scatter(offsets[s], offsets[s + 1], payload, target, source, synapses.taps, synapses.offset, drive)
        found = spread(found, synapses.row, seen, sources, reached, listed)
        spikes = with_room(spikes, count, found * layout.tiles * layout.lanes)
        for k in range(np.uint64(found)):
            row = np.uint64(listed[k])
            tiles, reached[row] = reached[row], NONE
            while tiles:
                tile = row * np.uint64(layout.tiles) + lowest_bit(tiles)
                tiles &= tiles - ONE
                if updated[tile] < max(step - 1, since):
                    catch_up(tile, step - 1, since, layout, membrane, fired, updated, leak, enough, decay)
                updated[tile] = step
                base = tile * np.uint64(layout.lanes)
                if layout.multiplicative:
                    fires = integrate_multiplicative(base, margin, drive, membrane, threshold, decay, layout.lower)
                else:
                    fires = integrate_subtractive(base, margin, drive, membrane, threshold, leak, layout.lower)
                if fires and fire(base, membrane, fired, spiked, threshold, layout.fire_once):
                    count = emit(np.int64(tile), layout, spiked, spikes, count)
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()


@compiled
def with_room(spikes, count, more):
    """The list of spikes, grown where `more` could not be added to its first `count`."""
    if spikes.size >= count + more:
        return spikes
    larger = np.empty(2 * (count + more), np.int32)
    larger[:count] = spikes[:count]
    return larger


@compiled
def settle(step, since, layout, neuron, state):
    """Leak every neuron up to and including `step`: after this, the membranes are what a per-step simulation holds."""
    membrane, fired, updated = state.membrane, state.fired, state.updated
    leak, enough, decay = neuron.leak, neuron.enough, neuron.decay
    for tile in range(np.uint64(updated.size)):
        catch_up(tile, step, since, layout, membrane, fired, updated, leak, enough, decay)
        updated[tile] = step
