"""Where a labelled object was, and when: the `Obj` struct of EBSSA recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Labels:
    """Hand-made object positions, one row each, in the order of the file.

    Attributes:
        x, y: Float64[N], position in pixels of the sensor, counted from 0 like the events.
        t: Int64[N], microseconds on the clock of the events.
        id: Int64[N], which object.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    t: NDArray[np.int64]
    id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t)

    def between(self, start: int, stop: int) -> Labels:
        """The labels with `start <= t < stop` (microseconds)."""
        inside = (self.t >= start) & (self.t < stop)
        return Labels(self.x[inside], self.y[inside], self.t[inside], self.id[inside])
