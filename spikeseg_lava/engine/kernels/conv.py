"""The spiking convolution executed per event: find where an event adds, add its weights, update the tiles once.

Idle neurons cost nothing: a tile is leaked only when it is next touched. For L = leak - bias >= 0 and threshold > 0 an
idle neuron cannot fire, and

    n idle steps, subtractive     V = max(V - n L, lower bound)                    lower bound 0 with a floor, or -2**23
    n idle steps, multiplicative  V = sign(V) * ((|V| (4096 - D)) >> 12) + bias    n times, or until it stays

are exactly what n steps of `docs/fixed-point.md` do. A layer with a neuron that rises by itself (L < 0) is *restless*:
all of its tiles are updated in every step. Indices of the inner loops are unsigned, because LLVM vectorizes only those.
Locating events and adding their weights are two loops: a fused loop runs out of registers.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.record import array_at, borrowed, over_line, quotient
from spikeseg_lava.engine.kernels.tile import catch_up, update_tile
from spikeseg_lava.engine.kernels.vectors import MASK, VECTOR, add_rows, lowest_bit

NONE, ONE, LANES = np.uint64(0), np.uint64(1), np.uint64(VECTOR)
SLOT_SHIFT, TARGET_MASK = np.uint64(32), np.uint64(2**32 - 1)
STREAMS = np.uint64(8)


@inlined
def add_tiles(row, tiles, reached, listed, count):
    """Add tiles (a bit each) to those reached in a row; the first puts the row on a list. Returns its length."""
    before = reached[row]
    listed[np.uint64(count)] = row
    count += np.int64((before == NONE) & (tiles != NONE))
    reached[row] = before | tiles
    return count


@inlined
def spread(count, first_row, last_row, seen, sources, reached, listed):
    """Add the tiles listed for an input row to all output rows that see it; returns how many rows are reached."""
    found = 0
    for k in range(np.uint64(count)):
        row = np.uint64(sources[k])
        tiles, seen[row] = seen[row], NONE
        for y in range(np.uint64(first_row[row]), np.uint64(last_row[row] + 1)):
            found = add_tiles(y, tiles, reached, listed, found)
    return found


@inlined
def locate(first, last, index, line, over_line, row, column, tile_mask, seen, sources, where):
    """Where events `first` to `last` add and which weights; lists the input rows they lie in and their tiles."""
    count, current, tiles = 0, NONE, NONE
    begin, base = np.int64(-line), NONE
    for e in range(first, last):
        if np.uint64(index[e] - begin) >= np.uint64(line):  # another row; events mostly come row by row
            count = add_tiles(current, tiles, seen, sources, count)
            current, tiles = np.uint64(quotient(index[e], over_line)), NONE
            begin, base = np.int64(current) * line, row[current]
        x = np.uint64(index[e] - begin)
        tiles |= tile_mask[x]
        where[e] = base + column[x]
    return add_tiles(current, tiles, seen, sources, count) if tiles else count


@inlined
def add_5_rows(to, weights, amount, taps, pitch, rows, vectors, drive):
    """Add the weights of one event: five rows of one vector."""
    add_rows(drive, to, pitch, taps, weights, amount, 5)


@inlined
def add_any_rows(to, weights, amount, taps, pitch, rows, vectors, drive):
    """Add the weights of one event: so many rows of so many vectors."""
    for _ in range(rows):
        for k in range(vectors):
            add_rows(drive, to + k * LANES, pitch, taps, weights, amount, 1)
            weights += LANES
        to += pitch


@inlined
def add_events(add, first, last, payload, where, taps, pitch, rows, vectors, drive):
    """Add the weights of events `first` to `last`, each by `add`.

    Eight parts of them are interleaved: an addition to the place of the one before would have to wait for it.
    """
    part = (last - first) // STREAMS
    for e in range(first, first + part):
        for k in range(STREAMS):
            at = where[e + k * part]
            add(at & TARGET_MASK, at >> SLOT_SHIFT, payload[e + k * part], taps, pitch, rows, vectors, drive)
    for e in range(first + STREAMS * part, last):
        add(where[e] & TARGET_MASK, where[e] >> SLOT_SHIFT, payload[e], taps, pitch, rows, vectors, drive)


@inlined
def scatter(first, last, payload, where, taps, pitch, rows, vectors, drive):
    """Add the weights of events `first` to `last` to the drive; the commonest kernel has code of its own."""
    if vectors == 1 and rows == 5:
        add_events(add_5_rows, first, last, payload, where, taps, pitch, rows, vectors, drive)
    else:
        add_events(add_any_rows, first, last, payload, where, taps, pitch, rows, vectors, drive)


@compiled
def conv_steps(layer, accumulator, offsets, index, payload):
    """Run consecutive steps of one layer; input events of step s are `index[offsets[s]:offsets[s + 1]]`.

    `index` = (row * columns + column) * I + channel of the input. Returns the same for the output: offsets, index.
    """
    first_step, out_offsets = layer.step, np.zeros(offsets.size, np.int64)
    layer.step += offsets.size - 1
    if not index.size and not layer.restless:
        begin_interval(layer, layer.step - 1)
        return out_offsets, np.empty(0, np.int32)
    where, spikes, count = np.empty(index.size, np.uint64), np.empty(1024, np.int32), 0
    for s in range(offsets.size - 1):
        begin_interval(layer, first_step + s)
        if offsets[s] < offsets[s + 1] or layer.restless:
            events = borrowed(index), borrowed(payload), borrowed(where)  # in the loop: only so does `where` outlive it
            found = reach_rows(layer, accumulator, np.uint64(offsets[s]), np.uint64(offsets[s + 1]), events)
            if layer.restless:
                found = list_every_tile(layer)
            spikes = with_room(spikes, count, found * layer.tiles * layer.lanes * layer.signs)
            count = update_rows(layer, accumulator, found, first_step + s, borrowed(spikes), count)
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()


@inlined
def begin_interval(layer, step):
    """Forget all state at the begin of the reset interval that holds `step`, as far as that has not been done yet."""
    if layer.interval and step - layer.since >= layer.interval:
        layer.since += (step - layer.since) // layer.interval * layer.interval


@compiled
def list_every_tile(layer):
    """List all output rows and all of their tiles; returns how many rows there are."""
    reached, listed = array_at(layer.reached, np.uint64), array_at(layer.listed, np.int64)
    for row in range(np.uint64(layer.rows)):
        reached[row] = ~NONE >> np.uint64(MASK - layer.tiles)
        listed[row] = row
    return layer.rows


@inlined
def reach_rows(layer, accumulator, first, last, events):
    """Add events `first` to `last` to the drive; lists the output rows they reach and returns how many."""
    index, payload, where = events
    taps, pitch = array_at(layer.taps, accumulator.dtype), np.uint64(layer.pitch)
    row, column = array_at(layer.row, np.uint64), array_at(layer.column, np.uint64)
    first_row, last_row = array_at(layer.first_row, np.int64), array_at(layer.last_row, np.int64)
    tile_mask, drive = array_at(layer.tile_mask, np.uint64), array_at(layer.drive, accumulator.dtype)
    seen, sources = array_at(layer.seen, np.uint64), array_at(layer.sources, np.int64)
    reached, listed = array_at(layer.reached, np.uint64), array_at(layer.listed, np.int64)
    rows = locate(first, last, index, layer.line, over_line(layer), row, column, tile_mask, seen, sources, where)
    scatter(first, last, payload, where, taps, pitch, np.uint64(layer.tap_rows), np.uint64(layer.vectors), drive)
    return spread(rows, first_row, last_row, seen, sources, reached, listed)


@inlined
def update_rows(layer, accumulator, found, step, spikes, count):
    """One step of all tiles in the listed rows; appends their spikes and returns their new number."""
    drive = array_at(layer.drive, accumulator.dtype)
    reached, listed = array_at(layer.reached, np.uint64), array_at(layer.listed, np.int64)
    for k in range(np.uint64(found)):
        row = np.uint64(listed[k])
        tiles, reached[row] = reached[row], NONE
        while tiles:
            count = update_tile(layer, row, lowest_bit(tiles), step, drive, spikes, count)
            tiles &= tiles - ONE
    return count


@compiled
def with_room(spikes, count, more):
    """The list of spikes, grown where `more` could not be added to its first `count`."""
    if spikes.size >= count + more:
        return spikes
    larger = np.empty(2 * (count + more), np.int32)
    for k in range(count):
        larger[k] = spikes[k]
    return larger


@compiled
def settle(layer):
    """Leak every neuron up to the last step: after this, the membranes are what a per-step simulation holds."""
    updated = array_at(layer.updated, np.int64)
    for piece in range(np.uint64(updated.size)):
        catch_up(layer, piece, piece % np.uint64(layer.signs), layer.step - 1)
        updated[piece] = max(updated[piece], layer.step - 1)
