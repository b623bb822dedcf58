"""Objects in a recording that was cut into samples and run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.decoder import Decoded, Decoder
from spikeseg_lava.decoding.stages import CAUSAL
from spikeseg_lava.detection.linking import Linker
from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.detection.sightings import EVENTS, EXTENTS, MASK, sightings_of
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.frames import bin_edges, checked_size, whole_number
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, html_table, short

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Sample:
    """One window of a recording, and what it caused.

    Attributes:
        start_us: on the recording's clock.
        size: (height, width) of its frames.
        events: of every time step, in pixels of the frames.
        record: the spikes; those of pools and the membranes are not needed.
        end_us: where the recording ends in it; None: it covers the whole window.
    """

    start_us: int
    size: Pair
    events: SparseSteps
    record: SpikeRecord
    end_us: int | None = None

    @classmethod
    def of_frames(cls, start_us: int, frames: NDArray[Any], record: SpikeRecord) -> Sample:
        """From frames [T, C, H, W]."""
        return cls(int(start_us), (frames.shape[2], frames.shape[3]), SparseSteps.of_nonzero(frames), record)


@dataclass(frozen=True, eq=False)
class Detected:
    """What was found.

    Attributes:
        objects: in order of appearance.
        sensor: (height, width) in pixels; all coordinates are the sensor's.
        start_us, end_us: time that the recording covers in the samples, microseconds; equal where there was no sample.
        samples: number of samples decoded.
        saliency: Float32[H, W] of the frames, positive part, summed over the samples; None without a sample.
        spikes: classification spikes, all of them.
        unlocated: those of them that decode to an empty mask and are in no object.
    """

    objects: list[DetectedObject]
    sensor: Pair
    start_us: int
    end_us: int
    samples: int
    saliency: NDArray[np.float32] | None
    spikes: int
    unlocated: int

    def __repr__(self) -> str:
        height, width = self.sensor
        seconds = (self.end_us - self.start_us) / 1e6
        return short(self, f"{len(self.objects)} objects", f"{seconds:g} s", f"{width}x{height} pixels")

    def _repr_html_(self) -> str:
        columns = ("id", "class", "box x0, y0, x1, y1 (pixel)", "spikes", "confidence")
        rows = ((x.id, x.class_id, ", ".join(map(str, x.box)), x.spikes, round(x.confidence, 2)) for x in self.objects)
        return html_table(repr(self), columns, rows, self.saliency)


def detect_objects(
    samples: Iterable[Sample | tuple[int, NDArray[Any], SpikeRecord]],
    network: SpikingNetwork | FixedPointModel,
    sensor: Pair,
    duration_us: int,
    *,
    pool_winners: str = CAUSAL,
    tau: float = 0.1,
    max_distance: float = 12.0,
    max_gap_us: int | None = None,
    min_spikes: int = 1,
    weights: str | None = None,
    extent: str | None = None,
    found: Callable[[DetectedObject], None] | None = None,
    overlap: bool = False,
) -> Detected:
    """Decode samples in order of time and link what they show into objects.

    Args:
        samples: every window, as `recorded_samples` gives them; or (start in microseconds, frames [T, C, H, W], record)
            of each.
        network: what was run.
        sensor: (height, width) of the sensor; frames may be of another size.
        duration_us: length of a window in microseconds.
        pool_winners: see `decode`.
        tau: see `group`.
        max_distance: how far, in sensor pixels, an object's masks may move between two sightings.
        max_gap_us: how long an object may be unseen, microseconds; default: one window.
        min_spikes: objects with fewer classification spikes are left out.
        weights: see `decode`.
        extent: whether boxes and centroids are those of the "events" under the masks or of each "mask"; default: of the
            events, but with `pool_winners` "last-step" of the masks, as the original program has them.
        found: called with every object as soon as nothing can be added to it.
        overlap: decode a sample in a thread while the next one is made, which uses a second core. Samples must not be
            made by forking processes, as Lava's graphs do: a lock that the thread holds would stay locked in them.

    Raises:
        ArgumentError: a setting outside what is possible, samples that are not in order of time.
    """
    sensor, duration_us = checked_size("sensor", sensor), whole_number("duration_us", duration_us, 1)
    if not 0 <= max_distance < math.inf:
        raise ArgumentError(f"`max_distance` must be zero or more pixels, got {max_distance}")
    extent = extent or (EVENTS if pool_winners == CAUSAL else MASK)
    if extent not in EXTENTS:
        raise ArgumentError(f"`extent` must be one of {', '.join(EXTENTS)}, got {extent!r}")
    max_gap = duration_us if max_gap_us is None else whole_number("max_gap_us", max_gap_us, 0)
    linker, tally, decode = Linker(max_distance, max_gap), _Tally(found), _Decoding(network, pool_winners, weights)
    given = (item if isinstance(item, Sample) else Sample.of_frames(*item) for item in samples)
    for sample, decoded in _overlapping(decode, given) if overlap else map(decode, given):
        tally.begin(sample.start_us, sample.end_us or sample.start_us + duration_us)
        tally.add(decoded.saliency, decoded.instances.empty)
        edges = bin_edges(sample.start_us, duration_us, sample.events.steps)
        linker.add(sightings_of(decoded, edges, sensor, tau, sample.events if extent == EVENTS else None))
        tally.keep(linker.finished(min_spikes))
    tally.keep(linker.finished(min_spikes, all_of_them=True))
    return tally.detected(sensor)


class _Decoding:
    """A decoder that is set up anew when the frame size changes."""

    def __init__(self, network: SpikingNetwork | FixedPointModel, pool_winners: str, weights: str | None) -> None:
        self._network, self._how = network, (pool_winners, weights)
        self._decoder: Decoder | None = None

    def __call__(self, sample: Sample) -> tuple[Sample, Decoded]:
        if self._decoder is None or self._decoder.size != sample.size:
            self._decoder = Decoder(self._network, sample.size, *self._how)
        return sample, self._decoder.decode(sample.record, sample.events.steps)


def _overlapping(work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """`work` of every item, in order; one item is worked on in a thread while the next is taken."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        last: Future[Made] | None = None
        for item in items:
            following = pool.submit(work, item)
            if last is not None:
                yield last.result()
            last = following
        if last is not None:
            yield last.result()


class _Tally:
    """What is summed up over the samples."""

    def __init__(self, found: Callable[[DetectedObject], None] | None) -> None:
        self._found = found
        self._objects: list[DetectedObject] = []
        self._starts: list[int] = []
        self._end = 0
        self._saliency: NDArray[np.float32] | None = None
        self._spikes = self._lost = 0

    def begin(self, start: int, end: int) -> None:
        if self._starts and start < self._starts[-1]:
            before = self._starts[-1]
            raise ArgumentError(f"`samples` must be in order of time, got one at {start} us after {before} us")
        self._starts.append(start)
        self._end = end

    def add(self, saliency: NDArray[np.float32], empty: NDArray[np.bool_]) -> None:
        positive = np.maximum(saliency, 0)
        self._saliency = positive if self._saliency is None else self._saliency + positive
        self._spikes += len(empty)
        self._lost += int(empty.sum())

    def keep(self, objects: Iterable[DetectedObject]) -> None:
        for item in objects:
            self._objects.append(item)
            if self._found is not None:
                self._found(item)

    def detected(self, sensor: Pair) -> Detected:
        start = self._starts[0] if self._starts else 0
        count = len(self._starts)
        return Detected(self._objects, sensor, start, self._end, count, self._saliency, self._spikes, self._lost)
