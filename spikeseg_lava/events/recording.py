"""An event recording in memory: clean, sorted events of a sensor of known size, and the frames made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import frames
from spikeseg_lava.events.frames import Size
from spikeseg_lava.spikes.record import html_table, short


@dataclass(frozen=True, eq=False)
class Labels:
    """Hand-made object positions (the `Obj` struct of EBSSA recordings), one row each, in the order of the file.

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


@dataclass(frozen=True, eq=False)
class Recording:
    """Events sorted by time, on a sensor whose pixels are counted from 0.

    Attributes:
        x, y: Int32[N], column and row, `0 <= x < width`, `0 <= y < height`.
        t: Int64[N], microseconds on the clock of the file, never falling.
        p: UInt8[N], polarity: 0 darker, 1 brighter (-1 of a file is 0 here).
        size: (height, width) of the sensor in pixels.
        labels: objects marked in the file, or None.
        source: where it came from: path, format, sensor_size (what told the size), one_based, time_unit.
        repairs: what had to be mended -> how often; empty for a clean file.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    t: NDArray[np.int64]
    p: NDArray[np.uint8]
    size: Size
    labels: Labels | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    repairs: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.y) == len(self.t) == len(self.p):
            lengths = ", ".join(str(len(column)) for column in (self.x, self.y, self.t, self.p))
            raise RecordingError(f"`x`, `y`, `t`, `p` must be of one length, got {lengths}")
        for name, limit in (("x", self.size[1]), ("y", self.size[0]), ("p", 2)):
            column = getattr(self, name)
            if len(column) and (column.min() < 0 or column.max() >= limit):
                raise RecordingError(f"`{name}` runs from {column.min()} to {column.max()}, expected 0 to {limit - 1}")
        if np.any(self.t[1:] < self.t[:-1]):
            raise RecordingError("`t` must not fall; sort the events by time first")

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        height, width = self.size
        span = f"{self.duration / 1e6:g} s" if len(self) else None
        return short(self, f"{len(self):,} events", span, f"{width}x{height} pixels", self.source.get("format"))

    def _repr_html_(self) -> str:
        height, width = self.size
        pixels = np.bincount(self.y.astype(np.int64) * width + self.x, minlength=height * width).reshape(height, width)
        rows = [(name, value) for facts in (self.source, self.repairs) for name, value in facts.items()]
        return html_table(repr(self), ("from", ""), rows, pixels)

    @property
    def start(self) -> int:
        """Time of the first event in microseconds; RecordingError where there is none."""
        if not len(self):
            raise RecordingError("the recording holds no event here: give `start` and `duration` in microseconds")
        return int(self.t[0])

    @property
    def duration(self) -> int:
        """Microseconds from the first event to the last, both included."""
        return int(self.t[-1]) - self.start + 1

    def between(self, start: int, stop: int) -> Recording:
        """The events (and labels) with `start <= t < stop` in microseconds; views, nothing is copied."""
        span = slice(*np.searchsorted(self.t, [start, stop]))
        labels = None if self.labels is None else self.labels.between(start, stop)
        return replace(self, x=self.x[span], y=self.y[span], t=self.t[span], p=self.p[span], labels=labels)

    def bins(self, timesteps: int, start: int | None = None, duration: int | None = None) -> NDArray[np.int64]:
        """Int64[T + 1] edges in microseconds of the bins `to_frames` makes of the same arguments."""
        start = self.start if start is None else frames.whole_number("start", start)
        if duration is None:
            duration = self.start + self.duration - start
        return frames.bin_edges(start, duration, timesteps)

    def counts(
        self, timesteps: int, size: Size | None = None, start: int | None = None, duration: int | None = None
    ) -> NDArray[np.int32]:
        """Int32[T, 2, H, W]: events per bin, polarity and pixel, before any normalisation."""
        size = self.size if size is None else frames.checked_size("size", size)
        bounds = np.searchsorted(self.t, self.bins(timesteps, start, duration))
        return frames.count_events(self.x, self.y, self.p, bounds, self.size, size)

    def to_frames(
        self,
        timesteps: int,
        size: Size | None = None,
        binary: bool = False,
        start: int | None = None,
        duration: int | None = None,
    ) -> NDArray[np.float32]:
        """Float32[T, 2, H, W] frames: T equal bins, channel = polarity, each bin divided by its largest count.

        Args:
            size: (height, width) of the frames; default: the sensor's own.
            binary: 1 where there was any event, instead of normalised counts.
            start: microseconds on the recording's clock; default: the first event.
            duration: microseconds, all bins together; default: up to the last event, included.

        Raises:
            ArgumentError: on sizes, durations or step numbers below 1.
            RecordingError: when the recording is empty and no span is given.
        """
        counts = self.counts(timesteps, size, start, duration)
        return frames.present(counts) if binary else frames.normalised(counts)

    def window_starts(self, duration_us: int, start: int | None = None) -> range:
        """Start times in microseconds of the windows that follow one another up to the last event."""
        return frames.window_starts(self.start, self.start + self.duration - 1, duration_us, start)

    def windows(
        self,
        duration_us: int,
        timesteps: int = 10,
        size: Size | None = None,
        binary: bool = False,
        start: int | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """One clip of frames after another, as `to_frames(start=..., duration=duration_us)`; only one is in memory.

        The last window is as long as the others; after the last event its bins are empty.
        """
        for begin in self.window_starts(duration_us, start):
            yield self.to_frames(timesteps, size, binary, begin, duration_us)
