"""The spiking convolution executed per event: list the tiles an event reaches, add its weights, update the tiles once.

Idle neurons cost nothing: a tile is leaked only when it is next touched. For leak >= 0 and threshold > 0 an idle neuron
cannot fire, and

    n idle steps, subtractive     V = max(V - n L, lower bound)            lower bound 0 with a floor, else -2**23
    n idle steps, multiplicative  V = sign(V) * ((|V| (4096 - D)) >> 12)   n times, until it is 0

are exactly what n steps of DESIGN section 2 do. Indices of the inner loops are unsigned: only so do they become vector
instructions.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import compiled, inlined
from spikeseg_lava.engine.division import quotient
from spikeseg_lava.engine.tile_kernel import catch_up, emit, fire, integrate_multiplicative, integrate_subtractive

ZERO, ONE, TWO, THREE = (np.uint64(k) for k in range(4))  # columns of the tables


@inlined
def list_once(first, last, step, marked, listed, count):
    """Put the places from `first` to `last` on a list unless they are there since `step`; returns its new length."""
    for place in range(np.uint64(first), np.uint64(last + 1)):
        listed[np.uint64(count)] = place
        count += np.int64(marked[place] != step)
        marked[place] = step
    return count


@inlined
def spread(count, step, tiles, rows, sources, marked, listed):
    """List the tiles of all output rows that see a listed place (input row * tiles + tile); returns how many."""
    found = 0
    for k in range(np.uint64(count)):
        row = sources[k] // tiles
        tile = sources[k] - row * tiles
        for y in range(rows[np.uint64(row), ZERO], rows[np.uint64(row), ONE] + 1):
            found = list_once(y * tiles + tile, y * tiles + tile, step, marked, listed, found)
    return found


@inlined
def add_runs(target, source, rows, pitch, run, payload, taps, drive):
    """Add `payload` times a run of weights to each of `rows` rows of the drive, `pitch` apart."""
    for _ in range(rows):
        for k in range(run):
            drive[target + k] += payload * taps[source + k]
        target += pitch
        source += run


@inlined
def scatter(first, last, index, payload, step, layout, taps, rows, columns, drive, seen, sources):
    """Add the weights of events `first` to `last` to the drive; lists the places (input row, tile) they lie in."""
    pitch = layout.tiles * layout.lanes
    count = 0
    for e in range(np.uint64(first), np.uint64(last)):
        place = quotient(index[e], layout.over_channels)
        row = quotient(place, layout.over_width)
        y, x = np.uint64(row), np.uint64(place - row * layout.width)
        base = row * layout.tiles
        count = list_once(base + columns[x, ZERO], base + columns[x, ONE], step, seen, sources, count)
        first_row = rows[y, ZERO]
        slot = rows[y, THREE] + columns[x, THREE] + index[e] - place * layout.channels
        source = (slot * layout.tap_rows + first_row - rows[y, TWO]) * layout.run
        target = first_row * pitch + columns[x, TWO]
        add_runs(
            np.uint64(target), np.uint64(source), rows[y, ONE] - first_row + 1, np.uint64(pitch),
            np.uint64(layout.run), payload[e], taps, drive,
        )  # fmt: skip
    return count


@compiled
def conv_steps(offsets, index, payload, first_step, since, layout, synapses, neuron, state):
    """Run consecutive steps of one layer; input events of step s are `index[offsets[s]:offsets[s + 1]]`.

    `index` = (row * columns + column) * I + channel of the input. Returns the same for the output: offsets, index.
    """
    taps, rows, columns = synapses.taps, synapses.row, synapses.column
    threshold, leak, enough, decay = neuron.threshold, neuron.leak, neuron.enough, neuron.decay
    drive, membrane, fired, spiked = state.drive, state.membrane, state.fired, state.spiked
    seen, sources, marked, listed, updated = state.seen, state.sources, state.marked, state.listed, state.updated
    out_offsets = np.zeros(offsets.size, np.int64)
    spikes = np.empty(1024, np.int32)
    count = 0
    for s in range(offsets.size - 1):
        step = first_step + s
        places = scatter(
            offsets[s], offsets[s + 1], index, payload, step, layout, taps, rows, columns, drive, seen, sources
        )
        tiles = spread(places, step, layout.tiles, rows, sources, marked, listed)
        spikes = with_room(spikes, count, tiles * layout.lanes)
        for k in range(np.uint64(tiles)):
            tile = np.uint64(listed[k])
            if updated[tile] < max(step - 1, since):
                catch_up(tile, step - 1, since, layout, membrane, fired, updated, leak, enough, decay)
            updated[tile] = step
            base = tile * np.uint64(layout.lanes)
            if layout.multiplicative:
                reached = integrate_multiplicative(base, drive, membrane, threshold, decay, layout.lower)
            else:
                reached = integrate_subtractive(base, drive, membrane, threshold, leak, layout.lower)
            if reached and fire(base, membrane, fired, spiked, threshold, layout.fire_once):
                count = emit(listed[k], layout, spiked, spikes, count)
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
