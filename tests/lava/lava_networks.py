"""Small networks in integers with everything that hides on the real checkpoint: asymmetry, planes, signs, strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane, sum_planes
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord


def integer_conv(
    name: str, planes: list[tuple[Any, int]], threshold: Any, leak: Any = 0, decay: Any = 0,
    leak_mode: Any = "subtractive", floor: bool = True, stride: tuple[int, int] = (1, 1), padding: Any = None,
    bias: Any = 0,
) -> FixedPointConv:  # fmt: skip
    """A layer of weights [O, I, kh, kw] per plane; its float source holds the same numbers."""
    made = tuple(Plane(np.asarray(w, np.int8), e) for w, e in planes)
    outputs, _, height, width = made[0].weight.shape
    padding = (height // 2, width // 2) if padding is None else padding
    every = (np.broadcast_to(a, outputs).astype(np.int32) for a in (threshold, leak, decay, bias))
    threshold, leak, decay, bias = every
    kernel = sum_planes(made).astype(np.float32)
    source = ConvLayer(
        name, kernel, Neuron(threshold * 1.0, leak * 1.0, 1 - decay / 4096, leak_mode, floor, bias * 1.0), stride,
        padding,
    )  # fmt: skip
    neuron = FixedPointNeuron(threshold, leak, decay, leak_mode, floor, bias)
    return FixedPointConv(name, made, neuron, np.ones(outputs), source, stride, padding)


def weights(seed: int, shape: tuple[int, int, int, int], low: int = -60, high: int = 100) -> np.ndarray:
    """Int8 [O, I, kh, kw] without any symmetry."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.int8)


def small_model(**first: Any) -> FixedPointModel:
    """conv (two planes, 3x5 kernel, two channels) - pool 2 - conv of three classes; `first` changes the first layer."""
    settings = {
        "planes": [(weights(1, (4, 2, 3, 5)), 4), (weights(2, (4, 2, 3, 5)), 0)],
        "threshold": 9000,
        "leak": 700,
    }
    conv1 = integer_conv("conv1", **{**settings, **first})
    conv2 = integer_conv("conv2", [(weights(3, (3, 4, 5, 3)), 0)], 300, 5)
    return FixedPointModel((conv1, PoolLayer("pool1", (2, 2), (2, 2)), conv2), InputCode(6, 1.0))


def small_clip(seed: int = 0, steps: int = 6, size: tuple[int, int] = (11, 17), density: float = 0.1) -> np.ndarray:
    """Float32[T, 2, H, W] of counts 0..20, mostly 0."""
    random = np.random.default_rng(seed)
    shape = (steps, 2, *size)
    return (random.integers(1, 20, shape) * (random.random(shape) < density)).astype(np.float32)


def assert_same(expected: SpikeRecord, found: SpikeRecord) -> None:
    """Spikes and membranes are equal; shows counts and the first difference if not."""
    comparison = compare(expected, found)
    assert comparison.identical, f"\n{comparison}"
    assert set(expected.membranes) == set(found.membranes)
