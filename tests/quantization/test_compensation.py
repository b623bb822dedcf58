"""Rounding whose errors cancel, on cases small enough to try every integer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from builders.networks import neuron

from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.quantization.compensation import Moments, PatchSums, compensated, moments_of, polished, signed_groups

FREE = np.full((1, 4), np.nan)


def loss(whole: np.ndarray, moments: Moments, scale: float) -> float:
    error = whole / scale - moments.target
    return float(error @ moments.second @ error)


def random_moments(seed: int) -> Moments:
    random = np.random.default_rng(seed)
    patches = random.random((50, 4)) @ random.random((4, 4))
    return Moments(patches.T @ patches / 50 + 1e-3 * np.eye(4), random.uniform(-1, 1, 4))


def test_two_weights_that_are_always_seen_together_keep_their_sum():
    together = Moments(np.array([[1.0, 0.99], [0.99, 1.0]]), np.array([1.4, 1.4]))
    (whole,), (found,) = compensated(together, np.ones(1), -127, 127, FREE[:, :2])
    assert sorted(whole) == [1, 2]
    assert found == pytest.approx(loss(whole, together, 1.0))


@pytest.mark.parametrize("seed", range(10))
def test_compensated_weights_lose_less_than_nearest_ones_and_little_more_than_the_best(seed: int):
    moments, scale = random_moments(seed), 5.0
    (whole,), _ = compensated(moments, np.array([scale]), -127, 127, FREE)
    whole = polished(whole, moments, scale, -127, 127, FREE[0])
    near = np.floor(scale * moments.target)
    best = min(loss(near + np.array(step), moments, scale) for step in itertools.product(range(-2, 4), repeat=4))
    assert best <= loss(whole, moments, scale) <= loss(np.rint(scale * moments.target), moments, scale)
    assert loss(whole, moments, scale) <= 4 * best


def test_weights_stay_in_their_word_and_given_ones_as_they_are():
    moments = random_moments(1)
    fixed = np.array([[np.nan, 3.0, np.nan, np.nan]])
    (whole,), _ = compensated(moments, np.array([50.0]), 0, 20, fixed)
    assert whole[1] == 3
    assert ((whole >= 0) & (whole <= 20)).all()


def test_opposite_weights_round_to_opposites():
    moments = random_moments(2)
    one, _ = compensated(moments, np.array([7.0]), -127, 127, FREE)
    other, _ = compensated(Moments(moments.second, -moments.target), np.array([7.0]), -127, 127, FREE)
    np.testing.assert_array_equal(one, -other)


def test_moments_of_close_calls_lead_to_the_weights_that_explain_the_membranes():
    """Payloads that are all a tenth too small ask for weights a tenth larger."""
    random = np.random.default_rng(0)
    patches, weight = random.random((4000, 4)), np.array([0.5, -0.3, 0.2, 0.1])
    sums = PatchSums.empty(4)
    sums.add(patches, 1.1 * patches @ weight, np.ones(len(patches)))
    found = moments_of(sums, sums.second / sums.count, weight)
    np.testing.assert_allclose(found.target, 1.1 * weight, rtol=0.05)
    assert found.rest >= 0


def test_without_close_calls_every_weight_counts_alike():
    found = moments_of(PatchSums.empty(3), None, np.ones(3))
    np.testing.assert_array_equal(found.second, np.eye(3))


def test_channels_of_equal_or_opposite_weights_are_one_group():
    base = np.array([[[[1.0, -2.0]]]], np.float32)
    other = np.array([[[[3.0, 4.0]]]], np.float32)
    layer = ConvLayer("conv1", np.concatenate([base, -base, other, base]), neuron(4, 1.0))
    assert signed_groups(layer) == [(0, 1), (0, -1), (2, 1), (0, 1)]
