"""Writing NIR graphs: what comes back is what went in, and nothing is dropped without a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_reading import from_nir

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.nir.write import to_nir, write_nir
from spikeseg_lava.network.floats import ConvLayer, LeakMode, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from torch_reference import run_reference

RNG = np.random.default_rng(11)


def neuron(channels: int, mode: LeakMode = "subtractive", floor: bool = True) -> Neuron:
    theta = RNG.uniform(0.05, 2.0, channels)
    leak = RNG.uniform(0.0, 0.3, channels) if mode == "subtractive" else np.zeros(channels)
    beta = np.ones(channels) if mode == "subtractive" else RNG.uniform(0.2, 0.99, channels)
    return Neuron(theta, leak, beta, mode, floor)


def network(mode: Any = "subtractive", floor: bool = True) -> SpikingNetwork:
    """conv (asymmetric, two channels) - pool - conv on frames of 9 x 12."""
    first = RNG.normal(0, 0.7, (3, 2, 3, 3)).astype(np.float32)
    second = RNG.normal(0, 0.7, (4, 3, 2, 2)).astype(np.float32)
    layers = (
        ConvLayer("conv1", first, neuron(3, mode, floor), (1, 2), (1, 0)),
        PoolLayer("pool1", (2, 2), (2, 1)),
        ConvLayer("conv2", second, neuron(4, mode, floor)),
    )
    return SpikingNetwork(layers, (9, 12), 10)


def frames() -> np.ndarray:
    return RNG.random((8, 2, 9, 12)).astype(np.float32)


def biased(plain: SpikingNetwork) -> SpikingNetwork:
    """Biases of both signs in the first layer, and a reset interval."""
    first = plain.convolutions[0]
    first = replace(first, neuron=replace(first.neuron, bias=np.array([0.1, -0.2, 0.0])))
    return replace(plain, layers=(first, *plain.layers[1:]), reset_interval=4)


def same_layers(a: SpikingNetwork, b: SpikingNetwork) -> None:
    assert [x.name for x in a.layers] == [x.name for x in b.layers]
    for one, two in zip(a.layers, b.layers, strict=True):
        if isinstance(one, PoolLayer) or isinstance(two, PoolLayer):
            assert one == two
            continue
        np.testing.assert_array_equal(one.weight, two.weight)
        assert (one.stride, one.padding) == (two.stride, two.padding)
        for key in ("threshold", "leak", "beta", "bias"):
            np.testing.assert_array_equal(getattr(one.neuron, key), getattr(two.neuron, key))
        assert (one.neuron.leak_mode, one.neuron.floor) == (two.neuron.leak_mode, two.neuron.floor)


@pytest.mark.parametrize("mode", ["subtractive", "multiplicative"])
@pytest.mark.parametrize("floor", [True, False])
def test_a_network_comes_back_as_it_went_through_a_file(mode: str, floor: bool, tmp_path: Path) -> None:
    before = biased(network(mode, floor))
    write_nir(before, tmp_path / "net.nir")
    after = from_nir(tmp_path / "net.nir")
    assert after.reset_interval == 4
    same_layers(before, after)
    assert (after.input_size, after.timesteps) == ((9, 12), 10)


def test_other_readers_accept_the_file(tmp_path: Path) -> None:
    write_nir(network(), tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")  # with the type check of the nir package
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert sorted(kinds) == sorted(["Input", "Conv2d", "IF", "SumPool2d", "Threshold", "Conv2d", "IF", "Output"])


@pytest.mark.parametrize("mode", ["subtractive", "multiplicative"])
def test_without_a_floor_the_bare_graph_says_it_all(mode: str) -> None:
    before = network(mode, floor=False)
    graph = to_nir(before, strict=True)
    for node in graph.nodes.values():
        node.metadata.clear()
    after = from_nir(graph, dt=1e-4)
    clip = frames()
    ours, theirs = run_reference(before, clip, fire_once=False), run_reference(after, clip, fire_once=False)
    assert ours.counts["conv2"] > 0
    for name, rows in ours.spikes.items():
        np.testing.assert_array_equal(rows, theirs.spikes[name])


def test_strict_refuses_a_floor_and_names_the_layers() -> None:
    with pytest.raises(ExchangeError, match=r"`conv1`: the floor.*`conv2`: the floor"):
        to_nir(network(), strict=True)


def test_without_its_metadata_a_floored_network_runs_differently() -> None:
    before, clip = network(), frames()
    graph = to_nir(before)
    for node in graph.nodes.values():
        node.metadata.clear()
    bare = run_reference(from_nir(graph), clip, fire_once=False)
    assert not np.array_equal(bare.spikes["conv1"], run_reference(before, clip, fire_once=False).spikes["conv1"])


@pytest.mark.parametrize("change", ["v_threshold", "bias"])
def test_a_node_changed_behind_its_metadata_is_refused(change: str) -> None:
    graph = to_nir(network())
    if change == "bias":
        graph.nodes["conv1_synapse"].bias = graph.nodes["conv1_synapse"].bias * 2  # type: ignore[attr-defined]
    else:
        graph.nodes["conv1"].v_threshold = graph.nodes["conv1"].v_threshold * 2  # type: ignore[attr-defined]
    with pytest.raises(ExchangeError, match=r"`conv1` .IF. was changed"):
        from_nir(graph)


def test_metadata_of_another_version_is_refused() -> None:
    graph = to_nir(network())
    graph.nodes["conv1"].metadata["spikeseg_lava"] = '{"version": 99}'
    with pytest.raises(ExchangeError, match=r"`conv1`.*another version"):
        from_nir(graph)


@settings(deadline=None)
@given(theta=st.floats(1e-6, 1e6))
def test_the_threshold_moves_by_one_float_and_back(theta: float) -> None:
    one = ConvLayer("conv1", np.ones((1, 1, 1, 1), np.float32), Neuron(np.array([theta]), np.zeros(1), np.ones(1)))
    graph = to_nir(SpikingNetwork((one,), (1, 1)))
    written = graph.nodes["conv1"].v_threshold.item()  # type: ignore[attr-defined]
    assert written < np.float32(theta) == np.nextafter(np.float32(written), np.float32(np.inf))


def model(mode: Any = "subtractive") -> FixedPointModel:
    """Two planes, thresholds beside a sum that is reached exactly."""
    source = network(mode).convolutions[0]
    planes = tuple(Plane(RNG.integers(-128, 128, (3, 2, 3, 3)).astype(np.int8), e) for e in (0, 8))
    theta, leak, decay = (np.array(v, np.int32) for v in ([20000, 30000, 40000], [900, 1000, 0], [0, 0, 0]))
    neurons = FixedPointNeuron(theta, leak * (mode == "subtractive"), decay, mode)
    layer = FixedPointConv("conv1", planes, neurons, np.ones(3), source, source.stride, source.padding)
    return FixedPointModel((layer,), InputCode(4, 15.0), input_size=(9, 12))


def test_a_model_is_written_in_its_integers() -> None:
    fixed, clip = model(), frames()
    floats = from_nir(to_nir(fixed))
    payload = fixed.input.encode(clip).astype(np.float32)
    ours, theirs = run_reference(fixed, clip, fire_once=False), run_reference(floats, payload, fire_once=False)
    assert ours.counts["conv1"] > 20
    np.testing.assert_array_equal(ours.spikes["conv1"], theirs.spikes["conv1"])
    np.testing.assert_array_equal(ours.membranes["conv1"], theirs.membranes["conv1"])


def test_strict_refuses_the_rounding_of_a_decay() -> None:
    fixed = model("multiplicative")
    layer = fixed.convolutions[0]
    cells = replace(layer.neuron, decay=np.array([410, 0, 0], np.int32), floor=False)
    fixed = replace(fixed, layers=(replace(layer, neuron=cells),))
    with pytest.raises(ExchangeError, match=r"`conv1`: the decay rounded"):
        to_nir(fixed, strict=True)


def test_a_size_is_needed_and_can_be_given() -> None:
    sizeless = replace(network(), input_size=None)
    with pytest.raises(ArgumentError, match=r"`size`"):
        to_nir(sizeless)
    assert from_nir(to_nir(sizeless, size=(7, 10))).input_size == (7, 10)
    with pytest.raises(ArgumentError, match=r"`dt`"):
        to_nir(network(), dt=0.0)


def test_the_real_checkpoint_comes_back(shared: Path, tmp_path: Path) -> None:
    from spikeseg_lava.exchange.checkpoint.load import load_checkpoint

    before = load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05)
    write_nir(before, tmp_path / "real.nir", size=(32, 24))
    same_layers(before, from_nir(tmp_path / "real.nir"))
