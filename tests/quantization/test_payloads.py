"""Payloads that hold what frames of counts hold, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.quantization.setting import COARSEST_UNKNOWN, SPIKES, payload_codes
from spikeseg_lava.quantization.validation_clips import FrameKind, copies, made_up


def test_shares_of_counts_up_to_ten_are_exact():
    (code,) = [c for c in payload_codes(FrameKind(), None, 24) if c.scale == COARSEST_UNKNOWN]
    shares = np.array([k / n for n in range(1, 11) for k in range(n + 1)], np.float32)
    np.testing.assert_array_equal(code.encode(shares), [k * 2520 // n for n in range(1, 11) for k in range(n + 1)])


@pytest.mark.parametrize("largest", [2, 3, 15, 200])
def test_whole_counts_are_held_as_they_are_with_room_for_twice_as_many(largest: int):
    codes = payload_codes(FrameKind(whole=True, largest=largest), None, 24)
    assert codes[0] == InputCode((2 * largest).bit_length(), 1.0)
    assert InputCode(largest.bit_length(), 1.0) in codes


@pytest.mark.parametrize(("largest", "bits", "scales"), [(2, 2, {1.0}), (3, 4, {1.0, 5.0}), (9, 3, {7 / 9})])
def test_fixed_bits_hold_counts_exactly_where_they_fit(largest: int, bits: int, scales: set[float]):
    codes = payload_codes(FrameKind(whole=True, largest=largest), bits, 24)
    assert {code.scale for code in codes} == scales
    assert {code.bits for code in codes} == {bits}


def test_binary_frames_and_chips_without_payload_need_one_bit():
    assert payload_codes(FrameKind(binary=True), None, 24) == [SPIKES]
    assert payload_codes(FrameKind(), None, 1) == [SPIKES]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1], FrameKind(binary=True)),
        ([0, 1, 3], FrameKind(whole=True, largest=3)),
        ([0, 0.5, 1], FrameKind()),
        ([0, 0.5, 20], FrameKind(largest=20)),
        ([0, 0], FrameKind(binary=True)),
    ],
)
def test_kind_of_frames(values: list[float], kind: FrameKind):
    assert FrameKind.of([np.array(values, np.float32).reshape(1, 1, 1, -1)]) == kind


def test_made_up_frames_are_of_the_kind_asked_and_repeatable():
    for kind in (FrameKind(), FrameKind(binary=True), FrameKind(whole=True, largest=3), FrameKind(largest=20)):
        frames = made_up(3, 5, (30, 200), kind, seed=4)
        assert frames.shape == (5, 3, 30, 64)
        assert FrameKind.of([frames]) == kind
        np.testing.assert_array_equal(frames, made_up(3, 5, (30, 200), kind, seed=4))
        assert not np.array_equal(frames, made_up(3, 5, (30, 200), kind, seed=5))


def test_copies_hold_the_same_values_elsewhere():
    clip = np.arange(2 * 1 * 2 * 3, dtype=np.float32).reshape(2, 1, 2, 3)
    mirrored, turned = copies(clip)
    assert mirrored[0, 0].tolist() == clip[1, 0, :, ::-1].tolist()
    assert turned.shape == (2, 1, 3, 2)
    assert turned[0, 0].tolist() == clip[0, 0].T[::-1].tolist()
