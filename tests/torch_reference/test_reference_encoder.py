"""The float encoder: orientation, layers within one step, pools, and state between samples."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from builders.networks import float_conv

from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.network.floats import PoolLayer, SpikingNetwork
from torch_reference import ReferenceEncoder, run_reference

conv = partial(float_conv, padding=None)  # keeps the size


def frame(height: int, width: int, *pixels: tuple[int, int]) -> np.ndarray:
    """One step, one channel, 1 at the given (row, column)."""
    image = np.zeros((1, 1, height, width), np.float32)
    for row, column in pixels:
        image[0, 0, row, column] = 1
    return image


def test_kernel_is_not_flipped_and_rows_run_down():
    kernel = np.zeros((1, 1, 3, 5))
    kernel[0, 0, 0, 4] = 1  # a neuron sees the pixel one row above and two columns to the right
    record = run_reference(SpikingNetwork((conv("conv1", kernel),)), frame(4, 7, (1, 5)))
    assert record.spikes["conv1"].tolist() == [[0, 0, 2, 3]]
    assert record.membranes["conv1"].shape == (1, 4, 7)


def test_spike_passes_all_layers_within_its_step():
    identity = [[[[1.0]]]]
    layers = (conv("conv1", identity), PoolLayer("pool1", (2, 3), (1, 2)), conv("conv2", identity))
    frames = np.concatenate([frame(4, 7), frame(4, 7, (3, 6))])
    record = run_reference(SpikingNetwork(layers), frames)
    assert record.spikes["conv1"].tolist() == [[1, 0, 3, 6]]
    assert record.spikes["pool1"].tolist() == record.spikes["conv2"].tolist() == [[1, 0, 2, 2]]
    assert record.meta == {
        "backend": "torch",
        "fire_once": True,
        "steps": 2,
        "shapes": {"conv1": [1, 4, 7], "pool1": [1, 3, 3], "conv2": [1, 3, 3]},
    }
    json.dumps(dict(record.meta))


def test_pool_leaves_out_what_fills_no_window():
    layers = (conv("conv1", [[[[1.0]]]]), PoolLayer("pool1", (7, 7), (6, 6)))
    record = run_reference(SpikingNetwork(layers), frame(14, 13, (13, 12), (6, 6)))
    assert record.counts["conv1"] == 2
    assert record.spikes["pool1"].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 1, 1]]


def test_rows_are_in_lexicographic_order():
    weight = np.ones((3, 1, 1, 1))
    frames = np.random.default_rng(3).integers(0, 2, (5, 1, 6, 4)).astype(np.float32)
    rows = run_reference(SpikingNetwork((conv("conv1", weight, threshold=[1, 2, 3]),)), frames, False).spikes["conv1"]
    assert rows.dtype == np.int32
    assert rows.tolist() == sorted(rows.tolist())
    assert len(rows) > 50


def test_state_is_kept_between_steps_and_cleared_between_samples():
    encoder = ReferenceEncoder(SpikingNetwork((conv("conv1", [[[[1.0]]]], threshold=2.0),)), fire_once=True)
    (x,) = encoder.encode(frame(1, 1, (0, 0)))
    assert [encoder.step(x)["conv1"].item() for _ in range(5)] == [0, 1, 0, 0, 0]
    encoder.clear()
    assert encoder.membranes() == {}
    assert [encoder.step(x)["conv1"].item() for _ in range(2)] == [0, 1]


def test_two_runs_do_not_know_of_each_other():
    network = SpikingNetwork((conv("conv1", [[[[1.0]]]], threshold=2.0),))
    frames = np.repeat(frame(1, 1, (0, 0)), 3, axis=0)
    first, second = run_reference(network, frames), run_reference(network, frames)
    assert first.spikes["conv1"].tolist() == second.spikes["conv1"].tolist() == [[1, 0, 0, 0]]
    assert first.membranes["conv1"].tolist() == [[[1]]]


def test_arrays_that_may_not_be_written_are_used_all_the_same():
    layer = conv("conv1", np.ones((1, 1, 1, 3))[..., ::-1])
    layer.weight.setflags(write=False)
    frames = np.broadcast_to(np.float32(1), (2, 1, 1, 3))
    assert run_reference(SpikingNetwork((layer,)), frames, False).counts["conv1"] == 6


@pytest.mark.parametrize("shape", [(1, 4, 7), (0, 1, 4, 7), (2, 2, 4, 7)])
def test_frames_that_do_not_fit(shape: tuple[int, ...]):
    with pytest.raises(ClipError, match=r"expected \(T, 1, H, W\) with T > 0"):
        run_reference(SpikingNetwork((conv("conv1", [[[[1.0]]]]),)), np.zeros(shape))


def test_frames_too_small():
    with pytest.raises(ArgumentError, match="pool1"):
        run_reference(SpikingNetwork((conv("conv1", [[[[1.0]]]]), PoolLayer("pool1", (7, 7), (6, 6)))), frame(6, 9))
