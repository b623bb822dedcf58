"""Samples cut from a stream: the events of one time window after another, whatever the blocks they came in.

What a stream is made of: payloads of one sample after another, from a recording or whatever yields frames.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import checked_frames
from spikeseg_lava.engine.payloads import SparseBins, SparseSteps
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.frames import POLARITIES, checked_size, whole_number
from spikeseg_lava.events.stream import Events, EventStream
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel


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


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: payloads of its steps, the frame size (height, width), and its start in microseconds, if any."""

    payloads: SparseSteps
    size: Pair
    start: int | None = None


@dataclass(frozen=True, eq=False)
class SampleSource:
    """Samples of one frame size (height, width); `samples(k)` begins at sample k.

    `identity` tells this source from another (JSON-compatible); None where nothing can: such a run is not resumed.
    """

    size: Pair
    samples: Callable[[int], Iterator[Sample]]
    identity: dict[str, Any] | None = None
    total: int | None = None


def samples_of_events(
    stream: EventStream,
    model: FixedPointModel,
    duration_us: int,
    timesteps: int = 10,
    *,
    size: Pair | None = None,
    binary: bool = False,
    start: int | None = None,
) -> SampleSource:
    """One sample for each window of `duration_us` microseconds, `timesteps` bins each, as `Recording.windows` has them.

    Args:
        size: (height, width) of the frames; default: the model's own, else the sensor's.
        binary: 1 where there was any event, instead of normalised counts.
        start: microseconds on the recording's clock; default: the first event.
    """
    if model.input_channels != POLARITIES:
        raise ArgumentError(f"`model` takes {model.input_channels} input channel(s), events have 2: one a polarity")
    timesteps = whole_number("timesteps", timesteps, 1)
    frame_size = checked_size("size", size or model.input_size or stream.size)
    starts = window_starts(stream, duration_us, start)
    bins = SparseBins(stream.size, frame_size, model.input, binary)

    def samples(first: int) -> Iterator[Sample]:
        for begin, events in zip(starts[first:], windows(stream, starts[first:]), strict=True):
            yield Sample(bins.payloads(events, begin, starts.step, timesteps), frame_size, begin)

    events = {"count": stream.count, "checksum": stream.checksum, "sensor": list(stream.size)}
    binning = {"first": starts.start, "duration_us": starts.step, "timesteps": timesteps, "binary": binary}
    return SampleSource(frame_size, samples, {**events, **binning}, len(starts))


def samples_of_frames(source: Iterable[NDArray[Any]], model: FixedPointModel) -> SampleSource:
    """One sample for each array of frames Float[T, C, H, W] that `source` yields; the first tells the frame size."""
    encoded = (_encoded(frames, model) for frames in source)
    first = next(encoded, None)
    if first is None:
        raise ArgumentError("`source` yields no sample")
    return SampleSource(first.size, lambda skipped: itertools.islice(itertools.chain([first], encoded), skipped, None))


def sample_of_clip(frames: NDArray[np.float32], model: FixedPointModel) -> SampleSource:
    """A clip Float32[T, C, H, W] as the only sample; told from others by its contents."""
    sample = _encoded(frames, model)
    identity = {"shape": list(frames.shape), "checksum": f"{zlib.crc32(frames.tobytes()):08x}"}
    return SampleSource(sample.size, lambda skipped: iter([sample][skipped:]), identity, 1)


def _encoded(frames: NDArray[Any], model: FixedPointModel) -> Sample:
    frames = checked_frames(np.asarray(frames), model.input_channels)
    return Sample(SparseSteps.of_frames(frames, model.input), (frames.shape[2], frames.shape[3]))
