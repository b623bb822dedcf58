"""Sparse bins hold the very payloads of dense frames."""

from __future__ import annotations

import numpy as np
import pytest
from builders.recordings import stream_recording as recording
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.engine.payloads import SparseBins, SparseSteps
from spikeseg_lava.events.stream import EventStream
from spikeseg_lava.network.integers import InputCode


def dense_of(steps: SparseSteps, size) -> np.ndarray:
    dense = np.zeros((steps.steps, size[0] * size[1] * 2), np.int32)
    for k in range(steps.steps):
        span = slice(steps.offsets[k], steps.offsets[k + 1])
        np.add.at(dense[k], steps.index[span], steps.payload[span])
    return dense.reshape(-1, *size, 2).transpose(0, 3, 1, 2)


@given(
    seed=st.integers(0, 99),
    count=st.sampled_from([2, 40, 3000]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    timesteps=st.integers(1, 9),
    bits=st.sampled_from([1, 2, 8, 12]),
    binary=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_payloads_equal_those_of_dense_frames(seed, count, size, timesteps, bits, binary):
    events, code = recording(count, seed=seed), InputCode(bits, 2.0**bits - 1)
    (whole,) = EventStream.of_recording(events).blocks()
    found = SparseBins(events.size, size, code, binary).payloads(whole, events.start, events.duration, timesteps)
    expected = code.encode(events.to_frames(timesteps, size, binary))
    np.testing.assert_array_equal(dense_of(found, size), expected)
    assert np.all(found.payload > 0)


def test_the_scratch_is_left_clean():
    events = recording(500)
    bins = SparseBins(events.size, events.size, InputCode(8, 255.0))
    (whole,) = EventStream.of_recording(events).blocks()
    first, second = (bins.payloads(whole, events.start, events.duration, 3) for _ in range(2))
    np.testing.assert_array_equal(first.payload, second.payload)


def test_golden_windows_of_a_real_recording(shared):
    from spikeseg_lava.events.read import read_recording

    events = read_recording(shared / "recordings" / "atis_bird_car.mat")
    (whole,) = EventStream.of_recording(events).blocks()
    code = InputCode(12, 4095.0)
    found = SparseBins(events.size, (128, 128), code).payloads(whole, events.start, events.duration, 30)
    np.testing.assert_array_equal(dense_of(found, (128, 128)), code.encode(events.to_frames(30, (128, 128))))
    assert len(found.index) > 10_000


@pytest.mark.parametrize("timesteps", [1, 4])
def test_a_silent_window_has_no_payload(timesteps):
    events = recording(50)
    (stretch,) = EventStream.of_recording(events).blocks()
    found = SparseBins(events.size, (8, 8), InputCode(8, 255.0)).payloads(stretch, 10_000_000, 1000, timesteps)
    assert found.steps == timesteps
    assert not len(found.index)
