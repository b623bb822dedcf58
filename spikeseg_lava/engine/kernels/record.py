"""What compiled code knows of a layer: one record of numbers and of the places of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import inlined
from spikeseg_lava.engine.kernels.primitives import PLACE, Reciprocal, array_at, place_of

LONG_AGO = -1  # the step before the first, where state says when it was last touched
NUMBERS = (
    "pools",  # 1 for a pool, 0 for a convolution
    "step", "since",  # steps run so far, and how many of them before the last clear
    "line", "over_line", "over_line_shift",  # events a row of the input can hold, and what divides by it
    "kinds", "copies",  # maps computed, and 1 where their spikes are to be copied to others
    # convolutions: see Layout
    "tap_rows", "vectors", "rows", "tiles", "lanes", "signs", "bases", "over_bases", "over_bases_shift", "used",
    "pitch", "margin", "lower", "above", "below", "multiplicative", "fire_once",
    # pools: columns of windows, and the most windows that see one event
    "columns", "most", "over_kinds", "over_kinds_shift",
)  # fmt: skip
ARRAYS = (
    "maps", "ends",
    # convolutions: see Synapses, Lanes and State
    "taps", "row", "first_row", "last_row", "column", "reach",
    "threshold", "leak", "enough", "decay",
    "drive", "membrane", "fired", "updated", "charged", "seen", "reached", "sources", "listed",
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
    """Maps sorted by kind, and where those of each kind end."""
    return array_at(layer.maps, np.int64), array_at(layer.ends, np.int64)
