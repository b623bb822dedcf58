"""Worst cases and observed drives against sums done by hand and by PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import layer, model, ones
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.network.bounds import Interval, conv_ranges, dense, drive


def test_worst_cases_by_hand() -> None:
    """Weights 3, -2 in two planes (x 1 and x 4), payload up to 7, threshold 50, leak 4."""
    made = model(layer([[[[3, -2]]]], 50, 4, exponents=(0, 2)), bits=3)
    found = conv_ranges(made, steps=10)["conv1"]
    assert found.drive == Interval(-2 * 5 * 7, 3 * 5 * 7)
    assert found.weight_sum == 25
    assert found.membrane == Interval(-70 - 4, 49 + 105 - 4)
    assert found.observed_drive is None


def test_without_a_floor_the_steps_add_up() -> None:
    made = model(layer([[[[3, -2]]]], 50, 4, floor=False))
    assert conv_ranges(made, steps=10)["conv1"].membrane == Interval(-60, 49 + 3 - 4)


def test_only_the_first_layer_sees_payloads() -> None:
    found = conv_ranges(model(layer(ones(1, 1, 1, 1)), layer(ones(1, 1, 1, 1), name="conv2"), bits=4), steps=1)
    assert (found["conv1"].payload, found["conv2"].payload) == (15, 1)


@pytest.mark.parametrize(("low", "high", "bits"), [(0, 0, 1), (0, 1, 2), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9)])
def test_bits_of_a_signed_word(low: int, high: int, bits: int) -> None:
    assert Interval(low, high).bits == bits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(1, 1), (2, 1), (1, 3)]))
def test_drive_is_the_convolution_of_pytorch(seed: int, stride: tuple[int, int]) -> None:
    import torch

    random = np.random.default_rng(seed)
    made = layer(random.integers(-128, 128, (3, 2, 3, 5)), exponents=(0, 8), stride=stride)
    inputs = random.integers(0, 4096, (2, 2, 6, 9))
    expected = torch.nn.functional.conv2d(
        torch.as_tensor(inputs).double(), torch.as_tensor(made.kernel).double(), stride=stride, padding=(1, 2)
    )
    np.testing.assert_array_equal(drive(made, inputs), expected.numpy())


def test_dense_puts_spikes_where_they_were() -> None:
    spikes = dense(np.array([(0, 1, 0, 2), (1, 0, 1, 0)]), 2, (2, 2, 3))
    assert np.argwhere(spikes).tolist() == [[0, 1, 0, 2], [1, 0, 1, 0]]
