"""The event engine on made-up scenes: more events on the same frame, and the same events on larger frames.

Events are given as events, as a stream gives them: reading a dense frame costs time for every pixel, the engine not.
"""

from __future__ import annotations

import time

import numpy as np

from spikeseg_lava.bench.contenders import Case
from spikeseg_lava.bench.limits import work_of
from spikeseg_lava.bench.result import Point, Spread
from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel

EVENTS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
FACTORS = (1, 2, 4, 8)
STEPS = 20
REPEATS = 9
EVENTS_ON_AREA = 300
PATCH = 64  # pixels square that the events of the area curve lie in, whatever the frame


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
