"""Small models that fit stock parts: asymmetric kernels, non-square frames, several channels, signed weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, LeakMode, Neuron, Pair, PoolLayer
from spikeseg_lava.network.integers import (
    FixedPointConv,
    FixedPointModel,
    FixedPointNeuron,
    InputCode,
    Plane,
    sum_planes,
)

SIZE = (8, 11)
BITS = 3


def conv_layer(
    name: str,
    weights: list[NDArray[np.integer]],
    threshold: int,
    leak: int,
    *,
    exponents: tuple[int, ...] = (0,),
    padding: Pair = (0, 0),
    stride: Pair = (1, 1),
    floor: bool = True,
    decay: int = 0,
) -> FixedPointConv:
    """One plane for every array Int[O, I, kh, kw]; the float source is the same in the same units."""
    planes = tuple(Plane(w.astype(np.int8), e) for w, e in zip(weights, exponents, strict=True))
    outputs = weights[0].shape[0]
    mode: LeakMode = "multiplicative" if decay else "subtractive"
    theta, pull, lost = (np.full(outputs, value, np.int32) for value in (threshold, leak, decay))
    neuron = Neuron(theta.astype(np.float64), pull.astype(np.float64), 1 - lost / 4096, mode, floor)
    source = ConvLayer(name, sum_planes(planes).astype(np.float32), neuron, stride, padding)
    return FixedPointConv(
        name, planes, FixedPointNeuron(theta, pull, lost, mode, floor), np.ones(outputs), source, stride, padding
    )


def small_model(seed: int, *, floor: bool = True) -> FixedPointModel:
    """Two planes a layer, strides, pads and signs mixed; thresholds and leaks over a wide range."""
    random = np.random.default_rng(seed)
    first = conv_layer(
        "conv1", [random.integers(-60, 60, (3, 2, 3, 5)) for _ in range(2)], int(random.integers(50, 3000)),
        int(random.integers(0, 1200)), exponents=(0, 2), padding=(1, 2), floor=floor,
    )  # fmt: skip
    second = conv_layer(
        "conv2", [random.integers(-30, 60, (4, 3, 3, 2)) for _ in range(2)], int(random.integers(20, 400)),
        int(random.integers(0, 150)), exponents=(1, 0), padding=(1, 0), stride=(1, 2), floor=floor,
    )  # fmt: skip
    return FixedPointModel((first, PoolLayer("pool1", (2, 3), (2, 2)), second), InputCode(BITS, 1.0), input_size=SIZE)


def small_frames(seed: int, steps: int = 7) -> NDArray[np.float32]:
    """Float32[T, 2, 8, 11] whole numbers that the payload holds."""
    random = np.random.default_rng(seed + 1000)
    shape = (steps, 2, *SIZE)
    return ((random.random(shape) < 0.3) * random.integers(0, 2**BITS, shape)).astype(np.float32)
