"""A layer cut into cores: as the compiler's printed partitions are, within every limit, covering everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.chip.groups import layer_group
from spikeseg_lava.chip.targets import Fact, Target, get_target
from spikeseg_lava.chip.tiling import Tiling, cut, fits, measure, tile
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, PoolLayer, Shape

LOIHI2 = get_target("loihi2")
POOL = PoolLayer("pool1", (2, 2), (2, 2))

# (outputs, kernel, stride, padding) of each layer, tile (W, H, C) or neurons a core, and cores, as the compiler printed
PILOTNET = [
    ((3, (1, 1), (1, 1), (0, 0)), (16, 66, 3), 13), ((24, (3, 3), (2, 2), (0, 0)), (4, 32, 24), 25),
    ((36, (3, 3), (2, 2), (0, 0)), (4, 15, 36), 13), ((48, (3, 3), (2, 2), (0, 0)), (8, 7, 48), 3),
    ((64, (3, 3), (2, 1), (1, 0)), (8, 4, 64), 3), ((64, (3, 3), (1, 1), (0, 0)), (16, 2, 64), 2),
    ((100, (2, 20), (1, 1), (0, 0)), (1, 1, 8), 12), ((50, (1, 1), (1, 1), (0, 0)), (1, 1, 50), 1),
    ((10, (1, 1), (1, 1), (0, 0)), (1, 1, 10), 1), ((1, (1, 1), (1, 1), (0, 0)), (1, 1, 1), 1),
]  # fmt: skip
# (outputs, stride, kernel) and cores of YOLO-KP on 3 x 448 x 448
YOLO_KP = [
    (16, 2, 3, 224), (32, 2, 3, 112), (64, 2, 3, 56), (128, 2, 3, 28), (256, 1, 3, 56), (256, 2, 3, 16),
    (512, 1, 3, 32), (256, 1, 1, 14), (512, 1, 3, 32), (48, 1, 1, 4),
]  # fmt: skip


def conv(outputs: int, inputs: int, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> ConvLayer:
    one = np.ones(outputs)
    return ConvLayer("conv", np.ones((outputs, inputs, *kernel), np.float32), Neuron(one, one, one), stride, padding)


def small_target(neurons: int, memory: int, axons: int, base: Target = LOIHI2) -> Target:
    limits = {"neurons_per_core": neurons, "synapse_bytes_per_core": memory, "axons_in_per_core": axons}
    facts = {name: Fact(value, "", "made up for a test") for name, value in limits.items()}
    return replace(base, **facts)


def test_pilotnet_is_cut_as_the_compiler_printed_it() -> None:
    shape: Shape = (3, 66, 200)
    cores = []
    for (outputs, *geometry), printed, count in PILOTNET:
        layer = conv(outputs, shape[0], *geometry)
        found = tile(layer_group(layer, shape), LOIHI2)
        assert found is not None
        assert (found.tile.shape[::-1], found.cores) == (printed, count)
        shape = layer.output_shape(shape)
        cores.append(found.cores)
    assert sum(cores) == 74


def test_yolo_kp_takes_the_printed_cores_on_the_later_compilers_memory() -> None:
    target = replace(LOIHI2, synapse_bytes_per_core=Fact(128_000, "bytes", "16000 words of 64 bit"))
    shape: Shape = (3, 448, 448)
    for outputs, stride, kernel, cores in YOLO_KP:
        layer = conv(outputs, shape[0], (kernel, kernel), (stride, stride), (kernel // 2, kernel // 2))
        group = layer_group(layer, shape)
        found = tile(group, target)
        assert found is not None
        assert found.cores == cores
        shape = layer.output_shape(shape)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 900), st.integers(1, 200), st.sampled_from([0, 1]), st.booleans())
def test_a_cut_respects_the_limits_and_covers_every_neuron_once(
    neurons: int, memory: int, axons: int, which: int, shared: bool
) -> None:
    layer, shape = (conv(3, 2, (3, 3), padding=(1, 1)), POOL)[which], (2, 6, 7)
    group = layer_group(layer, shape)
    target = small_target(neurons, memory, axons, LOIHI2 if shared else get_target("loihi1"))
    found = tile(group, target)
    if not fits(measure(group, (1, 1, 1), target), target):
        assert found is None
        return
    assert found is not None
    assert fits(found.tile, target)
    held = [np.diff(found.edges(axis)) for axis in range(3)]
    assert [int(lengths.sum()) for lengths in held] == list(layer.output_shape(shape))
    assert all(lengths.min() > 0 for lengths in held)
    assert found.cores == len(held[0]) * len(held[1]) * len(held[2])


def test_tile_by_hand() -> None:
    """20 outputs of 36 maps: the kernel of 100 weights a map once, in words of 8; Loihi 1 takes an axon an input."""
    layer = conv(36, 4, (5, 5), padding=(2, 2))
    taken = measure(layer_group(layer, (4, 64, 64)), (36, 4, 5), LOIHI2)
    assert (taken.neurons, taken.axons_in, taken.synapse_bytes) == (720, 2, 40 * 100)
    assert measure(layer_group(layer, (4, 64, 64)), (36, 4, 5), get_target("loihi1")).axons_in == 4 * 8 * 9
    assert measure(layer_group(layer, (4, 4, 9)), (36, 4, 9), get_target("loihi1")).axons_in == 4 * 4 * 9


def test_a_pool_is_stored_as_a_kernel_with_a_diagonal() -> None:
    assert measure(layer_group(POOL, (36, 8, 8)), (36, 4, 4), LOIHI2).synapse_bytes == 36 * 4 * 40


def test_the_last_core_of_a_dense_layer_takes_the_rest_where_it_can() -> None:
    group = layer_group(conv(100, 64, (2, 20)), (64, 2, 20))
    whole = tile(group, LOIHI2)
    tight = tile(group, small_target(4095, 60_000, 16_000))
    assert whole is not None
    assert tight is not None
    assert whole.edges(0)[-3:] == [80, 88, 100]
    assert (tight.cores, tight.edges(0)[-2:]) == (13, [96, 100])


@pytest.mark.parametrize(("outputs", "part", "cores"), [((4, 8, 8), (4, 8, 8), 1), ((4, 8, 8), (3, 3, 8), 6)])
def test_a_cut_by_hand(outputs: Shape, part: Shape, cores: int) -> None:
    layer = conv(outputs[0], 1, (3, 3), padding=(1, 1))
    found = cut(layer_group(layer, (1, *outputs[1:])), part, LOIHI2)
    assert isinstance(found, Tiling)
    assert found.cores == cores
