"""Events of consecutive steps without the empty pixels: from frames, from events of a camera, and as sorted rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.payloads import (
    column_by_column,
    count_bins,
    nonzero_values,
    number_of_rows,
    payloads_of,
    sorted_rows,
)
from spikeseg_lava.engine.kernels.record import reciprocal
from spikeseg_lava.engine.shared_maps import SharedMaps
from spikeseg_lava.errors import ClipError
from spikeseg_lava.events.frames import POLARITIES, Size, bin_edges, rescaled
from spikeseg_lava.events.stream import Events
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import InputCode


@dataclass(frozen=True, eq=False)
class SparseSteps:
    """Events of consecutive steps; those of step s are `index[offsets[s]:offsets[s + 1]]`, in any order.

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
    def silent(cls, steps: int) -> SparseSteps:
        """Steps without an event."""
        return cls(np.zeros(steps + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))

    @classmethod
    def of_payloads(cls, payloads: NDArray[Any]) -> SparseSteps:
        """From dense payloads Int[T, C, H, W]."""
        offsets, index, values = nonzero_values(np.ascontiguousarray(payloads))
        return cls(offsets, index, values.astype(np.int32))

    @classmethod
    def of_nonzero(cls, frames: NDArray[Any]) -> SparseSteps:
        """A payload of 1 at every value other than 0 of frames [T, C, H, W]."""
        offsets, index, _ = nonzero_values(np.ascontiguousarray(frames))
        return cls.of_spikes(offsets, index)

    @classmethod
    def of_frames(cls, frames: NDArray[Any], code: InputCode) -> SparseSteps:
        """The payloads `code.encode(frames)` of frames Float[T, C, H, W]; only values other than 0 are encoded.

        Raises ClipError as `encode` does, and where a value is no finite number.
        """
        offsets, index, values = nonzero_values(np.ascontiguousarray(frames))
        if not np.isfinite(values).all():
            raise ClipError("`frames` must be finite numbers")
        if code.bits > 1:
            payload, within, zero = payloads_of(values, code.scale, code.largest)
            if within:
                steps = cls(offsets, index, payload)
                return steps.without_zeros() if zero else steps
        return cls(offsets, index, code.encode(values)).without_zeros()

    def without_zeros(self) -> SparseSteps:
        """The same steps without events of payload 0."""
        kept = self.payload != 0
        if kept.all():
            return self
        before = np.concatenate([[0], np.cumsum(kept)])
        return SparseSteps(before[self.offsets], self.index[kept], self.payload[kept])

    def rows(
        self, shape: Shape, first_step: int = 0, *, shared: SharedMaps | None = None, x_first: bool = False
    ) -> NDArray[np.int32]:
        """Int32[N, 4] of (t, c, y, x) in lexicographic order for a layer of `shape` (C, H, W).

        Args:
            shared: of that layer, where these are the spikes of its distinct maps only.
            x_first: places are those of Lava's (W, H, C): `index` is (x * height + y) * channels + c.
        """
        channels, height, width = shape
        source = np.arange(channels) if shared is None else shared.source
        distinct = channels if shared is None else len(shared.distinct)
        dividers = reciprocal(distinct), reciprocal(height if x_first else width)
        number = number_of_rows(self.index, dividers[0], distinct, source)
        rows = np.empty(2 * number, np.int64)  # by NumPy, which asks for large pages
        sorted_rows(
            self.offsets, self.index, source, distinct, dividers[0], height, width, dividers[1], x_first, first_step,
            rows,
        )  # fmt: skip
        return rows.view(np.int32).reshape(-1, 4)


def lava_events(
    frames: NDArray[Any], code: InputCode | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    """Events of frames [T, C, H, W] in Lava's order: offsets Int64[T + 1], index (x * H + y) * C + c ascending, values.

    Values are Int32 payloads of `code`, or without one the frames' own as Float64.

    Raises ClipError as `SparseSteps.of_frames` does.
    """
    if code is None:
        offsets, index, values = nonzero_values(np.ascontiguousarray(frames))
        values = values.astype(np.float64)
    else:
        steps = SparseSteps.of_frames(frames, code)
        offsets, index, values = steps.offsets, steps.index, steps.payload
    channels, height, width = frames.shape[1:]
    over = reciprocal(channels), reciprocal(width)
    # Within a row the channels come one after the other, and a column takes them in that order.
    return offsets, *column_by_column(offsets, index, values, channels, over[0], height, width, over[1])


def joined(runs: Iterable[SparseSteps]) -> SparseSteps:
    """Runs of consecutive steps as one."""
    runs = list(runs)
    if len(runs) == 1:
        return runs[0]
    counts = np.concatenate([np.diff(run.offsets) for run in runs])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SparseSteps(offsets, np.concatenate([r.index for r in runs]), np.concatenate([r.payload for r in runs]))


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
