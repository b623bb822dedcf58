"""A layer cut into cores: within every limit, covering everything, and as the notes on the chip estimate it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.chip.targets import Fact, Target, get_target
from spikeseg_lava.chip.tiling import block, cores_of, tile
from spikeseg_lava.network import counting
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, Shape, layer_shapes


def conv(name: str, outputs: int, inputs: int, kernel: int) -> ConvLayer:
    one = np.ones(outputs)
    weight = np.ones((outputs, inputs, kernel, kernel), np.float32)
    return ConvLayer(name, weight, Neuron(one, one, one), padding=(kernel // 2, kernel // 2))


ENCODER = (
    conv("conv1", 4, 2, 5), PoolLayer("pool1", (2, 2), (2, 2)), conv("conv2", 36, 4, 5),
    PoolLayer("pool2", (2, 2), (2, 2)), conv("conv3", 1, 36, 7),
)  # fmt: skip


def small_target(neurons: int, memory: int, axons: int) -> Target:
    limits = {"neurons_per_core": neurons, "synapse_bytes_per_core": memory, "axons_in_per_core": axons}
    facts = {name: Fact(value, "", "made up for a test") for name, value in limits.items()}
    return replace(get_target("loihi2"), **facts)  # type: ignore[arg-type]


def inputs_of(size: tuple[int, int]) -> list[Shape]:
    shape = (2, *size)
    return [shape, *list(layer_shapes(ENCODER, shape).values())[:-1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 400), st.integers(1, 200), st.booleans(), st.sampled_from([0, 1]))
def test_a_cut_respects_the_limits_and_is_the_best(
    neurons: int, memory: int, axons: int, shared: bool, which: int
) -> None:
    layer, shape = (conv("conv1", 3, 2, 3), PoolLayer("pool1", (2, 2), (2, 2)))[which], (2, 6, 7)
    output, target = layer.output_shape(shape), small_target(neurons, memory, axons)
    blocks = [block(layer, shape, (c + 1, h + 1, w + 1), shared) for c, h, w in np.ndindex(*output)]
    fits = [b for b in blocks if b.neurons <= neurons and b.synapse_bytes <= memory and b.axons_in <= axons]
    found = tile(layer, shape, target, shared)
    if not fits:
        assert found is None
        return
    assert found is not None
    assert found.block in fits
    assert found.cores == min(cores_of(output, b.shape) for b in fits)


def test_block_by_hand() -> None:
    """4 x 5 outputs of 36 maps see 4 maps of 8 x 9 inputs; the kernel is stored once, or a synapse each."""
    taken = block(ENCODER[2], (4, 64, 64), (36, 4, 5))
    assert (taken.neurons, taken.axons_in, taken.synapse_bytes) == (720, 4 * 8 * 9, 36 * 100)
    assert block(ENCODER[2], (4, 64, 64), (36, 4, 5), shared=False).synapse_bytes == 720 * 100


def test_a_block_sees_no_more_than_there_is() -> None:
    assert block(ENCODER[4], (36, 32, 32), (1, 32, 32)).axons_in == 36 * 32 * 32


@pytest.mark.parametrize(("outputs", "part", "cores"), [((4, 8, 8), (4, 8, 8), 1), ((4, 8, 8), (3, 3, 8), 6)])
def test_cores_of(outputs: Shape, part: Shape, cores: int) -> None:
    assert cores_of(outputs, part) == cores


def test_sketch_of_the_notes_for_a_davis240_sensor() -> None:
    """About 205 cores at 3500 neurons a core, 2 chips of 120, which leaves axons out."""
    target = small_target(3500, 128_000, 10**6)
    cores = [tile(layer, shape, target) for layer, shape in zip(ENCODER, inputs_of((180, 240)), strict=True)]
    counts = [found.cores for found in cores if found]
    assert [-(-counting.neurons(*pair) // 3500) for pair in zip(ENCODER, inputs_of((180, 240)), strict=True)] == [
        50, 13, 112, 28, 1,
    ]  # fmt: skip
    assert counts == [50, 13, 115, 30, 1]  # whole blocks of rows and columns fill a core a little less
    assert 120 < sum(counts) <= 240
