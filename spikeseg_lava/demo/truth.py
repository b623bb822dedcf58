"""What is known about a synthetic scene: the path of every object, and which event came from what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOISE, STREAK, STAR, HOT_PIXEL = 0, 1, 2, 3


@dataclass(frozen=True)
class Track:
    """A point in straight motion: (x, y) at time 0 in pixels, velocity in pixels per second."""

    start: tuple[float, float]
    velocity: tuple[float, float]

    def positions(self, time_us: ArrayLike) -> NDArray[np.float64]:
        """Float[..., 2] of (x, y) at times in microseconds; not limited to the sensor."""
        return np.asarray(self.start) + np.multiply.outer(np.asarray(time_us, float) / 1e6, self.velocity)

    def distances(self, x: ArrayLike, y: ArrayLike, begin_us: float, end_us: float) -> NDArray[np.float64]:
        """Distance in pixels of points (x, y) from the piece of path between two times (microseconds)."""
        begin, end = self.positions([begin_us, end_us])
        path = end - begin
        points = np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)), axis=-1)
        along = np.clip((points - begin) @ path / max(float(path @ path), 1e-12), 0, 1)
        return np.linalg.norm(points - begin - along[..., None] * path, axis=-1)


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of a scene.

    Attributes:
        size: (height, width) in pixels.
        duration_us: length of the recording in microseconds.
        tracks: path of each object.
        stars: Float[S, 2], (x, y) of each star at time 0.
        hot_pixels: Int[H, 2], (x, y).
        sources: Int8[N], origin of every event: NOISE, STREAK, STAR or HOT_PIXEL.
    """

    size: tuple[int, int]
    duration_us: int
    tracks: tuple[Track, ...]
    stars: NDArray[np.float64]
    hot_pixels: NDArray[np.int64]
    sources: NDArray[np.int8]

    def positions(self, time_us: ArrayLike) -> NDArray[np.float64]:
        """Float[objects, ..., 2] of (x, y) at the given times."""
        if not self.tracks:
            return np.empty((0, *np.shape(time_us), 2))
        return np.stack([track.positions(time_us) for track in self.tracks])

    def mask(self, radius: float = 3.0, begin_us: float = 0, end_us: float | None = None) -> NDArray[np.bool_]:
        """Bool[height, width]: pixels within `radius` of where an object was between two times; default: ever."""
        end_us = self.duration_us if end_us is None else end_us
        y, x = np.indices(self.size)
        near = [t.distances(x, y, begin_us, end_us) <= radius for t in self.tracks]
        return np.any(near, axis=0) if near else np.zeros(self.size, bool)

    def masks(self, timesteps: int, radius: float = 3.0) -> NDArray[np.bool_]:
        """Bool[timesteps, height, width]: the mask of each of `timesteps` equal bins of time."""
        edges = np.linspace(0, self.duration_us, timesteps + 1)
        return np.stack([self.mask(radius, a, b) for a, b in pairwise(edges)])
