"""Pool winners are those of `max_pool2d`, silent windows included; unpooling sends neurons back to them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from spikeseg_lava.decoding.winners import pool_winners, unpool
from spikeseg_lava.network.floats import PoolLayer

PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(PAIRS, PAIRS, st.tuples(st.integers(4, 11), st.integers(4, 11)), st.integers(0, 10**6), st.floats(0, 0.6))
def test_winners_equal_max_pool(kernel, stride, size, seed, share):
    spikes = np.random.default_rng(seed).random((2, *size)) < share
    winners = pool_winners(PoolLayer("pool1", kernel, stride), (2, *size), np.argwhere(spikes))
    _, expected = functional.max_pool2d(
        torch.from_numpy(spikes[None].astype(np.float32)), kernel, stride, return_indices=True
    )
    np.testing.assert_array_equal(winners, expected[0].numpy())


def test_silent_window_is_won_by_its_first_neuron():
    winners = pool_winners(PoolLayer("pool1", (2, 2), (2, 2)), (1, 5, 5), np.array([[0, 3, 3]]))
    np.testing.assert_array_equal(winners, [[[0, 2], [10, 18]]])


def test_shared_winner_is_active_when_any_window_is():
    pool = PoolLayer("pool1", (1, 3), (1, 2))
    winners = pool_winners(pool, (1, 1, 5), np.array([[0, 0, 2]]))
    np.testing.assert_array_equal(winners, [[[2, 2]]])
    for neurons in ([[0, 0, 0]], [[0, 0, 1]], [[0, 0, 0], [0, 0, 1]]):
        np.testing.assert_array_equal(unpool(np.array(neurons), winners, (1, 1, 5)), [[0, 0, 2]])
