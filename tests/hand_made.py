"""Small fixed-point models made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel


def layer(
    weight: Any,
    threshold: Any = 10,
    leak: Any = 0,
    *,
    name: str = "conv1",
    exponents: tuple[int, ...] = (0,),
    decay: int = 0,
    floor: bool = True,
    stride: Pair = (1, 1),
) -> FixedPointConv:
    """A convolution with the same `weight` Int8[O, I, kh, kw] in every plane, same padding."""
    weight = np.asarray(weight, np.int8)
    channels, ones = len(weight), np.ones(len(weight), np.int32)
    neuron = FixedPointNeuron(ones * threshold, ones * leak, ones * decay, floor=floor)
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    floats = Neuron(np.ones(channels), np.zeros(channels), np.ones(channels))
    source = ConvLayer(name, weight.astype(np.float32), floats, stride, padding)
    planes = tuple(Plane(weight, exponent) for exponent in exponents)
    return FixedPointConv(name, planes, neuron, np.ones(channels), source, stride, padding)


def model(*layers: FixedPointLayer, bits: int = 1, size: Pair = (8, 8), target: str = "loihi2") -> FixedPointModel:
    return FixedPointModel(layers, InputCode(bits, 1.0), target, size, timesteps=10)


def ones(*shape: int) -> NDArray[np.int8]:
    return np.ones(shape, np.int8)


def limited(target: Any, **values: int) -> Any:
    """The target with other limits."""
    return replace(target, **{name: replace(getattr(target, name), value=value) for name, value in values.items()})
