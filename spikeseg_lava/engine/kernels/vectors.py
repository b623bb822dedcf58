"""Vector instructions the compiler does not find by itself, as functions the kernels call."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending, types

intrinsic: Any = extending.intrinsic
VECTOR = 8  # int32 lanes of a 256-bit register
BLOCK = 16  # lanes updated at once
MASK = 64  # values that a mask has a bit for


class Vectors:
    """Writes instructions on vectors of `length` elements while a function is compiled."""

    def __init__(self, context: Any, builder: Any, length: int) -> None:
        self.context, self.builder, self.length = context, builder, length

    def at(self, kind: Any, array: Any, index: Any) -> Any:
        """Pointer to the vector that begins at an element of a one-dimensional array."""
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        vector = ir.VectorType(self.context.get_data_type(kind.dtype), self.length)
        return self.builder.bitcast(self.builder.gep(data, [index]), vector.as_pointer())

    def load(self, kind: Any, array: Any, index: Any) -> Any:
        return self.builder.load(self.at(kind, array, index), align=1)

    def filled(self, value: Any) -> Any:
        """A vector with the same value everywhere."""
        undefined, lane = ir.Constant(ir.VectorType(value.type, self.length), ir.Undefined), ir.IntType(32)
        first = self.builder.insert_element(undefined, value, lane(0))
        zeros = ir.Constant(ir.VectorType(lane, self.length), [0] * self.length)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def minimum(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def maximum(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def any(self, bits: Any) -> Any:
        """Whether any of a vector of bits is set, as Boolean."""
        number = self.builder.bitcast(bits, ir.IntType(self.length))
        return self.builder.icmp_unsigned("!=", number, ir.Constant(number.type, 0))

    def mask(self, bits: Any) -> Any:
        """A vector of bits as UInt64."""
        return self.builder.zext(self.builder.bitcast(bits, ir.IntType(self.length)), ir.IntType(64))


@intrinsic
def add_rows(typing, target, at, pitch, source, start, factor, rows):
    """`target[at + r * pitch:][:VECTOR] += factor * source[start + r * VECTOR:][:VECTOR]` for a literal number of rows.

    Target and source are of one type, the factor Int32. Written out, as the compiler would leave it a loop.
    """

    def generate(context, builder, signature, arguments):
        target, at, pitch, source, start, factor, _ = arguments
        vectors = Vectors(context, builder, VECTOR)
        element = context.get_data_type(signature.args[3].dtype)
        factors = vectors.filled(factor if element == factor.type else builder.sext(factor, element))
        for row in range(rows.literal_value):
            weights = vectors.load(signature.args[3], source, builder.add(start, start.type(row * VECTOR)))
            to = vectors.at(signature.args[0], target, at)
            builder.store(builder.add(builder.load(to, align=1), builder.mul(weights, factors)), to, align=1)
            at = builder.add(at, pitch)
        return context.get_dummy_value()

    if isinstance(rows, types.IntegerLiteral):
        return types.void(target, at, pitch, source, start, types.int32, rows), generate


@intrinsic
def clear_block(_typing, values, at):
    """`values[at:at + BLOCK] = 0`."""

    def generate(context, builder, signature, arguments):
        to = Vectors(context, builder, BLOCK).at(signature.args[0], *arguments)
        builder.store(ir.Constant(to.type.pointee, None), to, align=1)
        return context.get_dummy_value()

    return types.void(values, at), generate


@intrinsic
def outside(_typing, values, at, above, below):
    """Whether any of `values[at:at + BLOCK]` is larger than `above` or smaller than `below`, of the same type."""

    def generate(context, builder, signature, arguments):
        values, at, above, below = arguments
        vectors = Vectors(context, builder, BLOCK)
        loaded = vectors.load(signature.args[0], values, at)
        large = builder.icmp_signed(">", loaded, vectors.filled(above))
        small = builder.icmp_signed("<", loaded, vectors.filled(below))
        return vectors.any(builder.or_(large, small))

    return types.boolean(values, at, values.dtype, values.dtype), generate


@intrinsic
def nonzero_mask(_typing, values, at):
    """UInt64 whose bit k says whether `values[at + k]` is not zero (not-a-number is not)."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        loaded = Vectors(context, builder, MASK).load(kind, *arguments)
        compare = builder.fcmp_unordered if isinstance(kind.dtype, types.Float) else builder.icmp_unsigned
        return builder.bitcast(compare("!=", loaded, ir.Constant(loaded.type, None)), ir.IntType(MASK))

    return types.uint64(values, at), generate


@intrinsic
def reached_mask(_typing, values, at, threshold, lane):
    """UInt64 whose bit k says whether `values[at + k] >= threshold[lane + k]`, of a block."""

    def generate(context, builder, signature, arguments):
        values, at, threshold, lane = arguments
        vectors = Vectors(context, builder, BLOCK)
        value, needed = vectors.load(signature.args[0], values, at), vectors.load(signature.args[2], threshold, lane)
        return vectors.mask(builder.icmp_signed(">=", value, needed))

    return types.uint64(values, at, threshold, lane), generate


@intrinsic
def lowest_bit(_typing, _mask):
    """Number of the lowest bit set in a mask that is not 0."""

    def generate(_context, builder, _signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@intrinsic
def lowest_bit_or_0(_typing, _mask):
    """The same, and 0 for a mask that is 0."""

    def generate(_context, builder, _signature, arguments):
        number = builder.cttz(arguments[0], ir.IntType(1)(0))
        return builder.and_(number, number.type(MASK - 1))

    return types.uint64(types.uint64), generate


@intrinsic
def count_bits(_typing, _mask):
    """How many bits of a mask are set."""

    def generate(_context, builder, _signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def add_listed(_typing, target, source, listed, first, row, run, count):
    """Add the vectors of all neurons listed in a row for one place to that place, which stays in registers meanwhile.

    `listed[n]` UInt64 holds a place in its lower and a start in its upper 32 bits. From `first` on, as long as the
    place stays the same: `target[place + row:][:count * VECTOR] += source[start + run:][:count * VECTOR]` of Float32,
    in the order of the list, for a literal count. The list must end with another place. Returns where the next one
    begins.
    """

    def generate(context, builder, signature, arguments):
        target, source, listed, first, row, run, _ = arguments
        vectors, word, half = Vectors(context, builder, VECTOR), ir.IntType(64), ir.IntType(32)
        entries = context.make_array(signature.args[2])(context, builder, listed).data
        entry = builder.load(builder.gep(entries, [first]))
        place = builder.trunc(entry, half)
        at = builder.add(builder.zext(place, word), row)
        steps = [word(k * VECTOR) for k in range(count.literal_value)]
        to = [vectors.at(signature.args[0], target, builder.add(at, step)) for step in steps]
        sums = [builder.load(pointer, align=1) for pointer in to]
        before, loop, after = builder.block, builder.append_basic_block("neuron"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        number, current = builder.phi(word), builder.phi(word)
        totals = [builder.phi(value.type) for value in sums]
        start = builder.add(builder.lshr(current, word(32)), run)
        added = [vectors.load(signature.args[1], source, builder.add(start, step)) for step in steps]
        results = [builder.fadd(total, value) for total, value in zip(totals, added, strict=True)]
        following = builder.add(number, word(1))
        upcoming = builder.load(builder.gep(entries, [following]))
        for phi, begin, again in zip(
            [number, current, *totals], [first, entry, *sums], [following, upcoming, *results], strict=True
        ):
            phi.add_incoming(begin, before)
            phi.add_incoming(again, loop)
        builder.cbranch(builder.icmp_unsigned("==", builder.trunc(upcoming, half), place), loop, after)
        builder.position_at_end(after)
        for pointer, result in zip(to, results, strict=True):
            builder.store(result, pointer, align=1)
        return following

    if isinstance(count, types.IntegerLiteral):
        return types.uint64(target, source, listed, types.uint64, types.uint64, types.uint64, count), generate
