"""What a synthetic scene holds, in numbers an observer would use.

What is known about a synthetic scene: the path of every object, and which event came from what.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeseg_lava.errors import ArgumentError


@dataclass(frozen=True)
class SceneParameters:
    """What a scene holds.

    Attributes:
        size: (height, width) of the sensor in pixels.
        duration_us: length of the recording in microseconds.
        passes: number of objects that cross the sensor, each in a random direction through its middle half.
        speed: of the objects, pixels per second.
        brightness: events of an object per pixel travelled, both polarities together.
        off_share: part of an object's events that are OFF.
        trail: distance in pixels of the OFF events behind the ON events.
        blur: standard deviation in pixels of events around a point of light.
        noise_rate: uniform noise, events per pixel and second.
        stars: number of stars.
        star_rate: mean events per second of a star; single stars are exponentially distributed around it.
        drift: (x, y) velocity of the star field in pixels per second.
        hot_pixels: number of pixels that fire by themselves.
        hot_rate: events per second of a hot pixel. A hot pixel above the objects' count per bin dims all frames.
    """

    size: tuple[int, int] = (96, 128)
    duration_us: int = 1_600_000
    passes: int = 1
    speed: float = 70.0
    brightness: float = 2.5
    off_share: float = 0.4
    trail: float = 2.0
    blur: float = 0.6
    noise_rate: float = 0.2
    stars: int = 12
    star_rate: float = 4.0
    drift: tuple[float, float] = (0.0, 0.0)
    hot_pixels: int = 6
    hot_rate: float = 20.0

    def __post_init__(self) -> None:
        if min(self.size) < 1 or self.duration_us < 1:
            raise ArgumentError(f"`size` and `duration_us` must be positive, got {self.size} and {self.duration_us}")
        if not 0 < self.speed < math.inf:
            raise ArgumentError(f"`speed` must be positive and finite, got {self.speed}")
        if not 0 <= self.off_share <= 1:
            raise ArgumentError(f"`off_share` must lie between 0 and 1, got {self.off_share}")
        for name in ("passes", "brightness", "blur", "noise_rate", "stars", "star_rate", "hot_pixels", "hot_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ArgumentError(f"`{name}` must be finite and not negative, got {getattr(self, name)}")


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
