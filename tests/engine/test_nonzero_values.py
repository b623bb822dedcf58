"""Values that are not zero, found as NumPy finds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.engine.kernels.payloads import nonzero_values


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 12), st.integers(1, 150), st.sampled_from([0, 0.1, 1])
)
@settings(deadline=None, max_examples=40)
def test_places_and_values_are_those_of_numpy_row_by_row(seed, channels, height, width, density):
    rng = np.random.default_rng(seed)
    clip = rng.normal(size=(3, channels, height, width)) * (rng.random((3, channels, height, width)) < density)
    offsets, index, values = nonzero_values(clip.astype(np.float32))
    t, y, c, x = np.nonzero(clip.transpose(0, 2, 1, 3))
    np.testing.assert_array_equal(offsets, np.searchsorted(t, np.arange(4)))
    np.testing.assert_array_equal(index, (y * width + x) * channels + c)
    np.testing.assert_array_equal(values, clip[t, c, y, x].astype(np.float32))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_clips_may_hold_any_number(dtype):
    clip = np.zeros((1, 1, 2, 65), dtype)
    clip[0, 0, 0, 3] = clip[0, 0, 1, 64] = 1
    offsets, index, values = nonzero_values(clip)
    assert (offsets.tolist(), index.tolist(), values.tolist()) == ([0, 2], [3, 129], [1, 1])


def test_not_a_number_is_found_and_negative_zero_is_not():
    clip = np.zeros((1, 1, 8, 8), np.float32)
    clip[0, 0, 0, :2] = np.nan, -0.0
    assert nonzero_values(clip)[1].tolist() == [0]
