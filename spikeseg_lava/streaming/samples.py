"""What a stream is made of: payloads of one sample after another, from a recording or whatever yields frames."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.event_engine import checked_frames
from spikeseg_lava.engine.sparse import SparseSteps
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.network import Pair
from spikeseg_lava.recording.frames import POLARITIES, checked_size, whole_number
from spikeseg_lava.streaming.event_stream import EventStream
from spikeseg_lava.streaming.sparse_bins import SparseBins
from spikeseg_lava.streaming.windows import window_starts, windows


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
