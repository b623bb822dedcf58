"""Vector instructions the compiler does not find by itself, as functions the kernels call."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types  # type: ignore[import-untyped]

intrinsic: Any = extending.intrinsic
VECTOR = 8  # int32 lanes of a 256-bit register
MASK = 64  # values a mask speaks of


def vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any, length: int) -> Any:
    """Pointer to `length` elements of a one-dimensional array, from element `at`, as one vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(kind.dtype), length)
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


@intrinsic
def add_scaled(_typing, target, at, source, start, factor):
    """`target[at:at + VECTOR] += factor * source[start:start + VECTOR]`; all of the integer type of `target`."""

    def generate(context, builder, signature, arguments):
        target, at, source, start, factor = arguments
        to = vector_at(context, builder, signature.args[0], target, at, VECTOR)
        weights = builder.load(vector_at(context, builder, signature.args[2], source, start, VECTOR), align=1)
        undefined, lane = ir.Constant(weights.type, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(undefined, factor, lane(0))
        factors = builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(lane, VECTOR), [0] * VECTOR))
        builder.store(builder.add(builder.load(to, align=1), builder.mul(weights, factors)), to, align=1)
        return context.get_dummy_value()

    return types.void(target, at, source, start, target.dtype), generate


@intrinsic
def nonzero_mask(_typing, values, at):
    """UInt64 whose bit k says whether `values[at + k]` is not zero (not-a-number is not)."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        loaded = builder.load(vector_at(context, builder, kind, *arguments, length=MASK), align=1)
        compare = builder.fcmp_unordered if isinstance(kind.dtype, types.Float) else builder.icmp_unsigned
        return builder.bitcast(compare("!=", loaded, ir.Constant(loaded.type, None)), ir.IntType(MASK))

    return types.uint64(values, at), generate


@intrinsic
def lowest_bit(_typing, _mask):
    """Number of the lowest bit set in a mask that is not 0."""

    def generate(_context, builder, _signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate
