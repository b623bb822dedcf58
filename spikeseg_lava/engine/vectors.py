"""Vector instructions the compiler does not find by itself, as functions the kernels call."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types  # type: ignore[import-untyped]

intrinsic: Any = extending.intrinsic
MASK = 64  # values a mask speaks of


def vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any, length: int) -> Any:
    """Pointer to `length` elements of a one-dimensional array, from element `at`, as one vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(kind.dtype), length)
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


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
