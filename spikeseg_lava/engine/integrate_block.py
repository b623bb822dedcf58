"""One step of a block of neurons with a subtractive leak, as vector instructions.

As a loop it would be the same, but every tile would begin with a dozen checks that no two arrays overlap.
"""

from __future__ import annotations

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types  # type: ignore[import-untyped]

from spikeseg_lava.engine.vectors import BLOCK, Vectors, intrinsic
from spikeseg_lava.fixed_point import STATE_MAX, STATE_MIN

INT32 = ir.IntType(32)


@intrinsic
def integrate_block(_typing, drive, at, sign, membrane, first, threshold, leak, lane, lower):
    """`V = max(sat24(V + sat24(A) - L), lower)` for BLOCK neurons; A is the drive, or its opposite where sign is 1.

    A = drive[at...], V = membrane[first...], threshold and leak from `lane`. Returns a mask of those that reached
    their threshold, and whether any V is not zero.
    """
    result = types.Tuple([types.uint64, types.boolean])

    def generate(context, builder, signature, arguments):
        drive, at, sign, membrane, first, threshold, leak, lane, lower = arguments
        kinds, vectors = signature.args, Vectors(context, builder, BLOCK)
        highest, lowest = (vectors.filled(INT32(bound)) for bound in (STATE_MAX, STATE_MIN))
        added = saturated(vectors, vectors.load(kinds[0], drive, at), sign)
        place = vectors.at(kinds[3], membrane, first)
        value = builder.sub(builder.add(builder.load(place, align=1), added), vectors.load(kinds[6], leak, lane))
        value = vectors.maximum(vectors.minimum(vectors.maximum(value, lowest), highest), vectors.filled(lower))
        builder.store(value, place, align=1)
        reached = builder.icmp_signed(">=", value, vectors.load(kinds[5], threshold, lane))
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
