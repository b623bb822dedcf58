"""Synthetic satellite passes with ground truth: what an event camera behind a telescope sees of the night sky.

An object is a point of light that moves at constant velocity: ON events just before it, OFF events just behind it.
Beside it: stars that scintillate and may drift together, hot pixels, and noise anywhere. All event times are
Poisson processes; everything follows from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spikeseg_lava.events.scene import HOT_PIXEL, NOISE, STAR, STREAK, SceneParameters, Track, Truth

SECOND = 1_000_000  # microseconds


class Events(NamedTuple):
    """Events in time order: column, row (pixels), time (microseconds), polarity (1 ON, 0 OFF)."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    t: NDArray[np.int64]
    p: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Scene:
    """A synthetic recording and the truth about it."""

    plan: SceneParameters
    events: Events
    truth: Truth

    def frames(self, timesteps: int) -> NDArray[np.float32]:
        """Float32[timesteps, 2, height, width]: counts in equal time bins, each divided by its largest count."""
        x, y, t, p = self.events
        counts = np.zeros((timesteps, 2, *self.plan.size), np.float32)
        np.add.at(counts, (t * timesteps // self.plan.duration_us, p, y, x), 1)
        return counts / np.maximum(counts.max(axis=(1, 2, 3), keepdims=True), 1)


class Cloud(NamedTuple):
    """Events before they meet the pixel grid; positions (N, 2) are (x, y)."""

    position: NDArray[np.float64]
    time: NDArray[np.float64]
    polarity: NDArray[np.int8]
    source: int


def synthesize(plan: SceneParameters, seed: int) -> Scene:
    """The events of `plan`, and where everything was; the same seed gives the same scene."""
    rng = np.random.default_rng(seed)
    tracks = tuple(_random_track(plan, rng) for _ in range(plan.passes))
    stars = rng.uniform((0, 0), plan.size[::-1], (plan.stars, 2)) - 0.5
    hot = np.stack([rng.integers(0, n, plan.hot_pixels) for n in plan.size[::-1]], axis=1)
    clouds = [
        *(streak(plan, track, rng) for track in tracks),
        *(cloud_of_star(plan, star, rng.exponential(plan.star_rate), rng) for star in stars),
        *(cloud_of_hot_pixel(plan, pixel, rng) for pixel in hot),
        cloud_of_noise(plan, rng),
    ]
    events, sources = expose(plan, clouds)
    return Scene(plan, events, Truth(plan.size, plan.duration_us, tracks, stars, hot, sources))


def _random_track(plan: SceneParameters, rng: Generator) -> Track:
    extent = np.array(plan.size[::-1], float)
    middle = rng.uniform(0.25, 0.75, 2) * (extent - 1)
    angle = rng.uniform(0, 2 * np.pi)
    velocity = plan.speed * np.array([np.cos(angle), np.sin(angle)])
    start = middle - velocity * plan.duration_us / 2 / SECOND
    return Track((float(start[0]), float(start[1])), (float(velocity[0]), float(velocity[1])))


def streak(plan: SceneParameters, track: Track, rng: Generator) -> Cloud:
    """Events of a point of light along its track."""
    time = _poisson_times(plan, plan.brightness * plan.speed, rng)
    polarity = _polarities(len(time), plan.off_share, rng)
    # OFF events appear where the object was a moment ago.
    position = track.positions(time - (polarity == 0) * plan.trail / plan.speed * SECOND)
    return Cloud(_blurred(plan, position, rng), time, polarity, STREAK)


def cloud_of_star(plan: SceneParameters, star: NDArray[np.float64], rate: float, rng: Generator) -> Cloud:
    """Events of a star that drifts with the field and sends `rate` events per second."""
    time = _poisson_times(plan, rate, rng)
    position = star + np.outer(time / SECOND, plan.drift)
    return Cloud(_blurred(plan, position, rng), time, _polarities(len(time), 0.5, rng), STAR)


def cloud_of_hot_pixel(plan: SceneParameters, pixel: NDArray[np.int64], rng: Generator) -> Cloud:
    """ON events of one hot pixel."""
    time = _poisson_times(plan, plan.hot_rate, rng)
    return Cloud(np.repeat(pixel[None].astype(float), len(time), axis=0), time, np.ones(len(time), np.int8), HOT_PIXEL)


def cloud_of_noise(plan: SceneParameters, rng: Generator) -> Cloud:
    """Events of no origin, anywhere."""
    height, width = plan.size
    time = _poisson_times(plan, plan.noise_rate * height * width, rng)
    position = rng.uniform((-0.5, -0.5), (width - 0.5, height - 0.5), (len(time), 2))
    return Cloud(position, time, _polarities(len(time), 0.5, rng), NOISE)


def _poisson_times(plan: SceneParameters, rate: float, rng: Generator) -> NDArray[np.float64]:
    return rng.uniform(0, plan.duration_us, rng.poisson(rate * plan.duration_us / SECOND))


def _polarities(count: int, off_share: float, rng: Generator) -> NDArray[np.int8]:
    return (rng.uniform(size=count) >= off_share).astype(np.int8)


def _blurred(plan: SceneParameters, position: NDArray[np.float64], rng: Generator) -> NDArray[np.float64]:
    return position + rng.normal(0, plan.blur, position.shape)


def expose(plan: SceneParameters, clouds: list[Cloud]) -> tuple[Events, NDArray[np.int8]]:
    """Round to pixels, drop what misses the sensor, put in time order."""
    column, row = np.rint(np.concatenate([c.position for c in clouds])).astype(np.int32).T
    time = np.floor(np.concatenate([c.time for c in clouds])).astype(np.int64)
    polarity = np.concatenate([c.polarity for c in clouds])
    source = np.concatenate([np.full(len(c.time), c.source, np.int8) for c in clouds])
    seen = np.flatnonzero((column >= 0) & (column < plan.size[1]) & (row >= 0) & (row < plan.size[0]))
    order = seen[np.argsort(time[seen], kind="stable")]
    return Events(column[order], row[order], time[order], polarity[order]), source[order]
