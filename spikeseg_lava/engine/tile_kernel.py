"""The neurons of one tile: missed leaks, one step of integration, spikes. Loops run over lanes without a branch."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.compilation import inlined
from spikeseg_lava.engine.vectors import MASK, lowest_bit, nonzero_mask
from spikeseg_lava.fixed_point import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN

ONE = np.uint64(1)
FORGOTTEN = 2**24  # steps of the smallest leak from one end of the range to the other
LOWEST, HIGHEST = np.int32(STATE_MIN), np.int32(STATE_MAX)


@inlined
def catch_up(tile, step, since, layout, membrane, fired, updated, leak, enough, decay):
    """Leak a tile without input up to and including `step`; forget it where it was last updated before `since`."""
    idle = step - updated[tile]
    base = tile * np.uint64(layout.lanes)
    if updated[tile] < since:
        idle = step - since + 1
        for k in range(np.uint64(layout.lanes)):
            membrane[base + k] = 0
            fired[base + k] = 0
        if layout.lower == 0 or layout.multiplicative:
            return
    if idle > 0:
        if layout.multiplicative:
            decay_idle(base, idle, membrane, decay)
        else:
            leak_idle(base, idle, membrane, leak, enough, layout.lower)


@inlined
def leak_idle(base, idle, membrane, leak, enough, lower):
    """`V = max(V - n L, lower bound)`; after `enough` steps every membrane is at its bound, so 32 bit are enough."""
    steps, lowest = np.int32(min(idle, FORGOTTEN)), np.int32(lower)
    for k in range(np.uint64(leak.size)):
        lost = np.int32(min(steps, enough[k]) * leak[k])
        membrane[base + k] = max(np.int32(membrane[base + k] - lost), lowest)


@inlined
def decay_idle(base, idle, membrane, decay):
    """`V = sign(V) ((|V| (4096 - D)) >> 12)`, n times or until nothing is left to decay."""
    for k in range(np.uint64(decay.size)):
        value, factor = np.int64(membrane[base + k]), DECAY_UNIT - np.int64(decay[k])
        magnitude, left = abs(value), idle if factor < DECAY_UNIT else 0
        while left > 0 and magnitude > 0:
            magnitude = (magnitude * factor) >> DECAY_BITS
            left -= 1
        membrane[base + k] = magnitude if value > 0 else -magnitude


@inlined
def integrate_subtractive(base, margin, drive, membrane, threshold, leak, lower):
    """One step `V = sat24(V + sat24(A) - L)` and the floor; says whether any neuron reached its threshold."""
    lowest, reached = np.int32(lower), np.uint8(0)
    for k in range(np.uint64(leak.size)):
        saturated = np.int32(min(max(drive[margin + base + k], LOWEST), HIGHEST))
        value = np.int32(np.int32(membrane[base + k] + saturated) - leak[k])
        value = min(max(value, lowest), HIGHEST)
        reached |= np.uint8(value >= threshold[k])
        membrane[base + k] = value
        drive[margin + base + k] = 0
    return reached


@inlined
def integrate_multiplicative(base, margin, drive, membrane, threshold, decay, lower):
    """One step `V = sat24(sign(V) ((|V| (4096 - D)) >> 12) + sat24(A))` and the floor; says as the other does."""
    reached = np.uint8(0)
    for k in range(np.uint64(decay.size)):
        saturated = min(max(np.int64(drive[margin + base + k]), STATE_MIN), STATE_MAX)
        before = np.int64(membrane[base + k])
        kept = (abs(before) * (DECAY_UNIT - decay[k])) >> DECAY_BITS
        value = min(max((kept if before > 0 else -kept) + saturated, lower), STATE_MAX)
        reached |= np.uint8(value >= threshold[k])
        membrane[base + k] = value
        drive[margin + base + k] = 0
    return reached


@inlined
def fire(base, membrane, fired, spiked, threshold, fire_once):
    """Spikes of the tile (into `spiked`), fire-once and the hard reset; only where a threshold was reached."""
    again, fires = np.uint8(not fire_once), np.uint8(0)
    for k in range(np.uint64(threshold.size)):
        before, value = fired[base + k], membrane[base + k]
        spike = np.uint8(value >= threshold[k]) & (before ^ np.uint8(1) | again)
        membrane[base + k] = np.int32(0) if spike else value
        fired[base + k] = before | spike
        spiked[k] = spike
        fires |= spike
    return fires


@inlined
def emit(tile, layout, spiked, spikes, count):
    """Append the spikes of a tile as (row * columns + column) * O + channel; those in the padding are none."""
    row = tile // layout.tiles
    place = (tile - row * layout.tiles) * layout.lanes - layout.lead
    for block in range(0, layout.lanes, MASK):
        mask = nonzero_mask(spiked, np.uint64(block))
        while mask:
            lane = place + block + np.int64(lowest_bit(mask))
            mask &= mask - ONE
            spikes[np.uint64(count)] = row * layout.used + lane
            count += np.int64(0 <= lane < layout.used)
    return count
