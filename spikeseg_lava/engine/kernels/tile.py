"""The neurons of one tile: missed leaks, one step of integration, spikes.

Loops run over lanes without a branch. Membranes of a tile that are all zero stay zero, and are not even read, unless
the drive exceeds the leak somewhere, or the layer is restless: some membrane rises by itself. The step of a block with
a subtractive leak is written as vector instructions: LLVM would begin the same loop with a dozen checks that no two
arrays overlap, in every tile.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.record import Reciprocal, array_at, quotient
from spikeseg_lava.engine.kernels.vectors import (
    BLOCK,
    Vectors,
    clear_block,
    intrinsic,
    lowest_bit,
    outside,
    reached_mask,
)
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN

INT32 = ir.IntType(32)


@intrinsic
def integrate_block(_typing, drive, at, sign, membrane, first, threshold, leak, lane, lower):
    """`V = max(sat24(V + sat24(A) - L), lower)` for BLOCK neurons; A is the drive, or its opposite where sign is 1.

    L is the leak less the bias; A = drive[at...], V = membrane[first...], threshold and L from `lane`. Returns a mask
    of those that reached their threshold, and whether any V is not zero.
    """
    result = types.Tuple([types.uint64, types.boolean])

    def generate(context, builder, signature, arguments):
        drive, at, sign, membrane, first, threshold, leak, lane, lower = arguments
        operands, vectors = signature.args, Vectors(context, builder, BLOCK)
        highest, lowest = (vectors.filled(INT32(bound)) for bound in (STATE_MAX, STATE_MIN))
        added = saturated(vectors, vectors.load(operands[0], drive, at), sign)
        place = vectors.at(operands[3], membrane, first)
        value = builder.sub(builder.add(builder.load(place, align=1), added), vectors.load(operands[6], leak, lane))
        value = vectors.maximum(vectors.minimum(vectors.maximum(value, lowest), highest), vectors.filled(lower))
        builder.store(value, place, align=1)
        reached = builder.icmp_signed(">=", value, vectors.load(operands[5], threshold, lane))
        left = builder.icmp_signed("!=", value, ir.Constant(value.type, None))
        return context.make_tuple(builder, result, (vectors.mask(reached), vectors.any(left)))

    return result(drive, at, types.int32, membrane, first, threshold, leak, lane, types.int32), generate


def saturated(vectors, drive, sign):
    """The drive or its opposite in 24 bit, as Int32."""
    builder, kind = vectors.builder, drive.type.element
    ones = vectors.filled(builder.neg(sign if kind == INT32 else builder.sext(sign, kind)))
    signed = builder.sub(builder.xor(drive, ones), ones)
    highest, lowest = (vectors.filled(kind(bound)) for bound in (STATE_MAX, STATE_MIN))
    within = vectors.maximum(vectors.minimum(signed, highest), lowest)
    return within if kind == INT32 else builder.trunc(within, ir.VectorType(INT32, vectors.length))


ZERO, ONE, LANES = np.uint64(0), np.uint64(1), np.uint64(BLOCK)
FORGOTTEN = 2**24  # steps of the smallest leak from one end of the range to the other


@inlined
def update_tile(layer, row, column, step, drive, spikes, count):
    """One step of a tile of a row that events reach; appends its spikes and returns their new number."""
    tile, lanes = row * np.uint64(layer.tiles) + column, np.uint64(layer.lanes)
    base = np.uint64(layer.margin) + row * np.uint64(layer.pitch) + column * lanes
    updated, nonzero = array_at(layer.updated, np.int64), array_at(layer.nonzero, np.uint8)
    exceeded = exceeds(base, lanes, drive, drive.dtype.type(layer.above), drive.dtype.type(layer.below))
    for sign in range(np.uint64(layer.signs)):
        piece = tile * np.uint64(layer.signs) + sign
        if exceeded or layer.restless or (nonzero[piece] and updated[piece] >= layer.since):
            catch_up(layer, piece, sign, step - 1)
            updated[piece] = step
            count = update_piece(layer, row, column, sign, base, drive, spikes, count)
    for k in range(ZERO, lanes, LANES):
        clear_block(drive, base + k)
    return count


@inlined
def exceeds(base, lanes, drive, above, below):
    """Whether any drive is larger than `above` or smaller than `below`."""
    found = False
    for k in range(ZERO, lanes, LANES):
        found |= outside(drive, base + k, above, below)
    return found


@inlined
def update_piece(layer, row, column, sign, base, drive, spikes, count):
    """One step of the membranes of a tile driven by the drive (sign 0) or by its opposite (1); as `update_tile`."""
    lanes, left = np.uint64(layer.lanes), False
    piece = (row * np.uint64(layer.tiles) + column) * np.uint64(layer.signs) + sign
    first, lane = piece * lanes, sign * lanes
    membrane, threshold = array_at(layer.membrane, np.int32), array_at(layer.threshold, np.int32)
    leak, decay, lower = array_at(layer.leak, np.int32), array_at(layer.decay, np.int32), layer.lower
    bias = array_at(layer.bias, np.int32)
    for k in range(ZERO, lanes, LANES):
        if layer.multiplicative:
            nonzero = integrate_multiplicative(base + k, sign, membrane, first + k, decay, bias, lane + k, drive, lower)
            reached = reached_mask(membrane, first + k, threshold, lane + k)
        else:
            reached, nonzero = integrate_block(
                drive, base + k, np.int32(sign), membrane, first + k, threshold, leak, lane + k, np.int32(lower)
            )
        left |= nonzero
        if reached:
            count = fire(layer, row, column * lanes + k, sign, first + k, reached, membrane, spikes, count)
    array_at(layer.nonzero, np.uint8)[piece] = left
    return count


@compiled
def integrate_multiplicative(base, sign, membrane, first, decay, bias, lane, drive, lower):
    """One step `V = sat24(sign(V) ((|V| (4096 - D)) >> 12) + sat24(A) + B)`, the floor; whether any V is not zero."""
    factor, left = 1 - 2 * np.int64(sign), False
    for k in range(LANES):
        saturated = min(max(np.int64(drive[base + k]) * factor, STATE_MIN), STATE_MAX)
        before = np.int64(membrane[first + k])
        kept = (abs(before) * (DECAY_UNIT - decay[lane + k])) >> DECAY_BITS
        value = min(max((kept if before > 0 else -kept) + saturated + bias[lane + k], lower), STATE_MAX)
        left |= value != 0
        membrane[first + k] = value
    return left


@compiled
def fire(layer, row, lane, sign, first, reached, membrane, spikes, count):
    """Fire-once, the hard reset, and the spikes of a block: (row * columns + column) * distinct + map, no padding."""
    fired, block = array_at(layer.fired, np.uint16), first // LANES
    over_drives = Reciprocal(np.uint64(layer.over_drives), np.uint64(layer.over_drives_shift))
    if layer.fire_once:
        reached &= ~np.uint64(fired[block])
    fired[block] |= np.uint16(reached)
    while reached:
        bit = lowest_bit(reached)
        reached &= reached - ONE
        membrane[first + bit] = 0
        if lane + bit < np.uint64(layer.used):
            flat = np.int64(row) * layer.used + np.int64(lane + bit)  # pixel * drives + base
            if layer.signs == 2:
                flat += (quotient(flat, over_drives) + np.int64(sign)) * layer.drives
            spikes[np.uint64(count)] = flat
            count += 1
    return count


@compiled
def catch_up(layer, piece, sign, step):
    """Leak a piece without input up to and including `step`; forget it where it was last updated before the clear."""
    updated, membrane = array_at(layer.updated, np.int64), array_at(layer.membrane, np.int32)
    idle, lanes = step - updated[piece], np.uint64(layer.lanes)
    base, lane = piece * lanes, sign * lanes
    if updated[piece] < layer.since:
        fired = array_at(layer.fired, np.uint16)
        idle = step - layer.since + 1
        for k in range(lanes):
            membrane[base + k] = 0
        for k in range(base // LANES, (base + lanes) // LANES):
            fired[k] = 0
        if layer.lower == 0 or (layer.multiplicative and not layer.biased):
            return
    if idle > 0:
        if layer.multiplicative:
            decay, bias = array_at(layer.decay, np.int32), array_at(layer.bias, np.int32)
            decay_idle(base, lane, lanes, idle, membrane, decay, bias, layer.lower)
        else:
            leak, enough = array_at(layer.leak, np.int32), array_at(layer.enough, np.int32)
            leak_idle(base, lane, lanes, idle, membrane, leak, enough, layer.lower)


@inlined
def leak_idle(base, lane, lanes, idle, membrane, leak, enough, lower):
    """`V = max(V - n L, lower bound)`; after `enough` steps every membrane is at its bound, so 32 bit are enough."""
    steps, lowest = np.int32(min(idle, FORGOTTEN)), np.int32(lower)
    for k in range(lanes):
        lost = np.int32(min(steps, enough[lane + k]) * leak[lane + k])
        membrane[base + k] = max(np.int32(membrane[base + k] - lost), lowest)


@inlined
def decay_idle(base, lane, lanes, idle, membrane, decay, bias, lower):
    """`V = max(sat24(sign(V) ((|V| (4096 - D)) >> 12) + B), lower)`, n times or until it stays as it is."""
    for k in range(lanes):
        value, factor = np.int64(membrane[base + k]), DECAY_UNIT - np.int64(decay[lane + k])
        added, left, before = np.int64(bias[lane + k]), idle, value + 1
        while left > 0 and value != before:
            before = value
            kept = (abs(value) * factor) >> DECAY_BITS
            value = max((kept if value > 0 else -kept) + added, lower)
            left -= 1
        membrane[base + k] = value
