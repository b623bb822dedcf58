"""A made-up sky with known truth: satellites on SGP4 orbits, catalogue stars, an event camera behind a telescope.

A point of light of magnitude m that crosses a pixel changes its log intensity by `ln(1 + 10**(-0.4 (m - background)))`.
The camera sends an ON event per contrast threshold, and as many OFF events behind it. Its photoreceptor is slow: of a
dwell time d it sees the part `1 - exp(-d / latency)` of the light (Lichtsteiner 2008). Everything follows from one
seed, and no camera has seen it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.orbits import (
    DAY_SECONDS,
    Satellite,
    Site,
    Vectors,
    catalogue,
    directions,
    made_up_satellites,
    magnitude,
    read_satellites,
    site_place,
    sun_direction,
)
from spikeseg_lava.events.scene import SceneParameters, Track, Truth
from spikeseg_lava.events.synthetic import (
    SECOND,
    Cloud,
    Scene,
    cloud_of_hot_pixel,
    cloud_of_noise,
    cloud_of_star,
    expose,
    streak,
)

OBSERVATORY = Site()
LABEL = "made-up sky: synthetic, no camera saw it"
TRIES = 4000  # random dates until a satellite is lit, high and in a dark sky


@dataclass(frozen=True)
class SkyParameters:
    """What stands in the sky, and what looks at it.

    Attributes:
        size: (height, width) of the sensor in pixels.
        duration_us: length of the recording in microseconds.
        field_of_view: width of the image in degrees.
        satellites: how many satellites cross the field; 0 makes an empty sky, for false alarms.
        tles: lines of two-line element sets to draw the satellites from; empty: made-up orbits.
        site: where the telescope stands.
        epoch: Julian date around which (within a day) the passes are sought.
        faintest: magnitude of the faintest star.
        background: magnitude of a light that doubles the light of a pixel.
        contrast: threshold of the camera, in natural logarithms of intensity.
        latency_us: time constant of the photoreceptor.
        blur: standard deviation of a point of light, pixels.
        jitter: standard deviation of the telescope's shaking, pixels.
        drift: (x, y) tracking error, pixels per second: stars move by it.
        noise_rate, hot_pixels, hot_rate: as in `SceneParameters`.
    """

    size: tuple[int, int] = (180, 240)
    duration_us: int = 4_000_000
    field_of_view: float = 2.0
    satellites: int = 1
    tles: tuple[str, ...] = ()
    site: Site = OBSERVATORY
    epoch: float = 2460676.5  # 2025-01-01
    faintest: float = 11.0
    background: float = 9.0
    contrast: float = 0.25
    latency_us: float = 2000.0
    blur: float = 0.7
    jitter: float = 0.3
    drift: tuple[float, float] = (0.0, 0.0)
    noise_rate: float = 0.1
    hot_pixels: int = 8
    hot_rate: float = 10.0

    def __post_init__(self) -> None:
        self.scene()  # checks what both have
        for name in ("field_of_view", "contrast", "latency_us"):
            if not 0 < getattr(self, name) < math.inf:
                raise ArgumentError(f"`{name}` must be positive and finite, got {getattr(self, name)}")
        if not 0 <= self.jitter < math.inf or self.satellites < 0:
            raise ArgumentError("`jitter` and `satellites` must not be negative")

    def scene(self) -> SceneParameters:
        """The part of the parameters that every synthetic scene has."""
        shared = ("size", "duration_us", "blur", "drift", "noise_rate", "hot_pixels", "hot_rate")
        return SceneParameters(passes=self.satellites, stars=0, **{name: getattr(self, name) for name in shared})

    @property
    def scale(self) -> float:
        """Pixels per radian."""
        return self.size[1] / math.radians(self.field_of_view)


@dataclass(frozen=True)
class SkyObject:
    """A satellite as it crosses the field: apparent magnitude, and speed in pixels per second."""

    name: str
    magnitude: float
    speed: float


@dataclass(frozen=True, eq=False)
class Sky(Scene):
    """A synthetic recording of a sky; `objects[k]` belongs to `truth.tracks[k]`."""

    objects: tuple[SkyObject, ...] = ()
    stars_from: str = ""


def make_sky(parameters: SkyParameters, seed: int) -> Sky:
    """The events of a sky and the truth about it; the same seed gives the same sky."""
    rng = np.random.default_rng(seed)
    scene = parameters.scene()
    passes = [_pass(parameters, rng) for _ in range(parameters.satellites)]
    places, magnitudes, stars_from = _stars(parameters, rng)
    hot = np.stack([rng.integers(0, n, parameters.hot_pixels) for n in parameters.size[::-1]], axis=1)
    clouds = [
        *(_satellite(parameters, scene, track, seen, rng) for track, seen in passes),
        *(_star(parameters, scene, place, m, rng) for place, m in zip(places, magnitudes, strict=True)),
    ]
    shaking = _jitter(parameters, rng)
    clouds = [cloud._replace(position=cloud.position + shaking(cloud.time)) for cloud in clouds]
    clouds += [*(cloud_of_hot_pixel(scene, pixel, rng) for pixel in hot), cloud_of_noise(scene, rng)]
    events, sources = expose(scene, clouds)
    tracks = tuple(track for track, _ in passes)
    truth = Truth(parameters.size, parameters.duration_us, tracks, places, hot, sources)
    return Sky(scene, events, truth, tuple(seen for _, seen in passes), stars_from)


def events_per_crossing(parameters: SkyParameters, magnitude: float, speed: float) -> float:
    """ON events of one pixel that a point of light crosses at `speed` pixels per second; as many OFF events follow."""
    dwell = 2.35 * parameters.blur / max(speed, 1e-9) * SECOND
    light = 10 ** (-0.4 * (magnitude - parameters.background)) * -math.expm1(-dwell / parameters.latency_us)
    return math.log1p(light) / parameters.contrast


def _pass(parameters: SkyParameters, rng: Generator) -> tuple[Track, SkyObject]:
    """A satellite that is lit, 20 degrees up and in a dark sky, through a random point of the middle of the field."""
    known = read_satellites(list(parameters.tles)) if parameters.tles else []
    for _ in range(TRIES):
        date = parameters.epoch + rng.uniform(0, 1)
        satellite = known[rng.integers(len(known))] if known else made_up_satellites(1, parameters.epoch, rng)[0]
        if (seen := _seen(parameters, satellite, date)) is not None:
            velocity, m = seen
            height, width = parameters.size
            middle = rng.uniform(0.3, 0.7, 2) * (width - 1, height - 1)
            start = middle - velocity * parameters.duration_us / 2 / SECOND
            track = Track((float(start[0]), float(start[1])), (float(velocity[0]), float(velocity[1])))
            return track, SkyObject(satellite.name, m, float(np.hypot(*velocity)))
    raise ArgumentError(
        "`tles`: none of the satellites is lit, 20 degrees up and in a dark sky within a day of `epoch`"
    )


def _seen(parameters: SkyParameters, satellite: Satellite, date: float) -> tuple[NDArray[np.float64], float] | None:
    """Velocity (x, y) in pixels per second and magnitude at `date`; None where it cannot be seen then."""
    step = 0.1 / DAY_SECONDS
    dates = np.array([date, date + step])
    site, sun = site_place(parameters.site, dates), sun_direction(dates)
    places = satellite.places(dates)
    sight = places - site
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    up = site[0] / np.linalg.norm(site[0])
    m = magnitude(satellite, places[0], site[0], sun[0])
    if (
        sight[0] @ up < math.sin(math.radians(20))
        or sun[0] @ up > math.sin(math.radians(-6))
        or m > parameters.faintest
    ):
        return None
    right, above = _axes(sight[0])
    moved = (sight[1] - sight[0]) / 0.1 * parameters.scale
    return np.array([moved @ right, -(moved @ above)]), m


def _axes(centre: Vectors) -> tuple[Vectors, Vectors]:
    """Unit vectors to the image's right (east) and up (north) in the plane that touches the sky at `centre`."""
    east = np.cross([0.0, 0.0, 1.0], centre)
    east = np.asarray(east / max(float(np.linalg.norm(east)), 1e-12), np.float64)
    return east, np.asarray(np.cross(centre, east), np.float64)


def _stars(parameters: SkyParameters, rng: Generator) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Places (x, y) and magnitudes of the stars of a random field, and where they come from."""
    centre = directions(rng.uniform(0, 2 * np.pi), math.asin(rng.uniform(-1, 1)))
    height, width = parameters.size
    if (known := catalogue()) is not None:
        sky, magnitudes = known
        near = (sky @ centre > math.cos(math.radians(parameters.field_of_view))) & (magnitudes < parameters.faintest)
        right, above = _axes(centre)
        flat = sky[near] / (sky[near] @ centre)[:, None]  # gnomonic projection
        x = width / 2 + flat @ right * parameters.scale
        y = height / 2 - flat @ above * parameters.scale
        inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        return np.stack([x, y], axis=1)[inside], magnitudes[near][inside], "Hipparcos (van Leeuwen 2007)"
    # Without a catalogue: 10**(0.5 m - 3.3) stars brighter than m a square degree, a fit to star counts by eye.
    area = parameters.field_of_view**2 * height / width
    count = rng.poisson(area * 10 ** (0.5 * parameters.faintest - 3.3) / 10)
    magnitudes = parameters.faintest + 2 * np.log10(rng.uniform(1e-6, 1, count))
    return rng.uniform(-0.5, (width - 0.5, height - 0.5), (count, 2)), magnitudes, "random, no catalogue installed"


def _satellite(
    parameters: SkyParameters, scene: SceneParameters, track: Track, seen: SkyObject, rng: Generator
) -> Cloud:
    brightness = 2 * events_per_crossing(parameters, seen.magnitude, seen.speed)
    return streak(replace(scene, speed=max(seen.speed, 1e-6), brightness=brightness, off_share=0.5), track, rng)


def _star(
    parameters: SkyParameters, scene: SceneParameters, place: NDArray[np.float64], m: float, rng: Generator
) -> Cloud:
    """A star sends events where it drifts over pixels, and where it scintillates: once a second, by a tenth."""
    speed = math.hypot(*parameters.drift)
    drifting = 2 * speed * events_per_crossing(parameters, m, speed)
    scintillating = 0.2 * events_per_crossing(parameters, m, 1.0)
    return cloud_of_star(scene, place, drifting + scintillating, rng)


def _jitter(parameters: SkyParameters, rng: Generator) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Shaking of the telescope over time: a smooth random path, new every tenth of a second."""
    knots = np.arange(0, parameters.duration_us + 200_000, 100_000)
    path = rng.normal(0, parameters.jitter, (2, len(knots)))
    return lambda time: np.stack([np.interp(time, knots, axis) for axis in path], axis=1)
