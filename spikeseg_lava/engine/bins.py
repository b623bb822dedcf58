"""Events of one window to the payloads of its time bins, exactly those the dense frames would give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.payloads import count_bins
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.events.frames import POLARITIES, Size, bin_edges, rescaled
from spikeseg_lava.events.stream import Events
from spikeseg_lava.network.integers import InputCode


class SparseBins:
    """Bins windows of a sensor of `sensor` (height, width) for frames of `size`.

    `payloads(...)` equals `code.encode(recording.to_frames(...))` in every integer, without a dense frame.
    """

    def __init__(self, sensor: Size, size: Size, code: InputCode, binary: bool = False) -> None:
        self.code, self.binary = code, binary
        self._rows, self._columns = rescaled(sensor[0], size[0]), rescaled(sensor[1], size[1])
        self._width = size[1]
        self._scratch = np.zeros(size[0] * size[1] * POLARITIES, np.int32)

    def payloads(self, events: Events, start: int, duration: int, timesteps: int) -> SparseSteps:
        """Payloads of `timesteps` equal bins of `duration` microseconds from `start`."""
        bounds = np.searchsorted(events.t, bin_edges(start, duration, timesteps))
        offsets, index, counts, largest = count_bins(
            events.x, events.y, events.p, bounds, self._rows, self._columns, self._width, self._scratch
        )
        return SparseSteps(offsets, index, self.code.encode(self._values(counts, largest))).without_zeros()

    def _values(self, counts: NDArray[np.int32], largest: NDArray[np.int32]) -> NDArray[np.float32]:
        if self.binary:
            return np.ones(len(counts), np.float32)
        return counts.astype(np.float32) / largest.astype(np.float32)
