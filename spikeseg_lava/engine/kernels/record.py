"""What compiled code reads of a layer: one record of numbers and of the addresses of arrays.

Numba spends a microsecond on every few arrays of a call, and a network has a hundred: as long as a small step takes.
A record of numbers and addresses is one argument. Its writer keeps the arrays alive.

Kernels divide by numbers of the record without the core's division, which takes three times as long::

    n // d = (n * m) >> s       s = 32 + bits(d - 1)       m = ceil(2**s / d)       0 <= n < 2**31

`m d - 2**s < d <= 2**(s - 32)`, so `n (m d - 2**s) < 2**s` and the quotient is exact (Granlund and Montgomery 1994).
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Address and size of a contiguous array, as a field of type PLACE holds them."""
    return array.ctypes.data, array.size


@intrinsic
def pointer(_typing, _address):
    """An address as a pointer."""

    def generate(context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.uint64), generate


@inlined
def array_at(place, dtype):
    """The one-dimensional array that a field of type PLACE describes."""
    return carray(pointer(place.address), (place.size,), dtype)


@inlined
def borrowed(array):
    """The same one-dimensional array without a reference count: passing it on needs no atomic instruction.

    It is valid as long as the array is, and Numba frees that after its last use by name.
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


LONG_AGO = -1  # the step before the first, where state says when it was last touched
NUMBERS = (
    "pools",  # 1 for a pool, 0 for a convolution
    "step", "since",  # steps run so far, and how many of them before the last clear
    "interval",  # steps after which the state is cleared anew, 0 for never
    "line", "over_line", "over_line_shift",  # events a row of the input can hold, and what divides by it
    "distinct", "copies",  # maps computed, and 1 where their spikes are to be copied to others
    # convolutions: see Layout
    "tap_rows", "vectors", "rows", "tiles", "lanes", "signs", "drives", "over_drives", "over_drives_shift", "used",
    "pitch", "margin", "lower", "above", "below", "multiplicative", "fire_once",
    "biased", "restless",
    # pools: columns of windows, and the most windows that see one event
    "columns", "most", "over_distinct", "over_distinct_shift",
)  # fmt: skip
ARRAYS = (
    "maps", "ends",
    # convolutions: see Synapses, Lanes and State
    "taps", "row", "first_row", "last_row", "column", "tile_mask",
    "threshold", "leak", "enough", "decay", "bias",
    "drive", "membrane", "fired", "updated", "nonzero", "seen", "reached", "sources", "listed",
    # pools: see Windows
    "row_place", "column_place", "first_column", "last_column", "marked",
)  # fmt: skip
LAYER = np.dtype([(name, np.int64) for name in NUMBERS] + [(name, PLACE) for name in ARRAYS])


def layer_record(numbers: Mapping[str, int], arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """LAYER[1]; the arrays must be contiguous and outlive it."""
    record = np.zeros(1, LAYER)
    for name, number in numbers.items():
        record[name] = number
    for name, array in arrays.items():
        record[name] = place_of(array)
    return record


@inlined
def over_line(layer):
    """Divides a flat place of the input by the length of a row."""
    return Reciprocal(np.uint64(layer.over_line), np.uint64(layer.over_line_shift))


@inlined
def copies_of(layer):
    """Maps sorted by the distinct map whose spikes they copy, and where those of each end."""
    return array_at(layer.maps, np.int64), array_at(layer.ends, np.int64)
