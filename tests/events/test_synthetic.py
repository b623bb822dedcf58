"""Synthetic scenes: seeded, as bright and as noisy as planned, and truthful about where everything was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.scene import HOT_PIXEL, NOISE, STAR, STREAK, SceneParameters, Track
from spikeseg_lava.events.synthetic import Scene, synthesize

SILENT = SceneParameters(passes=0, stars=0, hot_pixels=0, noise_rate=0)


def of_source(scene: Scene, source: int) -> np.ndarray:
    return np.stack(scene.events, axis=1)[scene.truth.sources == source]


def test_same_seed_same_scene_other_seed_another():
    first, again, other = (synthesize(SceneParameters(), seed) for seed in (3, 3, 4))
    for a, b in zip(first.events, again.events, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.truth.tracks == again.truth.tracks != other.truth.tracks


def test_nothing_planned_nothing_seen():
    assert len(synthesize(SILENT, 0).events.t) == 0


def test_object_moves_at_the_planned_speed():
    (track,) = synthesize(replace(SILENT, passes=1, speed=40.0), 1).truth.tracks
    assert np.hypot(*track.velocity) == pytest.approx(40)
    np.testing.assert_allclose(track.positions(2_000_000), np.add(track.start, np.multiply(2, track.velocity)))


def test_brightness_is_events_per_pixel_travelled():
    plan = replace(SILENT, size=(600, 800), passes=8, speed=100.0, brightness=5.0)
    streak = of_source(synthesize(plan, 2), STREAK)
    assert len(streak) == pytest.approx(8 * 160 * 5, rel=0.05)  # 160 pixels in 1.6 s
    assert 1 - streak[:, 3].mean() == pytest.approx(plan.off_share, abs=0.03)


def test_streak_events_lie_on_the_path_and_off_trails_on():
    plan = replace(SILENT, size=(600, 800), passes=1, speed=200.0, brightness=30.0, trail=4.0, blur=0.5)
    scene = synthesize(plan, 5)
    x, y, t, p = scene.events
    (track,) = scene.truth.tracks
    assert track.distances(x, y, -1e6, plan.duration_us).max() < 4
    ahead = (np.stack([x, y], axis=1) - track.positions(t)) @ np.array(track.velocity) / plan.speed
    assert ahead[p == 1].mean() == pytest.approx(0, abs=0.1)
    assert ahead[p == 0].mean() == pytest.approx(-4, abs=0.1)


def test_noise_rate_is_per_pixel_and_second_and_uniform():
    plan = replace(SILENT, size=(100, 50), duration_us=2_000_000, noise_rate=3.0)
    noise = of_source(synthesize(plan, 6), NOISE)
    assert len(noise) == pytest.approx(100 * 50 * 2 * 3, rel=0.03)
    assert noise[:, 0].mean() == pytest.approx(24.5, abs=0.5)
    assert noise[:, 1].mean() == pytest.approx(49.5, abs=1.0)
    assert set(np.unique(noise[:, 3])) == {0, 1}


def test_hot_pixels_fire_from_one_place_each():
    scene = synthesize(replace(SILENT, hot_pixels=3, hot_rate=100.0), 7)
    hot = of_source(scene, HOT_PIXEL)
    assert {tuple(xy) for xy in hot[:, :2].tolist()} == {tuple(xy) for xy in scene.truth.hot_pixels.tolist()}
    assert len(hot) == pytest.approx(3 * 160, rel=0.2)


def test_stars_drift_together():
    plan = replace(SILENT, size=(200, 300), stars=1, star_rate=500.0, drift=(20.0, -10.0), blur=0.3)
    scene = synthesize(plan, 11)
    star = of_source(scene, STAR)
    expected = scene.truth.stars[0] + np.outer(star[:, 2] / 1e6, plan.drift)
    assert len(star) > 50
    assert np.abs(star[:, :2] - expected).max() < 2.5


def test_distance_from_a_piece_of_path_by_hand():
    track = Track(start=(0.0, 0.0), velocity=(10.0, 0.0))  # from (0, 0) to (10, 0) in the first second
    distances = track.distances([5, -3, 14, 10], [2, 0, 3, 0], 0, 1_000_000)
    np.testing.assert_allclose(distances, [2, 3, 5, 0])


def test_mask_by_hand_and_per_time_bin():
    scene = synthesize(replace(SILENT, size=(5, 9)), 0)
    truth = replace(scene.truth, tracks=(Track((0.0, 2.0), (5.0, 0.0)),))  # along row 2, 8 pixels in 1.6 s
    expected = np.zeros((5, 9), bool)
    expected[2] = True
    np.testing.assert_array_equal(truth.mask(radius=0.5), expected)
    first, second = truth.masks(2, radius=0.5)
    np.testing.assert_array_equal(first[2], [1, 1, 1, 1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(second[2], [0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_no_object_no_mask_no_positions():
    truth = synthesize(SILENT, 0).truth
    assert not truth.mask().any()
    assert truth.positions([0, 1, 2]).shape == (0, 3, 2)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    timesteps=st.integers(1, 12),
    duration=st.integers(1, 300_000),
)
def test_events_are_ordered_inside_and_all_in_the_frames(seed, size, timesteps, duration):
    plan = SceneParameters(size=size, duration_us=duration, noise_rate=20.0, passes=2)
    scene = synthesize(plan, seed)
    x, y, t, p = scene.events
    assert len(scene.truth.sources) == len(t)
    assert (np.diff(t) >= 0).all()
    for values, end in ((t, duration), (x, size[1]), (y, size[0])):
        assert ((values >= 0) & (values < end)).all()
    frames = scene.frames(timesteps)
    assert frames.shape == (timesteps, 2, *size)
    assert frames.dtype == np.float32
    largest = frames.max(axis=(1, 2, 3))
    assert set(np.unique(largest)) <= {0.0, 1.0}
    cells = {*zip((t * timesteps // duration).tolist(), p.tolist(), y.tolist(), x.tolist(), strict=True)}
    assert cells == {*zip(*(a.tolist() for a in np.nonzero(frames)), strict=True)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("speed", 0.0),
        ("noise_rate", -1.0),
        ("brightness", float("nan")),
        ("off_share", 1.5),
        ("size", (0, 4)),
        ("duration_us", 0),
        ("passes", -1),
    ],
)
def test_impossible_plan_is_refused_by_name(field, value):
    with pytest.raises(ArgumentError, match=f"`{field}`"):
        SceneParameters(**{field: value})
