"""Objects of live events: a window slides over the newest bins, and every window is a sample of its own.

A window of T bins is run from cleared state as soon as its last bin is over, so its spikes are those of the same frames
offline. The next window begins `stride` bins later; objects are linked over the bins that are new in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.decoder import Decoder
from spikeseg_lava.decoding.stages import CAUSAL
from spikeseg_lava.detection.linking import Linker
from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.detection.sightings import sightings_of
from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.engine.payloads import SparseBins, SparseSteps, joined
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.frames import checked_size, whole_number
from spikeseg_lava.events.stream import Events
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True)
class LiveSettings:
    """How live events are cut and judged.

    Attributes:
        bin_us: length of a time step, microseconds.
        timesteps: steps of a window.
        stride: steps between the beginnings of two windows; `timesteps` makes windows that do not overlap.
        size: (height, width) of the frames; None: the model's own, else the sensor's.
        binary: frames say whether there was an event, instead of how many.
        fire_once: a neuron fires at most once in a window.
        tau, max_distance, min_spikes: see `detect_objects`.
    """

    bin_us: int = 100_000
    timesteps: int = 10
    stride: int = 1
    size: Pair | None = None
    binary: bool = False
    fire_once: bool = True
    tau: float = 0.1
    max_distance: float = 12.0
    min_spikes: int = 1

    def __post_init__(self) -> None:
        for name in ("bin_us", "timesteps", "stride", "min_spikes"):
            whole_number(name, getattr(self, name), 1)
        if self.stride > self.timesteps:
            raise ArgumentError(f"`stride` must be at most the {self.timesteps} `timesteps`, got {self.stride}")


@dataclass(frozen=True, eq=False)
class LiveWindow:
    """What one window showed.

    Attributes:
        start_us, end_us: on the clock of the events, end excluded.
        record: spikes of every layer, as of an offline run of the same frames; no membranes.
        saliency: Float32[H, W] of the frames.
        objects: those that may still go on, with all their sightings so far.
        finished: those that ended since the last window; ids are those they had while they went on.
    """

    start_us: int
    end_us: int
    record: SpikeRecord
    saliency: NDArray[np.float32]
    objects: tuple[DetectedObject, ...]
    finished: tuple[DetectedObject, ...]


class LiveDetector:
    """Takes events as they come and gives a window whenever one is complete.

    Args:
        sensor: (height, width) of the sensor.
    """

    def __init__(self, model: FixedPointModel, sensor: Pair, settings: LiveSettings) -> None:
        self.settings, self._sensor = settings, checked_size("sensor", sensor)
        size = checked_size("size", settings.size or model.input_size or self._sensor)
        self._bins = SparseBins(self._sensor, size, model.input, settings.binary)
        self._engine = EventEngine(model, size, settings.fire_once)
        self._decoder = Decoder(model, size, CAUSAL)
        self._linker = Linker(settings.max_distance, settings.timesteps * settings.bin_us)
        silence = [SparseSteps.silent(1)] * settings.timesteps
        self._steps: deque[SparseSteps] = deque(silence, maxlen=settings.timesteps)
        self._pending: list[Events] = []
        self._bin: int | None = None  # start of the bin that is being filled
        self._since = 0  # bins since the last window
        self._silent = 0  # silent bins up to now
        self._linked_to = 0
        self._warm_up()

    def _warm_up(self) -> None:
        """What is compiled or loaded at first use must not delay the first events: look at a silent window once."""
        self._window(0)
        one = {name: np.zeros((1, 4), np.int32) for name in self._engine.shapes}
        self._linked(SpikeRecord(one, {}, {}), SparseSteps.silent(self.settings.timesteps), 0)
        self._linker = Linker(self.settings.max_distance, self._linker.max_gap_us)
        self._steps.clear()
        self._linked_to = 0

    def add(self, events: Events) -> Iterator[LiveWindow]:
        """Windows that are complete with `events`, which begin no earlier than those added before."""
        if not len(events.t):
            return
        if self._bin is None:
            self._bin = int(events.t[0])
        self._pending.append(events)
        yield from self.advance(int(events.t[-1]))

    def advance(self, now: int) -> Iterator[LiveWindow]:
        """Windows that are complete when the clock of the events shows `now`, also where no event came."""
        if self._bin is None or now < self._bin + self.settings.bin_us:
            return
        waiting = Events.joined(self._pending)
        while now >= self._bin + self.settings.bin_us:
            if self._silent >= self.settings.timesteps:
                self._bin = self._after_silence(self._bin, int(waiting.t[0]) if len(waiting.t) else now)
            end = self._bin + self.settings.bin_us
            count = int(np.searchsorted(waiting.t, end))
            self._steps.append(self._bins.payloads(waiting[:count], self._bin, self.settings.bin_us, 1))
            waiting, self._bin = waiting[count:], end
            self._since += 1
            self._silent = 0 if count else self._silent + 1
            if len(self._steps) == self.settings.timesteps and self._since >= self.settings.stride:
                self._since = 0
                yield self._window(end)
        self._pending = [waiting]

    def finish(self) -> Iterator[LiveWindow]:
        """The window that the bin now being filled completes, if any, when no more events will come."""
        if self._bin is not None:
            yield from self.advance(self._bin + self.settings.bin_us)

    def going_on(self) -> tuple[DetectedObject, ...]:
        """The objects that may still go on, with all their sightings so far."""
        tracks = ((k, self._linker.tracks[k]) for k in self._linker.recent)
        return tuple(self._object(k, track) for k, track in tracks if _heard(track) >= self.settings.min_spikes)

    def _after_silence(self, now: int, until: int) -> int:
        """Where to go on after a window of silence: a window before `until`, as what lies between is silent as well."""
        bin_us = self.settings.bin_us
        return now + max(until - now - self.settings.timesteps * bin_us, 0) // bin_us * bin_us

    def _window(self, end: int) -> LiveWindow:
        settings = self.settings
        start = end - settings.timesteps * settings.bin_us
        payloads = joined(self._steps)
        self._engine.clear()
        spikes = self._engine.run_rows([payloads])
        shapes = {name: list(shape) for name, shape in self._engine.shapes.items()}
        meta = {"backend": "event", "fire_once": settings.fire_once, "steps": settings.timesteps, "shapes": shapes}
        record = SpikeRecord(spikes, {}, meta)
        saliency = self._linked(record, payloads, end)
        finished = self._ended(end)
        return LiveWindow(start, end, record, saliency, self.going_on(), finished)

    def _linked(self, record: SpikeRecord, payloads: SparseSteps, end: int) -> NDArray[np.float32]:
        """Decode a window that ends at `end`, link what its new bins show, and give its saliency."""
        settings = self.settings
        decoded = self._decoder.decode(record, settings.timesteps)
        edges = end - settings.bin_us * np.arange(settings.timesteps, -1, -1)
        seen = sightings_of(decoded, edges, self._sensor, settings.tau, payloads)
        self._linker.add(s for s in seen if s.start_us >= self._linked_to)
        self._linked_to = end
        return decoded.saliency

    def _ended(self, now: int) -> tuple[DetectedObject, ...]:
        """Objects that nothing can be added to; they leave the linker, so that memory stays flat."""
        over = [k for k, track in self._linker.tracks.items() if now - track[-1].end_us > self._linker.max_gap_us]
        self._linker.recent = [k for k in self._linker.recent if k not in over]
        tracks = [(k, self._linker.tracks.pop(k)) for k in over]
        return tuple(self._object(k, track) for k, track in tracks if _heard(track) >= self.settings.min_spikes)

    @staticmethod
    def _object(number: int, track: list[Sighting]) -> DetectedObject:
        return DetectedObject(number + 1, tuple(track))


def _heard(track: list[Sighting]) -> int:
    return sum(sighting.spikes for sighting in track)
