"""A recording cut into samples: payloads of one window of time after another, or of whatever yields frames.

Only the events of one window and of one block of the file are in memory.
"""

from __future__ import annotations

import itertools
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import checked_frames
from spikeseg_lava.engine.payloads import SparseBins, SparseSteps
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events import frames as binning
from spikeseg_lava.events.frames import POLARITIES, checked_size, whole_number
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel

logger = logging.getLogger(__name__)

SAMPLE_US = 1_000_000  # microseconds of a sample: ten bins of 100 ms, as EBSSA is trained on
TIMESTEPS = 10
LEAST_FILL = 0.5  # of a last window that objects are looked for in


@dataclass(frozen=True)
class StreamSettings:
    """How a recording is cut into samples, and how these are run.

    Attributes:
        duration_us: length of a sample in microseconds.
        timesteps: steps of a sample.
        size: (height, width) of the frames; default: the network's own, else the sensor's.
        binary: 1 where there was any event, instead of normalised counts.
        start: microseconds on the recording's clock; default: the first event.
        sensor_size: (height, width) of the sensor, where the file does not say.
        reading: further options of `open_events`: unit of time, part, group, denoising.
        fire_once: a neuron fires at most once per sample.
        carry_state: keep membranes and fire-once from sample to sample instead of clearing them.
        least_fill: a last sample of which the recording covers a smaller share is left out, unless it is the only one:
            its few events, divided by their own small maximum, would fire like a whole scene.
    """

    duration_us: int = SAMPLE_US
    timesteps: int = TIMESTEPS
    size: Pair | None = None
    binary: bool = False
    start: int | None = None
    sensor_size: Pair | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    fire_once: bool = True
    carry_state: bool = False
    least_fill: float = 0.0

    def __post_init__(self) -> None:
        whole_number("duration_us", self.duration_us, 1)
        whole_number("timesteps", self.timesteps, 1)
        if not 0 <= self.least_fill <= 1:
            raise ArgumentError(f"`least_fill` must lie between 0 and 1, got {self.least_fill}")

    @classmethod
    def of(cls, settings: dict[str, Any]) -> StreamSettings:
        """From keyword arguments; ArgumentError for a name that is none of them."""
        known = [setting.name for setting in fields(cls)]
        unknown = sorted(settings.keys() - set(known))
        if unknown:
            raise ArgumentError(f"`{unknown[0]}` is no setting of a stream, expected some of {', '.join(known)}")
        return cls(**settings)

    @property
    def opening(self) -> dict[str, Any]:
        """What `open_events` takes by name for the path of a recording."""
        return {**self.reading, "sensor_size": self.sensor_size}

    def window_starts(self, stream: EventStream) -> range:
        """Start times in microseconds of the windows up to the last event."""
        starts = stream.window_starts(self.duration_us, self.start)
        return starts[:-1] if self.fill_of_last(stream) < self.least_fill else starts

    def fill_of_last(self, stream: EventStream) -> float:
        """The share of the last window that the recording covers; 1 where it is the only one."""
        starts = stream.window_starts(self.duration_us, self.start)
        return min((stream.stop + 1 - starts[-1]) / self.duration_us, 1.0) if len(starts) > 1 else 1.0

    def frame_size(self, stream: EventStream, trained: Pair | None) -> Pair:
        """(height, width) of the frames."""
        return checked_size("size", self.size or trained or stream.size)


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


def samples_of_events(stream: EventStream, model: FixedPointModel, settings: StreamSettings) -> SampleSource:
    """One sample for each window of a recording."""
    if model.input_channels != POLARITIES:
        raise ArgumentError(f"`model` takes {model.input_channels} input channel(s), events have 2: one a polarity")
    size, starts = settings.frame_size(stream, model.input_size), settings.window_starts(stream)
    bins = SparseBins(stream.size, size, model.input, settings.binary)

    def samples(first: int) -> Iterator[Sample]:
        tell_what_is_left_out(stream, settings)
        for begin, events in zip(starts[first:], stream.windows(starts[first:]), strict=True):
            yield Sample(bins.payloads(events, begin, starts.step, settings.timesteps), size, begin)

    events = {"count": stream.count, "checksum": stream.checksum, "sensor": list(stream.size)}
    steps = {"timesteps": settings.timesteps, "binary": settings.binary}
    cut = {"first": starts.start, "duration_us": starts.step, **steps}
    if settings.least_fill:
        cut["samples"] = len(starts)
    return SampleSource(size, samples, {**events, **cut}, len(starts))


def tell_what_is_left_out(stream: EventStream, settings: StreamSettings) -> None:
    """Log that the last window is left out, and why."""
    filled = settings.fill_of_last(stream)
    if filled < settings.least_fill:
        logger.warning(
            f"the last window is left out: the recording ends {filled:.0%} into it, and its few events, divided by "
            "their own small maximum, would fire like a whole scene"
        )


def frames_of_events(stream: EventStream, settings: StreamSettings) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(start, frames Float32[T, 2, H, W]) of each window, for executions that take dense frames."""
    size, starts = settings.frame_size(stream, None), settings.window_starts(stream)
    tell_what_is_left_out(stream, settings)
    for start, events in zip(starts, stream.windows(starts), strict=True):
        bounds = np.searchsorted(events.t, binning.bin_edges(start, starts.step, settings.timesteps))
        counts = binning.count_events(events.x, events.y, events.p, bounds, stream.size, size)
        yield start, binning.present(counts) if settings.binary else binning.normalised(counts)


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
