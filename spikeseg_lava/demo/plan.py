"""What a synthetic scene holds, in numbers an observer would use."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spikeseg_lava.errors import ArgumentError


@dataclass(frozen=True)
class ScenePlan:
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
