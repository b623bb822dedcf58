"""Spikes of consecutive steps without the empty pixels: what travels between the layers of the event engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network import Shape
from spikeseg_lava.record import rows_in_order


@dataclass(frozen=True, eq=False)
class SparseSteps:
    """Events of consecutive steps; those of step s are `index[offsets[s]:offsets[s + 1]]`.

    Attributes:
        offsets: Int64[steps + 1].
        index: Int32[N], (y * width + x) * channels + c of each event.
        payload: Int32[N], graded payload of each event; 1 for spikes.
    """

    offsets: NDArray[np.int64]
    index: NDArray[np.int32]
    payload: NDArray[np.int32]

    @property
    def steps(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of_spikes(cls, offsets: NDArray[np.int64], index: NDArray[np.int32]) -> SparseSteps:
        """Plain spikes: every payload is 1."""
        return cls(offsets, index, np.ones(len(index), np.int32))

    @classmethod
    def of_payloads(cls, payloads: NDArray[np.int32]) -> SparseSteps:
        """From dense payloads Int32[T, C, H, W]."""
        channels_last = np.ascontiguousarray(payloads.transpose(0, 2, 3, 1)).reshape(len(payloads), -1)
        step, index = np.nonzero(channels_last)
        offsets = np.searchsorted(step, np.arange(len(payloads) + 1)).astype(np.int64)
        return cls(offsets, index.astype(np.int32), channels_last[step, index].astype(np.int32))

    def rows(self, shape: Shape, first_step: int = 0) -> NDArray[np.int32]:
        """Int32[N, 4] of (t, c, y, x) in lexicographic order for a layer of `shape` (C, H, W)."""
        step = np.repeat(np.arange(self.steps), np.diff(self.offsets)) + first_step
        place, channel = np.divmod(self.index, shape[0])
        y, x = np.divmod(place, shape[2])
        return rows_in_order(np.stack([step, channel, y, x], axis=1))
