"""Counts of neurons, synapses and synaptic operations against a sum over every tap, and known figures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from builders.networks import float_conv
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.network import counting
from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, Plane


def connections(layer: ConvLayer, shape: Shape) -> list[tuple[Shape, Shape, float]]:
    """(input, output, weight) of every synapse, one by one."""
    found = []
    _, height, width = layer.output_shape(shape)
    for (o, i, ky, kx), weight in np.ndenumerate(layer.weight):
        for y, x in product(range(height), range(width)):
            row = y * layer.stride[0] + ky - layer.padding[0]
            column = x * layer.stride[1] + kx - layer.padding[1]
            if 0 <= row < shape[1] and 0 <= column < shape[2]:
                found.append(((i, row, column), (o, y, x), weight))
    return found


@st.composite
def layers(draw: st.DrawFn) -> tuple[ConvLayer, Shape]:
    small = st.integers(1, 3)
    o, i, kh, kw = (draw(small) for _ in range(4))
    weight = np.array(draw(st.lists(st.integers(-1, 1), min_size=o * i * kh * kw, max_size=o * i * kh * kw)))
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    layer = float_conv("conv1", weight.reshape(o, i, kh, kw), stride=(draw(small), draw(small)), padding=padding)
    return layer, (i, kh + draw(st.integers(0, 4)), kw + draw(st.integers(0, 4)))


@settings(max_examples=60, deadline=None)
@given(layers())
def test_counts_equal_a_sum_over_every_synapse(case: tuple[ConvLayer, Shape]) -> None:
    layer, shape = case
    found = connections(layer, shape)
    assert counting.synapses(layer, shape) == len(found)
    assert counting.synapses(layer, shape, nonzero=True) == sum(weight != 0 for _, _, weight in found)
    reach = np.zeros(shape, int)
    for source, _, _ in found:
        reach[source] += 1
    np.testing.assert_array_equal(counting.fan_out(layer, shape), reach[0])
    np.testing.assert_array_equal(np.broadcast_to(reach[0], shape), reach)


def test_figures_of_the_trained_network() -> None:
    """DESIGN section 6, 128 x 128 x 2."""
    kernels = {"conv1": (4, 2, 5), "conv2": (36, 4, 5), "conv3": (1, 36, 7)}
    shapes: dict[str, Shape] = {"conv1": (2, 128, 128), "conv2": (4, 64, 64), "conv3": (36, 32, 32)}
    layers = {n: float_conv("conv1", np.ones((o, i, k, k)), padding=None) for n, (o, i, k) in kernels.items()}
    neurons = [counting.neurons(layers[n], shapes[n]) for n in layers]
    synapses = [counting.synapses(layers[n], shapes[n]) for n in layers]
    assert neurons == [65_536, 147_456, 1_024]
    assert sum(neurons) == 214_016
    assert synapses == [3_215_648, 14_197_824, 1_617_984]
    assert sum(synapses) == 19_031_456


def test_a_pool_has_one_synapse_per_input_of_a_window() -> None:
    pool = PoolLayer("pool1", (2, 3), (2, 2))
    shape = (4, 5, 6)  # 2 x 2 windows of 6 inputs
    assert counting.neurons(pool, shape) == 16
    assert counting.synapses(pool, shape) == 4 * 4 * 6
    assert counting.fan_in(pool) == 6
    assert counting.fan_out(pool, shape).tolist() == [[1, 1, 2, 1, 1, 0]] * 4 + [[0] * 6]


def test_operations_of_spikes_in_the_corner_and_inside() -> None:
    layer = float_conv("conv1", np.ones((2, 3, 3, 3)), padding=(1, 1))
    spikes = np.array([(0, 0, 0, 0), (1, 2, 2, 2), (5, 2, 0, 2)], np.int32)
    assert counting.synaptic_operations(layer, (3, 4, 5), spikes) == 2 * (4 + 9 + 6)
    assert counting.fan_in(layer) == 27


def test_every_plane_adds_for_itself() -> None:
    plane = Plane(np.ones((2, 1, 3, 3), np.int8), 0)
    ones = np.ones(2, np.int32)
    source = float_conv("conv1", np.ones((2, 1, 3, 3)))
    layer = FixedPointConv("conv1", (plane, plane), FixedPointNeuron(ones, ones, 0 * ones), np.ones(2), source)
    spikes = np.array([(0, 0, 1, 1)], np.int32)
    assert counting.synapses(layer, (1, 3, 3)) == 18
    assert counting.synaptic_operations(layer, (1, 3, 3), spikes) == 2 * 2


def test_no_spikes_are_no_operations() -> None:
    assert (
        counting.synaptic_operations(float_conv("conv1", np.ones((1, 1, 1, 1))), (1, 2, 2), np.zeros((0, 4), np.int32))
        == 0
    )


@pytest.mark.parametrize("size", [(3, 8), (8, 3)])
def test_height_and_width_are_not_swapped(size: Pair) -> None:
    layer = float_conv("conv1", np.ones((1, 1, 3, 1)))
    assert counting.synapses(layer, (1, *size)) == 3 * (size[0] - 2) * size[1]
