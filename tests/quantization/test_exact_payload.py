"""Frames of counts and of fractions of counts reach the integers without rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_networks import random_network

from spikeseg_lava.execution.backends import run
from spikeseg_lava.quantization.options import common_denominator, rounded_scale
from spikeseg_lava.quantization.quantize import quantize


def counts(seed: int, largest: int) -> np.ndarray:
    """Int[T, 2, 9, 7] of a sparse clip."""
    rng = np.random.default_rng(seed)
    return (rng.random((8, 2, 9, 7)) < 0.4) * rng.integers(1, largest + 1, (8, 2, 9, 7))


@pytest.mark.parametrize(("values", "expected"), [([0, 1], 1), ([0.5, 1 / 3], 6), ([3, 254], 1), ([0.7071], None)])
def test_denominator_of_a_clip(values: list[float], expected: int | None):
    assert common_denominator([np.array(values, np.float32)], 4095) == expected


@given(st.lists(st.integers(1, 16), min_size=1, max_size=4))
def test_fractions_of_bins_are_whole_multiples(largest: list[int]):
    bins = [np.arange(n + 1, dtype=np.float32) / n for n in largest]
    denominator = common_denominator(bins, 2**30)
    assert denominator is not None
    for values in bins:
        assert np.abs(values * denominator - np.rint(values * denominator)).max() < 1e-6 * denominator


def test_scale_is_kept_where_whole_numbers_cost_too_much():
    assert rounded_scale(255.0, 60) == 240
    assert rounded_scale(255.0, 130) == 255
    assert rounded_scale(255.0, None) == 255
    assert rounded_scale(255 / 254, 1) == 1


def test_calibration_frames_are_not_rounded():
    clip = counts(1, 5).astype(np.float32)
    clip /= clip.max(axis=(1, 2, 3), keepdims=True)
    network = random_network(5)
    code = quantize(network, calibration=clip).input
    assert np.abs(code.encode(clip) / code.scale - clip).max() < 1e-7


@pytest.mark.parametrize("fire_once", [True, False])
def test_raw_counts_keep_every_spike(fire_once: bool):
    clip, network = counts(2, 9).astype(np.float32), random_network(5)
    record = run(quantize(network, calibration=clip), clip, "event", fire_once)
    floats = run(network, clip, "torch", fire_once)
    assert all(len(rows) for rows in floats.spikes.values())
    assert all(np.array_equal(record.spikes[name], rows) for name, rows in floats.spikes.items())
