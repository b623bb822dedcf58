"""Samples cut from a stream: the events of one time window after another, whatever the blocks they came in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeseg_lava.recording.frames import whole_number
from spikeseg_lava.streaming.event_stream import Events, EventStream


def window_starts(stream: EventStream, duration_us: int, start: int | None = None) -> range:
    """Start times in microseconds of the windows up to the last event, as `Recording.window_starts` gives them."""
    first = stream.start if start is None else whole_number("start", start)
    return range(first, stream.stop + 1, whole_number("duration_us", duration_us, 1))


def windows(stream: EventStream, starts: range) -> Iterator[Events]:
    """The events of each window `[start, start + step)`; only those of a window and of one block are in memory."""
    blocks = stream.blocks()
    pending, more = next(blocks), True
    for start in starts:
        while more and pending.t[-1] < start + starts.step:
            block = next(blocks, None)
            more = block is not None
            pending = _joined(_from(pending, start), block) if block is not None else pending
        first, last = np.searchsorted(pending.t, [start, start + starts.step])
        yield _span(pending, first, last)


def _from(events: Events, start: int) -> Events:
    return _span(events, np.searchsorted(events.t, start), len(events.t))


def _span(events: Events, first: int | np.intp, last: int | np.intp) -> Events:
    return Events(events.x[first:last], events.y[first:last], events.t[first:last], events.p[first:last])


def _joined(first: Events, second: Events) -> Events:
    columns = (np.concatenate([getattr(first, c), getattr(second, c)]) for c in ("x", "y", "t", "p"))
    return Events(*columns)
