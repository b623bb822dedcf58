"""Events and recordings made at random from a seed, and the comparison of what was read with them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from spikeseg_lava.events.recording import Recording


def small_events(count: int = 300, seed: int = 7) -> SimpleNamespace:
    """Columns x, y, t (microseconds, sorted), p of events that touch every border of a 30x40 sensor, and its size."""
    random = np.random.default_rng(seed)
    x, y = random.integers(0, 40, count), random.integers(0, 30, count)
    x[:2], y[:2] = (0, 39), (0, 29)
    t = np.sort(random.integers(1_000, 90_000, count))
    return SimpleNamespace(x=x, y=y, t=t, p=random.integers(0, 2, count), size=(30, 40))


def assert_same_events(recording: Recording, events: SimpleNamespace) -> None:
    """The recording holds exactly the columns of `events`."""
    assert recording.size == events.size
    for name in "xytp":
        np.testing.assert_array_equal(getattr(recording, name), getattr(events, name), err_msg=name)


def stream_recording(count: int = 3000, size=(24, 32), length: int = 1_000_000, seed: int = 0) -> Recording:
    """Random events that cluster, on a sensor of `size` (height, width), corners included."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(size[1] / 2, 4, count), 0, size[1] - 1).astype(np.int32)
    y = np.clip(rng.normal(size[0] / 2, 4, count), 0, size[0] - 1).astype(np.int32)
    x[:2], y[:2] = [0, size[1] - 1], [0, size[0] - 1]
    t = np.sort(rng.integers(1000, 1000 + length, count))
    p = rng.integers(0, 2, count).astype(np.uint8)
    p[:2] = [0, 1]
    return Recording(x, y, t, p, size)
