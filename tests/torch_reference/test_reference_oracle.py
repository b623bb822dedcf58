"""The integer oracle against traces computed by hand and against loops over plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders.models import integer_conv
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_loops import random_model, run_loops

from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import ReferenceEncoder, run_reference

PLUS_MINUS = [[[[1]], [[-1]]]]  # one output, two inputs: the first drives up, the second down


def trace(
    payloads: list[tuple[int, int]], fire_once: bool = False, planes: Any = None, **neuron: Any
) -> list[tuple[int, int]]:
    """(spike, membrane) of a single neuron with two inputs, step by step."""
    layer = integer_conv("conv1", planes or [(PLUS_MINUS, 0)], **neuron)
    encoder = ReferenceEncoder(FixedPointModel((layer,), InputCode(8, 1.0)), fire_once)
    frames = np.array(payloads, np.float32).reshape(-1, 2, 1, 1)
    steps = []
    for x in encoder.encode(frames):
        spikes = encoder.step(x)["conv1"]
        steps.append((int(spikes.item()), int(encoder.membranes()["conv1"].item())))
    return steps


def test_subtractive_leak_and_floor():
    assert trace([(14, 0), (14, 0), (3, 0), (20, 0), (9, 0)], threshold=10, leak=9) == [
        (0, 5),
        (1, 0),  # exactly the threshold
        (0, 0),
        (1, 0),
        (0, 0),
    ]
    assert trace([(14, 0), (13, 0)], threshold=10, leak=9) == [(0, 5), (0, 9)]


def test_no_floor():
    assert trace([(1, 0), (0, 4), (5, 0)], threshold=2, floor=False) == [(0, 1), (0, -3), (1, 0)]


def test_fire_once_silences_but_does_not_reset_again():
    assert trace([(2, 0), (2, 0), (2, 0), (0, 1)], fire_once=True, threshold=2) == [(1, 0), (0, 2), (0, 4), (0, 3)]


def test_decay_rounds_towards_zero_on_both_sides():
    halved = {"decay": 2048, "leak_mode": "multiplicative", "floor": False, "threshold": 100}
    assert trace([(7, 0), (0, 0), (0, 0), (0, 0)], **halved) == [(0, 7), (0, 3), (0, 1), (0, 0)]
    assert trace([(0, 7), (0, 0), (0, 0), (0, 0)], **halved) == [(0, -7), (0, -3), (0, -1), (0, 0)]


@pytest.mark.parametrize(("decay", "membranes"), [(0, [-5, -3, 1]), (4096, [-5, 2, 4]), (1, [-5, -2, 3])])
def test_decay_of_nothing_everything_and_one_part_in_4096(decay: int, membranes: list[int]):
    steps = trace([(0, 5), (2, 0), (4, 0)], threshold=9, decay=decay, leak_mode="multiplicative", floor=False)
    assert [v for _, v in steps] == membranes


def test_state_saturates_at_24_bit_at_both_ends():
    planes = [([[[[127]], [[-128]]]], 16)]
    assert trace([(1, 0), (1, 0), (0, 1), (0, 3), (1, 1), (2, 0)], planes=planes, threshold=8_388_607, floor=False) == [
        (0, 8_323_072),
        (1, 0),  # 16,646,144 saturates to the threshold
        (0, -8_388_608),
        (0, -8_388_608),
        (0, -8_388_608),
        (0, -1),  # the drive 16,646,144 saturates before it is added
    ]


def test_leak_saturates_too():
    planes = [(PLUS_MINUS, 23)]
    assert trace([(0, 1), (0, 0)], planes=planes, threshold=1, leak=1, floor=False) == [(0, -8_388_608)] * 2


@pytest.mark.parametrize(("threshold", "spike"), [(86, 1), (87, 0)])
def test_two_planes_add_up(threshold: int, spike: int):
    planes = [([[[[3]], [[0]]]], 4), ([[[[-5]], [[0]]]], 0)]  # 3 * 16 - 5 = 43
    assert trace([(2, 0)], planes=planes, threshold=threshold) == [(spike, 0 if spike else 86)]


def test_frames_become_payloads_by_the_code_of_the_model():
    layer = integer_conv("conv1", [([[[[1]]]], 0)], threshold=99)
    model = FixedPointModel((layer,), InputCode(4, 15.0))
    frames = np.array([0, 0.1, 0.5, 1], np.float32).reshape(1, 1, 1, 4)
    assert run_reference(model, frames).membranes["conv1"].tolist() == [[[0, 2, 8, 15]]]  # 1.5 and 7.5 to even
    with pytest.raises(ClipError, match="a payload of 4 bit"):
        run_reference(model, frames * 2)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), fire_once=st.booleans())
def test_oracle_equals_plain_integer_loops(seed: int, fire_once: bool):
    rng = np.random.default_rng(seed)
    model = random_model(rng)
    size = tuple(map(int, rng.integers(7, 10, 2)))
    payloads = rng.integers(0, 16, (3, model.input_channels, *size)) * (rng.random((3, 1, *size)) < 0.4)
    record = run_reference(model, payloads.astype(np.float32), fire_once)
    rows, membranes = run_loops(model, payloads, fire_once)
    assert {name: found.tolist() for name, found in record.spikes.items()} == rows
    for name, membrane in record.membranes.items():
        assert {place: int(v) for place, v in np.ndenumerate(membrane)} == membranes[name]


def test_random_models_do_fire():
    counts = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        model = random_model(rng)
        payloads = rng.integers(0, 16, (4, model.input_channels, 9, 8))
        counts.append(run_reference(model, payloads.astype(np.float32)).counts)
    assert np.mean([c["conv1"] > 0 for c in counts]) > 0.6
    assert np.mean([c["conv2"] > 0 for c in counts]) > 0.4
