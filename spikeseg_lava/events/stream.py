"""A recording that need not be in memory as a whole: blocks of clean events, gone through as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.frames import Size, window_starts
from spikeseg_lava.events.recording import Labels, Recording
from spikeseg_lava.events.survey import checksum_of, running_crc

COLUMNS = ("x", "y", "t", "p")


@dataclass(frozen=True, eq=False)
class Events:
    """A stretch of events: x, y Int32[N], t Int64[N] in microseconds, p UInt8[N] 0/1."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    t: NDArray[np.int64]
    p: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, which: Any) -> Events:
        """The events at a slice, a mask or positions."""
        return Events(self.x[which], self.y[which], self.t[which], self.p[which])

    @classmethod
    def joined(cls, parts: Iterable[Events]) -> Events:
        """All events of `parts`, one part after another."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        kinds = (np.int32, np.int32, np.int64, np.uint8)
        columns: list[Any] = [
            np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)], dtype=kind)
            for name, kind in zip(COLUMNS, kinds, strict=True)
        ]
        return cls(*columns)


@dataclass(frozen=True, eq=False)
class EventStream:
    """Events in order of time that can be gone through, block after block, as often as needed.

    Attributes:
        size: (height, width) of the sensor.
        start, stop: times in microseconds of the first and of the last event.
        count: number of events.
        checksum: of all their columns, so that a changed recording is told from the one that was run.
        blocks: begins anew at the first event.
        labels, source, repairs: as those of a Recording.
    """

    size: Size
    start: int
    stop: int
    count: int
    checksum: str
    blocks: Callable[[], Iterator[Events]]
    labels: Labels | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    repairs: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_recording(cls, recording: Recording) -> EventStream:
        """A recording that is in memory already."""
        whole = Events(recording.x, recording.y, recording.t, recording.p)
        return cls(
            recording.size,
            recording.start,
            recording.start + recording.duration - 1,
            len(recording),
            checksum_of(running_crc(whole)),
            lambda: iter([whole]),
            recording.labels,
            recording.source,
            recording.repairs,
        )

    def recording(self) -> Recording:
        """All events in memory."""
        events = Events.joined(self.blocks())
        return Recording(
            events.x, events.y, events.t, events.p, self.size, self.labels, dict(self.source), dict(self.repairs)
        )

    def window_starts(self, duration_us: int, start: int | None = None) -> range:
        """Start times in microseconds of the windows that follow one another up to the last event."""
        return window_starts(self.start, self.stop, duration_us, start)

    def windows(self, starts: range) -> Iterator[Events]:
        """The events of each window `[start, start + step)`; only those of a window and a block are in memory."""
        blocks, pending, more = self.blocks(), Events.joined([]), True
        for start in starts:
            parts = [pending]
            while more and (not len(parts[-1]) or parts[-1].t[-1] < start + starts.step):
                block = next(blocks, None)
                more = block is not None
                parts = [_from(part, start) for part in parts] + ([] if block is None else [block])
            pending = Events.joined(parts)
            first, last = np.searchsorted(pending.t, [start, start + starts.step])
            yield pending[first:last]
            pending = pending[last:]

    def between(self, start: int, stop: int) -> EventStream:
        """The events with `start <= t < stop` in microseconds; RecordingError where there is none."""

        def blocks() -> Iterator[Events]:
            for block in self.blocks():
                first, last = np.searchsorted(block.t, [start, stop])
                if last > first:
                    yield block[first:last]
                if last < len(block):
                    return

        labels = None if self.labels is None else self.labels.between(start, stop)
        return counted(replace(self, blocks=blocks, labels=labels), f"from {start} to {stop} us")


def _from(events: Events, start: int) -> Events:
    return events[int(np.searchsorted(events.t, start)) :]


def counted(stream: EventStream, which: str) -> EventStream:
    """`stream` with the facts of the events its blocks hold now; RecordingError where they hold none of `which`."""
    count, start, stop, crc = 0, 0, 0, running_crc(Events.joined([]))
    for block in stream.blocks():
        if len(block):
            start = int(block.t[0]) if not count else start
            count, stop, crc = count + len(block), int(block.t[-1]), running_crc(block, crc)
    if not count:
        raise RecordingError(f"no event is left {which}; there are some from {stream.start} to {stream.stop} us")
    return replace(stream, count=count, start=start, stop=stop, checksum=checksum_of(crc))


def in_order(blocks: Iterable[Events], delay: int) -> Iterator[Events]:
    """The events of all blocks sorted by time, stable, where none stands behind one that is `delay` us newer.

    An event may leave once the newest time is `delay` ahead: whatever is still to come is not earlier. Memory holds
    what lies within `delay`; with 0, blocks pass as they are.
    """
    waiting: list[Events] = []
    newest, lowest = -(2**62), 2**62
    for block in blocks:
        if not len(block):
            continue
        if not delay:
            yield block
            continue
        waiting.append(block)
        newest, lowest = max(newest, int(block.t.max())), min(lowest, int(block.t.min()))
        if lowest <= newest - delay:
            ready, later = _split(waiting, newest - delay)
            waiting, lowest = [later], int(later.t[0]) if len(later) else 2**62
            yield ready
    if waiting:
        yield _split(waiting, newest)[0]


def _split(waiting: list[Events], until: int) -> tuple[Events, Events]:
    events = Events.joined(waiting)
    events = events[np.argsort(events.t, kind="stable")]
    count = int(np.searchsorted(events.t, until, side="right"))
    return events[:count], events[count:]
