"""Windows and mirror are the floored neuron bit for bit: against the event engine and the torch oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders.models import STOCK_SIZE, planes_conv, stock_frames, stock_model
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.floored import floored_network
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import run_stock
from torch_reference import run_reference

STEPS = 7
EXACT = [("windows", True), ("windows", False), ("mirror", True), ("mirror", False)]


def assert_same_spikes(expected: SpikeRecord, found: SpikeRecord) -> None:
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name], rows, err_msg=name)


def lowered(seed: int, method: str, fire_once: bool) -> StockNetwork:
    return lower(stock_model(seed), method=method, fire_once=fire_once, frames=STEPS)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "fire_once"), EXACT)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_exact_methods_equal_the_event_engine(method: str, fire_once: bool, seed: int) -> None:
    network = lowered(seed, method, fire_once)
    assert network.exact
    record = run_stock(network, stock_frames(seed, STEPS))
    assert_same_spikes(run_engine(stock_model(seed), stock_frames(seed, STEPS), fire_once), record)
    assert not any(record.meta["stray"].values())


@pytest.mark.parametrize(("method", "fire_once"), EXACT)
def test_exact_methods_equal_the_torch_oracle_on_clips_with_spikes(method: str, fire_once: bool) -> None:
    oracle = [run_reference(stock_model(seed), stock_frames(seed, STEPS), fire_once) for seed in range(4)]
    assert min(sum(record.counts[name] for record in oracle) for name in ("conv1", "pool1", "conv2")) > 60
    for seed, record in enumerate(oracle):
        assert_same_spikes(record, run_stock(lowered(seed, method, fire_once), stock_frames(seed, STEPS)))


@pytest.mark.parametrize(("frames", "gadget"), [(2, "windows"), (7, "mirror")])
@pytest.mark.parametrize("fire_once", [True, False])
def test_exact_takes_the_gadget_with_fewer_neurons(frames: int, gadget: str, fire_once: bool) -> None:
    network = lower(stock_model(0), method="exact", fire_once=fire_once, frames=frames)
    assert {network.plans[name].gadget for name in ("conv1", "conv2")} == {gadget}
    assert network.exact


def test_without_a_clip_auto_is_exact() -> None:
    network = lower(stock_model(0), frames=STEPS)
    assert (network.method, network.exact) == ("exact", True)


def test_the_floor_matters_in_these_clips() -> None:
    model, frames = stock_model(3), stock_frames(3, STEPS)
    plain = run_stock(lower(model, method="unfloored", fire_once=False, frames=STEPS), frames)
    floored = run_engine(model, frames, fire_once=False)
    assert not np.array_equal(plain.spikes["conv2"], floored.spikes["conv2"])


@pytest.mark.parametrize("fire_once", [True, False])
def test_plain_neurons_are_exact_where_no_floor_acts(fire_once: bool) -> None:
    weight = np.arange(1, 13).reshape(2, 1, 2, 3)
    model = FixedPointModel((planes_conv("conv1", [weight], 40, 0),), InputCode(1, 1.0), input_size=STOCK_SIZE)
    frames = (stock_frames(1, STEPS)[:, :1] > 3).astype(np.float32)
    network = lower(model, fire_once=fire_once, frames=STEPS)
    assert network.plans["conv1"].gadget == "direct"
    assert network.exact
    assert_same_spikes(run_engine(model, frames, fire_once), run_stock(network, frames))


def test_neurons_without_floor_are_plain_and_exact() -> None:
    weight = np.random.default_rng(5).integers(-20, 40, (3, 2, 3, 2))
    layer = planes_conv("conv1", [weight], 150, 20, padding=(1, 0), floor=False)
    model = FixedPointModel((layer,), InputCode(3, 1.0), input_size=STOCK_SIZE)
    network = lower(model, fire_once=False, frames=STEPS)
    assert network.exact
    assert network.plans["conv1"].gadget == "direct"
    expected = run_reference(model, stock_frames(5, STEPS), False)
    assert expected.counts["conv1"] > 50
    assert_same_spikes(expected, run_stock(network, stock_frames(5, STEPS)))


def test_neurons_without_floor_that_may_leave_24_bit_are_not_called_exact() -> None:
    assert not lower(stock_model(5, floor=False), fire_once=False, frames=10_000).exact


def test_mirror_with_the_smallest_push_is_right_from_the_first_step() -> None:
    layer = planes_conv("conv1", [np.full((1, 1, 1, 1), 70)], 115, 11)  # 2 (theta + leak) + 2 = 254
    model = FixedPointModel((layer,), InputCode(1, 1.0), input_size=(1, 3))
    frames = np.zeros((5, 1, 1, 3), np.float32)
    frames[:2, ..., 0] = frames[1:3, ..., 1] = 1  # V = 59, 118*
    network = lower(model, method="mirror", frames=5)
    assert run_stock(network, frames).spikes["conv1"].tolist() == [[1, 0, 0, 0], [2, 0, 0, 1]]


def test_short_windows_forget_what_longer_ones_hold() -> None:
    model = FixedPointModel(
        (planes_conv("conv1", [np.full((1, 1, 1, 1), 10)], 25, 1),), InputCode(1, 1.0), input_size=(1, 1)
    )
    frames = np.ones((6, 1, 1, 1), np.float32)  # V = 9, 18, 27: fires in the third frame of a window
    steps = {
        depth: run_stock(lower(model, method="windows", depth=depth, frames=6), frames).spikes["conv1"][:, 0].tolist()
        for depth in (1, 2, 3, 6)
    }
    assert steps == {1: [], 2: [], 3: [2], 6: [2]}


@pytest.mark.parametrize("method", ["windows", "mirror"])
def test_firing_again_starts_from_zero(method: Any) -> None:
    model = FixedPointModel(
        (planes_conv("conv1", [np.array([[[[10]], [[-20]]]])], 25, 1),), InputCode(1, 1.0), input_size=(1, 1)
    )
    frames = np.zeros((9, 2, 1, 1), np.float32)
    frames[:, 0] = 1
    frames[4, 1] = 1  # V = 9 18 27* 9 0(floor of -2) 9 18 27* 9
    network = lower(model, method=method, fire_once=False, frames=9)
    assert run_stock(network, frames).spikes["conv1"][:, 0].tolist() == [2, 7]


def test_a_multiplicative_leak_is_close_and_says_that_it_is_not_exact() -> None:
    random = np.random.default_rng(0)
    layer = planes_conv("conv1", [random.integers(-40, 60, (3, 2, 3, 3))], 300, 0, padding=(1, 1), decay=700)
    model = FixedPointModel((layer,), InputCode(3, 1.0), input_size=STOCK_SIZE)
    network = lower(model, frames=STEPS)
    assert not network.exact
    expected, found = run_engine(model, stock_frames(2, STEPS)), run_stock(network, stock_frames(2, STEPS))
    assert (compare(expected, found)["conv1"].iou or 0) > 0.98


def biased_model(seed: int, reset_interval: int | None = None) -> FixedPointModel:
    """Two layers without floor, whose biases lift some channels and pull others down."""
    random = np.random.default_rng(seed)
    first, second = (random.integers(-20, 25, shape) for shape in ((3, 2, 3, 2), (2, 3, 2, 3)))
    layers = (
        planes_conv("conv1", [first], 90, 0, padding=(1, 0), floor=False, bias=[17, -9, 4]),
        planes_conv("conv2", [second], 60, 7, stride=(1, 2), floor=False, bias=[22, 3]),
    )
    return FixedPointModel(layers, InputCode(3, 1.0), input_size=STOCK_SIZE, reset_interval=reset_interval)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("interval", "fire_once"), [(None, False), (None, True), (3, False)])
def test_biases_and_reset_intervals_are_exact_without_floors(seed: int, interval: int | None, fire_once: bool) -> None:
    model, frames = biased_model(seed, interval), stock_frames(seed, STEPS)
    network, expected = lower(model, fire_once=fire_once, frames=STEPS), run_reference(model, frames, fire_once)
    assert network.exact
    assert min(expected.counts.values()) > 10
    assert_same_spikes(expected, run_stock(network, frames))


def test_a_bias_that_fires_before_the_first_frame_is_no_spike_of_a_frame() -> None:
    loud = replace(biased_model(0), layers=tuple(_loud(layer) for layer in biased_model(0).convolutions))
    frames = stock_frames(0, STEPS)
    record = run_stock(lower(loud, fire_once=False, frames=STEPS), frames)
    assert_same_spikes(run_reference(loud, frames, False), record)
    assert record.meta["stray"]["conv2"] > 0
    with pytest.raises(QuantizationError, match="before its first frame"):
        lower(loud, fire_once=True, frames=STEPS)


def test_what_is_cleared_at_the_start_is_not_cleared_again_in_a_long_sample() -> None:
    """A bias alone fires every fifth step; a second clearing, after 2^15 steps, would shift its phase."""
    layer = planes_conv("conv1", [np.ones((1, 1, 1, 1), int)], 10, 0, floor=False, bias=2)
    model = FixedPointModel((layer,), InputCode(1, 1.0), input_size=(1, 1))
    frames = np.zeros((2**15 + 40, 1, 1, 1), np.float32)
    record = run_stock(lower(model, fire_once=False, frames=len(frames)), frames)
    np.testing.assert_array_equal(record.spikes["conv1"][:, 0], np.arange(4, len(frames), 5))
    owned = floored_network(model, len(frames), (1, 1), fire_once=False).owned[0].reset
    assert owned is not None
    assert (owned.once, owned.interval) == (True, 2**16)
    said = floored_network(replace(model, reset_interval=2**15), len(frames), (1, 1), False).owned[0].reset
    assert said is not None
    assert (said.once, said.interval) == (False, 2**15)


def _loud(layer: FixedPointConv) -> FixedPointConv:
    return replace(layer, neuron=replace(layer.neuron, bias=layer.neuron.threshold))


@pytest.mark.parametrize(("floor", "interval", "words"), [(True, None, "above its leak"), (False, 3, "reset interval")])
def test_what_stock_parts_cannot_hold_is_refused(floor: bool, interval: int | None, words: str) -> None:
    model = biased_model(0, interval)
    layers = tuple(replace(layer, neuron=replace(layer.neuron, floor=floor)) for layer in model.convolutions)
    with pytest.raises(QuantizationError, match=words):
        lower(replace(model, layers=layers), fire_once=True, frames=STEPS)


def test_a_bias_below_the_leak_keeps_the_floor_exact() -> None:
    model, frames = stock_model(1), stock_frames(1, STEPS)
    layers = tuple(
        replace(x, neuron=replace(x.neuron, bias=x.neuron.leak // 3 - 8)) if isinstance(x, FixedPointConv) else x
        for x in model.layers
    )
    model = replace(model, layers=layers)
    expected = run_reference(model, frames, True)
    assert expected.counts["conv2"] > 20
    assert_same_spikes(expected, run_stock(lower(model, frames=STEPS), frames))
