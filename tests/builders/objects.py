"""A recording with the objects found in it, for what draws and counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.events.recording import Recording

SENSOR = (20, 32)


STEP = 100_000


def a_recording(count: int = 400) -> Recording:
    rng = np.random.default_rng(1)
    t = np.sort(rng.integers(0, 10 * STEP, count)) + 5_000
    x, y = rng.integers(0, SENSOR[1], count), rng.integers(0, SENSOR[0], count)
    p = rng.integers(0, 2, count).astype(np.uint8)
    return Recording(x.astype(np.int32), y.astype(np.int32), t.astype(np.int64), p, SENSOR)


def an_object(number: int, steps: Sequence[int] = range(2, 7), y: int = 8) -> DetectedObject:
    return DetectedObject(number, tuple(_sighting(step, 2 * step + 4, y) for step in steps))


def _sighting(step: int, x: int, y: int) -> Sighting:
    start = 5_000 + step * STEP
    return Sighting(start, start + STEP, 0, (x - 2, y - 2, x + 2, y + 2), (float(x), float(y)), 3)


def detected(*objects: DetectedObject, saliency: bool = True) -> Detected:
    pixels = np.random.default_rng(2).random((16, 16)).astype(np.float32) if saliency else None
    return Detected(list(objects), SENSOR, 5_000, 5_000 + 10 * STEP, 1, pixels, 20, 3)
