"""Which windows of a pool see an input event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.reach import Reach

NOWHERE = -(2**40)  # added to any place it stays negative


class Windows(NamedTuple):
    """Tables of a pool.

    Attributes:
        first_row, last_row: Int64[input rows], rows of windows that see each.
        first_column, last_column: Int64[input columns], likewise.
        row_place, column_place: where at most one window sees an event, what they add to its flat place.
    """

    first_row: NDArray[np.int64]
    last_row: NDArray[np.int64]
    first_column: NDArray[np.int64]
    last_column: NDArray[np.int64]
    row_place: NDArray[np.int64]
    column_place: NDArray[np.int64]


def windows(channels: int, columns_out: int, rows: Reach, columns: Reach) -> Windows:
    """Tables of a pool over input of `channels` maps with `columns_out` columns of windows."""
    row_place = np.where(rows.count > 0, rows.first * columns_out * channels, NOWHERE)
    column_place = np.where(columns.count > 0, columns.first * channels, NOWHERE)
    return Windows(rows.first, rows.last, columns.first, columns.last, row_place, column_place)
