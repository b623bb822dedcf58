"""How much there is to do in a clip, how fast this core could do it at best, and made scenes of growing work.

Work is counted exactly: events, synaptic operations and touched neurons. A synaptic operation is at least one addition
of a 32-bit weight to a 32-bit drive; a touched neuron costs at least one reading and one writing of its membrane and
its drive, 16 bytes. The limits are additions per second in vectors, and bytes per second from and to the caches.

The scenes grow in events on one frame, and in the frame around the same events. They are handed over as events, as a
stream has them: reading a dense frame costs time for every pixel, while the engine works per event.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeseg_lava.bench.contenders import Case
from spikeseg_lava.compilation import compiled
from spikeseg_lava.engine.conv import EventConv
from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.network.counting import fan_out
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel

EVENTS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
FACTORS = (1, 2, 4, 8)
STEPS = 20
REPEATS = 9
EVENTS_ON_AREA = 300
PATCH = 64  # pixels square that the events of the area curve lie in, whatever the frame


@dataclass(frozen=True)
class Work:
    """Means per step.

    Attributes:
        events: input events.
        operations: additions of one weight for one event, within the borders; weight planes count as one weight.
        additions: those that are left for the event engine, which adds once for maps that do the same.
        neurons: neurons brought up to date by the event engine.
        spikes: of all layers.
    """

    events: float
    operations: float
    additions: float
    neurons: float
    spikes: float


def work_of(case: Case) -> Work:
    """Count by running the event engine step by step."""
    engine = EventEngine(case.model, case.size, case.fire_once)
    events = engine.encode(case.frames)
    operations = additions = neurons = spikes = 0
    for step in range(events.steps):
        first, last = events.offsets[step], events.offsets[step + 1]
        one = SparseSteps(np.array([0, last - first]), events.index[first:last], events.payload[first:last])
        found = engine.run(one)
        wanted, done = _operations(case, engine, one, found)
        operations, additions = operations + wanted, additions + done
        neurons += sum(x.touched_neurons for x in engine.layers.values() if isinstance(x, EventConv))
        spikes += sum(len(x.index) for x in found.values())
    totals = len(events.index), operations, additions, neurons, spikes
    return Work(*(total / events.steps for total in totals))


def _operations(case: Case, engine: EventEngine, events: SparseSteps, found: dict[str, SparseSteps]) -> tuple[int, int]:
    """Synaptic operations of a step, and additions the engine makes for them."""
    shape, inputs = (case.model.input_channels, *case.size), np.arange(case.model.input_channels)
    operations = additions = 0
    for layer in case.model.layers:
        shared = engine.layers[layer.name].shared
        if isinstance(layer, FixedPointConv):
            reached = fan_out(layer, shape).ravel()[events.index // shape[0]]
            computed = np.isin(events.index % shape[0], inputs)
            operations += int(reached.sum())
            additions += int(reached[computed].sum()) * shared.drives // len(shared.source)
        shape, events, inputs = layer.output_shape(shape), found[layer.name], shared.distinct
    return operations, additions


RUN = 2**12  # int32 values: two such arrays stay in the first-level cache
STATE = 2**16  # int32 values: two such arrays stay in the second-level cache, and not in the first
BYTES_PER_NEURON = 16


@dataclass(frozen=True)
class Limits:
    """Of one core, measured.

    Attributes:
        additions: 32-bit additions from memory to memory per second, operands in the first-level cache.
        bandwidth: bytes read and written per second in the second-level cache, where the touched state of a scene lies.
    """

    additions: float
    bandwidth: float

    def least_ms(self, additions: float, neurons: float) -> float:
        """Milliseconds that so many additions and touched neurons take at least."""
        return 1e3 * (additions / self.additions + neurons * BYTES_PER_NEURON / self.bandwidth)


@compiled
def add_repeatedly(target, source, times):
    """Add `source` to `target`, both Int32[N], again and again."""
    for _ in range(times):
        for k in range(np.uint64(target.size)):
            target[k] += source[k]


def measured_limits(repeats: int = 5) -> Limits:
    """The best of some measurements, about a quarter of a second in all."""
    small = np.zeros((2, RUN), np.int32)
    large = np.zeros((2, STATE), np.int32)
    add_repeatedly(small[0], small[1], 1)
    adding = min(_seconds(lambda: add_repeatedly(small[0], small[1], 1000)) for _ in range(repeats))
    copying = min(_seconds(lambda: np.copyto(large[0], large[1])) for _ in range(100 * repeats))
    return Limits(1000 * RUN / adding, large.nbytes / copying)


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of repeated figures."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, figures: Any) -> Spread:
        return cls(float(np.min(figures)), float(np.median(figures)), float(np.max(figures)))


@dataclass(frozen=True)
class Point:
    """The event engine on a made-up scene of `size`: its work and its cost in ms a step, frames given as events."""

    size: tuple[int, int]
    work: Work
    ms: Spread


def over_events(model: FixedPointModel, size: Pair) -> tuple[Point, ...]:
    """Points for growing numbers of events a step, spread over a frame of `size`."""
    most = model.input_channels * size[0] * size[1]
    return tuple(_point(model, size, scene(model, size, size, n)) for n in EVENTS if n <= most)


def over_area(model: FixedPointModel, size: Pair) -> tuple[Point, ...]:
    """Points for frames of growing height and width, always with the very same events, away from the borders."""
    patch = (min(PATCH, size[0] // 2), min(PATCH, size[1] // 2))
    margin = (size[0] - patch[0]) // 2, (size[1] - patch[1]) // 2
    events = min(EVENTS_ON_AREA, model.input_channels * patch[0] * patch[1] // 2)
    frames = scene(model, patch, patch, events)
    sizes = [(size[0] * factor, size[1] * factor) for factor in FACTORS]
    return tuple(_point(model, larger, _padded(frames, larger, margin)) for larger in sizes)


def scene(model: FixedPointModel, size: Pair, patch: Pair, events: int, seed: int = 0) -> np.ndarray:
    """Float32[STEPS, C, H, W] with `events` values of 1 a step at random places of a patch, others every step."""
    rng = np.random.default_rng(seed)
    places = model.input_channels * patch[0] * patch[1]
    flat = np.zeros((STEPS, places), np.float32)
    for step in flat:
        step[rng.choice(places, events, replace=False)] = 1
    return _padded(flat.reshape(STEPS, model.input_channels, *patch), size)


def _padded(frames: np.ndarray, size: Pair, margin: Pair = (0, 0)) -> np.ndarray:
    """Frames of `size` with those given at row and column `margin`, zeros around them."""
    around = [(m, n - m - k) for m, n, k in zip(margin, size, frames.shape[2:], strict=True)]
    return np.pad(frames, [(0, 0), (0, 0), *around])


def _point(model: FixedPointModel, size: Pair, frames: np.ndarray) -> Point:
    case = Case(frames, model)
    engine = EventEngine(model, size, case.fire_once)
    events = engine.encode(case.frames)
    times = []
    for _ in range(REPEATS + 1):
        engine.clear()
        begin = time.perf_counter()
        engine.run(events)
        times.append(1e3 * (time.perf_counter() - begin) / STEPS)
    return Point(size, work_of(case), Spread.of(times[1:]))
