"""Simplification: what leaves, what stays, and that no classification spike moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.network.floats import ConvLayer, LeakMode, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane, byte_planes, sum_planes
from spikeseg_lava.network.maps import silent_maps
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.simplification import savings, simplify
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import run_reference


def conv(name: str, weight: Any, theta: float = 1.0, leak: float = 0.25, padding: int = 0, **other: Any) -> ConvLayer:
    weight = np.asarray(weight, np.float32)
    maps = len(weight)
    neuron = Neuron(np.full(maps, theta), np.full(maps, leak), np.ones(maps), **other)
    return ConvLayer(name, weight, neuron, padding=(padding, padding))


def quarters(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights whose sums are exact in float32 in any order."""
    return rng.integers(-6, 7, shape).astype(np.float32) / 4


def network(seed: int, copies: bool = True) -> SpikingNetwork:
    """conv1 (5 maps: 0 = 2, 1 = 3, 4 silent) - pool - conv2 (4 maps, 3 unheard) - conv3, on 9 x 7 frames."""
    rng = np.random.default_rng(seed)
    first, second, third = quarters(rng, 5, 2, 3, 2), quarters(rng, 4, 5, 2, 3), quarters(rng, 2, 4, 2, 2)
    if copies:
        first[2], first[3] = first[0], first[1]
    first[4], third[:, 3] = -np.abs(first[4]), 0
    layers = (
        conv("conv1", first, padding=1), PoolLayer("pool1", (2, 2), (1, 1)), conv("conv2", second), conv("conv3", third)
    )  # fmt: skip
    return SpikingNetwork(layers, (9, 7))


def model(seed: int, planes: int = 2, copies: bool = True) -> FixedPointModel:
    """The same shape of network in integers, weights over the whole range of their planes."""
    rng = np.random.default_rng(seed)
    layers: list[Any] = []
    for layer in network(seed, copies).layers:
        if isinstance(layer, PoolLayer):
            layers.append(layer)
            continue
        parts = []
        for exponent in (0, 8)[:planes]:
            weight = rng.integers(-128, 128, layer.weight.shape).astype(np.int8)
            parts.append(Plane(np.where(layer.weight == 0, 0, weight).astype(np.int8), exponent))
        if layer.name == "conv1":
            for plane in parts:
                if copies:
                    plane.weight[2], plane.weight[3] = plane.weight[0], plane.weight[1]
                plane.weight[4] = -abs(plane.weight[4] // 2)
        maps = len(layer.weight)
        top = 1 << (8 * planes - 1)
        cells = FixedPointNeuron(
            np.full(maps, top // 2, np.int32), np.full(maps, top // 9, np.int32), np.zeros(maps, np.int32)
        )
        layers.append(
            FixedPointConv(layer.name, tuple(parts), cells, np.ones(maps), layer, layer.stride, layer.padding)
        )
    return FixedPointModel(tuple(layers), InputCode(2, 4.0), input_size=(9, 7))


def frames(seed: int, steps: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed + 1000)
    return (rng.integers(0, 4, (steps, 2, 9, 7)) / 4 * (rng.random((steps, 2, 9, 7)) < 0.5)).astype(np.float32)


def same_but_unheard(before: SpikeRecord, after: SpikeRecord, unheard: dict[str, set[int]]) -> None:
    for name, rows in before.spikes.items():
        heard = rows[[c not in unheard.get(name, set()) for c in rows[:, 1]]]
        np.testing.assert_array_equal(after.spikes[name], heard)


def test_equal_maps_merge_silent_and_unheard_ones_go() -> None:
    small = simplify(network(1))
    assert small.maps == {
        "conv1": (0, 1, 0, 1, None), "pool1": (0, 1, 0, 1, None), "conv2": (0, 1, 2, None), "conv3": (0, 1)
    }  # fmt: skip
    assert small.reasons == {"conv1": {"merged": (2, 3), "silent": (4,)}, "conv2": {"unheard": (3,)}, "conv3": {}}
    assert small.network.provenance["simplified"] == {
        "conv1": {"merged": [2, 3], "silent": [4]},
        "conv2": {"unheard": [3]},
    }
    first, old = small.network.convolutions[1].weight, small.original.convolutions[1].weight
    np.testing.assert_array_equal(first[:3, 0], (old[:, 0] + old[:, 2])[:3])
    assert small.network.shapes() == {"conv1": (2, 9, 8), "pool1": (2, 8, 7), "conv2": (3, 7, 5), "conv3": (2, 6, 4)}


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 10_000), fire_once=st.booleans(), copies=st.booleans())
def test_no_spike_of_a_float_network_moves(seed: int, fire_once: bool, copies: bool) -> None:
    before, clip = network(seed, copies), frames(seed)
    small = simplify(before)
    after = small.restored(run_reference(small.network, clip, fire_once))
    same_but_unheard(
        run_reference(before, clip, fire_once), after, {"conv2": set(small.reasons["conv2"].get("unheard", ()))}
    )


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 10_000), planes=st.sampled_from([1, 2]), fire_once=st.booleans())
def test_a_model_stays_exact_in_spikes_and_membranes(seed: int, planes: int, fire_once: bool) -> None:
    before, clip = model(seed, planes), frames(seed)
    small = simplify(before)
    one, two = run_reference(before, clip, fire_once), run_reference(small.network, clip, fire_once)
    assume(one.counts["conv1"] > 0)
    same_but_unheard(one, small.restored(two), {"conv2": set(small.reasons["conv2"].get("unheard", ()))})
    np.testing.assert_array_equal(one.membranes["conv3"], two.membranes["conv3"])
    assert None in small.maps["conv1"]


def decisive(seed: int, floor: bool = True, leak: float = 0.25) -> SpikingNetwork:
    """conv2's six maps have no negative weight, many beyond the level at which one spike fires."""
    rng = np.random.default_rng(seed)
    second = rng.choice([0, 0.5, 3, 5], (6, 2, 2, 1))
    second[1:3] = np.where(second[0] > 1, [[[[4]]], [[[7]]]], second[0])
    layers = (
        conv("conv1", quarters(rng, 2, 2, 2, 3)), conv("conv2", second, leak=leak, floor=floor),
        conv("conv3", quarters(rng, 2, 6, 2, 2)),
    )  # fmt: skip
    return SpikingNetwork(layers, (9, 7))


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 10_000), fire_once=st.booleans())
def test_weights_that_fire_alone_need_not_be_equal(seed: int, fire_once: bool) -> None:
    before, clip = decisive(seed), frames(seed)
    small = simplify(before)
    assert small.maps["conv2"][:3] == (0, 0, 0)
    one, two = run_reference(before, clip, fire_once), run_reference(small.network, clip, fire_once)
    assume(one.counts["conv2"] > 10)
    same_but_unheard(one, small.restored(two), {})


@pytest.mark.parametrize("options", [{"leak": 0.25, "floor": False}, {"leak": 2.5, "floor": True}])
def test_such_weights_must_be_beyond_the_level_of_a_membrane_that_is_never_negative(options: Any) -> None:
    weights = np.array([[[[3.0]]], [[[4.0]]]], np.float32)
    layers = (
        conv("conv1", [[[[1.0]]]], leak=0),
        conv("conv2", weights, **options),
        conv("conv3", [[[[1.0]], [[1.0]]]]),
    )
    assert simplify(SpikingNetwork(layers, (2, 2))).maps["conv2"] == (0, 1)


def test_graded_input_and_negative_weights_are_compared_as_they_are() -> None:
    big = np.array([[[[3.0, 4.0]]], [[[4.0, 3.0]]]], np.float32)
    behind = conv("conv3", [[[[1.0]], [[1.0]]]])
    assert simplify(SpikingNetwork((conv("conv1", big), behind), (2, 2))).maps["conv1"] == (0, 1)
    first = conv("conv1", [[[[1.0]]]], leak=0)
    merged = simplify(SpikingNetwork((first, conv("conv2", big), behind), (2, 2)))
    assert merged.maps["conv2"] == (0, 0)
    negative = np.concatenate([big, [[[[-1.0]]], [[[-1.0]]]]], axis=3).astype(np.float32)
    assert simplify(SpikingNetwork((first, conv("conv2", negative), behind), (2, 3))).maps["conv2"] == (0, 1)


def test_sums_beyond_a_byte_get_a_plane_or_are_not_merged() -> None:
    before = model(4, planes=1)
    second = before.convolutions[1]
    merged = simplify(before).network.convolutions[1]
    assert second.planes[0].weight[:, :4].astype(int).sum() != 0
    assert [p.exponent for p in merged.planes] == [0, 8], "four maps of one byte became two of two bytes"
    assert sum(p.weight.size for p in merged.planes) <= second.planes[0].weight.size
    lonely = replace(before, layers=(_copy_of_one_map(before.convolutions[0]), *before.layers[1:]))
    assert simplify(lonely).maps["conv1"] == (0, 1, 2, 3, None), (
        "three maps of two bytes would be more than four of one"
    )


def _copy_of_one_map(layer: FixedPointConv) -> FixedPointConv:
    weight = layer.planes[0].weight.copy()
    weight[3] = weight[3] + 1
    weight[3, 0, 0, 0] = 100
    return replace(layer, planes=(Plane(weight, 0),))


@given(st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=6), st.integers(0, 8))
def test_byte_planes_add_up_to_the_kernel(values: list[int], exponent: int) -> None:
    kernel = np.array(values, np.int64).reshape(-1, 1, 1, 1) << exponent
    planes = byte_planes(kernel, exponent)
    np.testing.assert_array_equal(sum_planes(planes), kernel)
    assert all(p.weight.dtype == np.int8 for p in planes)


SILENT = {
    "drive at the leak": (0.75, True, True),
    "drive above the leak": (0.7, True, False),
    "no floor, drive at the leak": (0.75, False, True),
}


@pytest.mark.parametrize("case", SILENT)
def test_the_bound_of_a_subtractive_leak(case: str) -> None:
    leak, floor, expected = SILENT[case]
    layer = conv("conv1", [[[[0.5, -2.0, 0.25]]]], leak=leak * (1 + 1e-6), floor=floor)
    assert silent_maps(layer, 1.0).tolist() == [expected]
    assert silent_maps(layer, 2.0).tolist() == [False]


@pytest.mark.parametrize(("theta", "expected"), [(7.4, False), (7.6, True)])
def test_the_bound_of_a_multiplicative_leak(theta: float, expected: bool) -> None:
    layer = conv("conv1", [[[[0.5, -2.0, 0.25]]]], theta, leak=0.0, leak_mode="multiplicative")
    layer = replace(layer, neuron=replace(layer.neuron, beta=np.array([0.9])))
    assert silent_maps(layer, 1.0).tolist() == [expected]
    record = run_reference(SpikingNetwork((layer,)), np.ones((300, 1, 1, 3), np.float32) * [1, 0, 1])
    assert (record.counts["conv1"] == 0) == expected


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 10_000), mode=st.sampled_from(["subtractive", "multiplicative"]), floor=st.booleans())
def test_what_is_called_silent_never_fires(seed: int, mode: LeakMode, floor: bool) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1, (6, 1, 2, 2)).astype(np.float32)
    drive = np.maximum(weight, 0).sum(axis=(1, 2, 3)).astype(np.float64)
    beta = rng.uniform(0.3, 0.95, 6) if mode == "multiplicative" else np.ones(6)
    leak = drive * rng.choice([0.9, 1.0, 1.001], 6) if mode == "subtractive" else np.zeros(6)
    theta = np.maximum(drive / np.maximum(1 - beta, 0.01) * rng.choice([0.9, 0.999, 1.01], 6), 0.01)
    layer = ConvLayer("conv1", weight, Neuron(theta, leak, beta, mode, floor))
    best = (weight > 0).any(axis=0).astype(np.float32)
    clips = [np.ones((40, 1, 2, 2)), np.tile(best, (40, 1, 1, 1)), rng.random((40, 1, 2, 2))]
    clips += [np.tile(w > 0, (40, 1, 1, 1)) for w in weight]
    silent = silent_maps(layer, 1.0)
    for clip in clips:
        fired = run_reference(SpikingNetwork((layer,)), clip.astype(np.float32), fire_once=False).spikes["conv1"][:, 1]
        assert not silent[fired].any()


def test_a_layer_that_never_fires_keeps_one_map() -> None:
    quiet = SpikingNetwork((conv("conv1", -np.ones((3, 1, 1, 1))), conv("conv2", np.ones((2, 3, 1, 1)))), (4, 4))
    small = simplify(quiet)
    assert small.maps["conv1"] == (0, None, None)
    assert small.maps["conv2"] == (0, 1), "classes stay, equal or not"


def test_savings_count_the_synapses_of_weight_zero() -> None:
    small = simplify(network(1))
    saved = savings(small)
    assert saved.before["conv1"].neurons == 5 * 9 * 8
    assert saved.after["conv1"].neurons == 2 * 9 * 8
    assert saved.neurons_removed == 3 * 9 * 8 + 7 * 5
    zeros = sum(size.zero_synapses for size in saved.after.values())
    assert zeros > 0
    every = sum(a.synapses - b.synapses for a, b in zip(saved.before.values(), saved.after.values(), strict=True))
    assert saved.synapses_removed == every + zeros
    assert saved.lines()[-1].startswith("all: neurons")


def test_wrong_arguments() -> None:
    small = simplify(network(1))
    with pytest.raises(RecordError, match=r"layer `conv9`"):
        small.restored(SpikeRecord({"conv9": np.zeros((0, 4), np.int32)}))
    for value in (-1.0, float("nan")):
        with pytest.raises(ArgumentError, match=r"`largest_input`"):
            simplify(network(1), largest_input=value)
