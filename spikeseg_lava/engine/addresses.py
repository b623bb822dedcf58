"""Arrays handed to compiled code by their address.

Numba takes a microsecond apart for every few arrays of a call, and a network has a hundred: as long as a small step
itself. A record of numbers and addresses is one argument, whatever it holds. Whoever writes the record keeps the
arrays alive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types  # type: ignore[import-untyped]
from numpy.typing import NDArray

from spikeseg_lava.engine.compilation import inlined
from spikeseg_lava.engine.vectors import intrinsic

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
