"""The table of a network: sizes, parameters, and synapses counted exactly at the borders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network.counting import synapses
from spikeseg_lava.network.description import describe
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel


def neuron(channels: int, **changes: object) -> Neuron:
    plain = Neuron(np.full(channels, 2.0), np.full(channels, 0.5), np.ones(channels))
    return replace(plain, **changes)


def conv(kernel: tuple[int, int] = (3, 5), stride: tuple[int, int] = (1, 1), **changes: object) -> ConvLayer:
    weight = np.ones((2, 3, *kernel), np.float32)
    return ConvLayer("conv1", weight, neuron(2, **changes), stride, (kernel[0] // 2, kernel[1] // 2))


def test_figures_of_the_trained_network(shared: Path):
    network = load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt")
    table = describe(network)
    rows = {row.name: row for row in table.layers}
    assert table.input == (2, 128, 128)
    assert [rows[name].neurons for name in ("conv1", "conv2", "conv3")] == [65_536, 147_456, 1_024]
    assert [rows[name].synapses for name in ("conv1", "conv2", "conv3")] == [3_215_648, 14_197_824, 1_617_984]
    assert (table.neurons, table.synapses) == (214_016, 19_031_456)
    assert rows["conv2"].threshold == pytest.approx((0.1, 0.1))
    assert rows["conv2"].leak == pytest.approx((0.01, 0.01))
    assert (rows["pool1"].kind, rows["pool1"].output) == ("OR-pool", (4, 64, 64))
    assert rows["conv3"].weight == (1, 36, 7, 7)


@given(
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
)
def test_synapses_are_those_that_lie_on_the_input(kernel, stride, size):
    layer = conv(kernel, stride)
    height, width = size
    _, rows, columns = layer.output_shape((3, height, width))
    count = 0
    for y in range(rows):
        for x in range(columns):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    row, column = y * stride[0] + i - kernel[0] // 2, x * stride[1] + j - kernel[1] // 2
                    count += 2 * 3 * (0 <= row < height and 0 <= column < width)
    assert synapses(layer, (3, height, width)) == count


def test_parameters_are_a_range_over_the_channels():
    layer = conv(threshold=np.array([1.0, 4.0]), beta=np.array([0.5, 0.75]), leak_mode="multiplicative")
    row = describe(SpikingNetwork((layer,))).layers[0]
    assert (row.threshold, row.beta, row.leak, row.leak_mode) == ((1, 4), (0.5, 0.75), None, "multiplicative")
    assert (row.output, row.neurons, row.synapses) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({}, "LIF"), ({"floor": False, "leak": np.zeros(2)}, "IF"), ({"floor": False}, "leaky, no floor")],
)
def test_kind_of_neuron(changes, kind):
    assert describe(SpikingNetwork((conv(**changes),))).layers[0].kind == kind


def test_model_shows_integers_and_exponents():
    source = conv()
    integers = FixedPointNeuron(np.array([7, 9], np.int32), np.array([1, 1], np.int32), np.zeros(2, np.int32))
    planes = tuple(Plane(np.ones(source.weight.shape, np.int8), e) for e in (4, 0))
    layer = FixedPointConv("conv1", planes, integers, np.ones(2), source, padding=source.padding)
    model = FixedPointModel((layer, PoolLayer("pool1", (7, 7), (6, 6))), InputCode(4, 15.0), input_size=(14, 21))
    table = describe(model)
    row = table.layers[0]
    assert (row.threshold, row.leak, row.exponents, row.beta) == ((7, 9), (1, 1), (4, 0), None)
    assert row.output == (2, 14, 21)
    assert table.layers[1].output == (2, 2, 3)
    assert json.loads(json.dumps(table.to_json()))["synapses"] == table.synapses == row.synapses


def test_frames_too_small_for_a_layer():
    with pytest.raises(ArgumentError, match="pool1"):
        describe(SpikingNetwork((conv(), PoolLayer("pool1", (7, 7), (6, 6)))), (6, 20))
