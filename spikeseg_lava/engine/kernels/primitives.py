"""Arrays handed to compiled code by their address.

Numba takes a microsecond apart for every few arrays of a call, and a network has a hundred: as long as a small step
itself. A record of numbers and addresses is one argument, whatever it holds. Whoever writes the record keeps the
arrays alive.

Division by a number that stays the same, as one multiplication: `n // d = (n * m) >> s` for 0 <= n < 2**31.

With `s = 32 + bits(d - 1)` and `m = ceil(2**s / d)`: `m d - 2**s < d <= 2**(s - 32)`, so `n (m d - 2**s) < 2**s`
and the quotient is exact (Granlund and Montgomery 1994). A division of the core takes three times as long.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import carray, types  # type: ignore[import-untyped]
from numpy.typing import NDArray

from spikeseg_lava.compilation import inlined
from spikeseg_lava.engine.kernels.vectors import intrinsic

PLACE = np.dtype([("address", np.uint64), ("size", np.int64)])


ALIGNMENT = 64  # bytes of a cache line: vectors that straddle two cost twice


def aligned(values: NDArray[Any]) -> NDArray[Any]:
    """A copy of a one-dimensional array that begins at a cache line."""
    room = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT
    copy = room[begin : begin + values.nbytes].view(values.dtype)
    copy[...] = values
    return copy


def place_of(array: NDArray[Any]) -> tuple[int, int]:
    """What a field of type PLACE holds of a contiguous array."""
    return array.ctypes.data, array.size


@intrinsic
def pointer(_typing, _address):
    """An address as a pointer."""

    def generate(context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.uint64), generate


@inlined
def array_at(place, dtype):
    """The one-dimensional array a field of type PLACE speaks of."""
    return carray(pointer(place.address), (place.size,), dtype)


@inlined
def borrowed(array):
    """The same one-dimensional array, uncounted: handing it on costs no atomic count of references.

    It lives as long as the array, and Numba lets go of that after its last use by name.
    """
    return carray(pointer(np.uint64(array.ctypes.data)), (array.size,), array.dtype)


class Reciprocal(NamedTuple):
    """Multiplier and shift that stand for a division."""

    multiplier: np.uint64
    shift: np.uint64


def reciprocal(divisor: int) -> Reciprocal:
    """What `quotient` needs to divide by `divisor`, 1 to 2**31."""
    shift = 32 + (divisor - 1).bit_length()
    return Reciprocal(np.uint64(-(-(1 << shift) // divisor)), np.uint64(shift))


@inlined
def quotient(number, reciprocal):
    """`number // divisor` of a number from 0 to 2**31 - 1."""
    return np.int64((np.uint64(number) * reciprocal.multiplier) >> reciprocal.shift)
