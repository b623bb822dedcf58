"""Pool winners are those of `max_pool2d`, silent windows included, and are forgotten step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from spikeseg_lava.decoding.stages import forget_winners, note_winners, silent_winners
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import PoolLayer

PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


def places(winners, width) -> np.ndarray:
    """Int[C, h, w]: `row * width + column` of every winner."""
    packed = np.where(winners < 0, ~winners, winners).transpose(2, 0, 1)
    return (packed >> 16) * width + (packed & 0xFFFF)


@settings(max_examples=60, deadline=None)
@given(PAIRS, PAIRS, st.tuples(st.integers(4, 11), st.integers(4, 11)), st.integers(0, 10**6), st.floats(0, 0.6))
def test_winners_equal_max_pool(kernel, stride, size, seed, share):
    spikes = np.random.default_rng(seed).random((2, *size)) < share
    pool, rows = PoolLayer("pool1", kernel, stride), np.argwhere(spikes).astype(np.int32)
    winners = silent_winners(pool, (2, *size))
    silent = winners.copy()
    note_winners(pool, rows, winners)
    frames = torch.from_numpy(spikes[None].astype(np.float32))
    _, expected = functional.max_pool2d(frames, kernel, stride, return_indices=True)
    np.testing.assert_array_equal(places(winners, size[1]), expected[0].numpy())
    forget_winners(pool, rows, winners)
    np.testing.assert_array_equal(winners, silent)


def test_silent_window_is_won_by_its_first_neuron():
    pool = PoolLayer("pool1", (2, 2), (2, 2))
    winners = silent_winners(pool, (1, 5, 5))
    note_winners(pool, np.array([[0, 3, 3]], np.int32), winners)
    np.testing.assert_array_equal(places(winners, 5), [[[0, 2], [10, 18]]])
    np.testing.assert_array_equal(winners[..., 0] < 0, [[True, True], [True, False]])


def test_a_layer_whose_winners_do_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="too large to be decoded"):
        silent_winners(PoolLayer("pool1", (2, 2), (2, 2)), (1, 4, 2**15))
