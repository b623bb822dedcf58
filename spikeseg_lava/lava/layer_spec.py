"""The layers of a network in Lava's order of axes, described once, for Processes, models and event layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import correlation_kernel, lava_shape, lava_weight, swapped
from spikeseg_lava.lava.parameters import image_shape, pair, windows
from spikeseg_lava.network.floats import ConvLayer, LeakMode, Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron
from spikeseg_lava.network.model import FixedPointModel

Network = SpikingNetwork | FixedPointModel
SUM_BITS = 63  # of the integers that sums are made in


@dataclass(frozen=True, eq=False)
class ConvGeometry:
    """Shapes (W, H, C) of a convolution; its kernel size, stride and padding as (x, y)."""

    input_shape: Shape
    output_shape: Shape
    kernel: Pair
    stride: Pair
    padding: Pair


@dataclass(frozen=True, eq=False)
class ConvSpec:
    """A spiking convolution.

    Attributes:
        kernel: [O, I, kx, ky], a cross-correlation over an image [I, W, H], all planes summed: what is executed.
            Int64, or float64 of a float layer.
        planes: [planes, O, kx, ky, I], Lava's true convolution, and `exponents` Int64[planes]: the same weights as the
            Vars of a Process hold them.
        threshold, leak, decay, bias: [1] or [O]; decay in 1/4096 of an integer layer, a fraction of a float layer.
        payload_bits: word length of the input's values.
        reset_interval, reset_offset: state is cleared before the input of every step n (from 1) with
            `n % reset_interval == reset_offset % reset_interval`; None: never.
    """

    kernel: NDArray[Any]
    planes: NDArray[Any]
    exponents: NDArray[np.int64]
    layout: ConvGeometry
    threshold: NDArray[Any]
    leak: NDArray[Any]
    decay: NDArray[Any]
    bias: NDArray[Any]
    leak_mode: LeakMode = "subtractive"
    floor: bool = True
    fire_once: bool = False
    payload_bits: int = 24
    reset_interval: int | None = None
    reset_offset: int = 0

    @property
    def integer(self) -> bool:
        numbers = (self.kernel, self.threshold, self.leak, self.decay, self.bias)
        return all(array.dtype.kind in "iu" for array in numbers)

    @property
    def output_shape(self) -> Shape:
        return self.layout.output_shape


@dataclass(frozen=True)
class PoolSpec:
    """An OR-pool: shapes (W, H, C), kernel and stride (x, y)."""

    input_shape: Shape
    output_shape: Shape
    kernel: Pair
    stride: Pair


LayerSpec = ConvSpec | PoolSpec


def weight_planes(weight: Any, weight_exp: int | Sequence[int]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Weights as [planes, O, kx, ky, I] and one exponent per plane; ArgumentError where they do not match."""
    planes = np.asarray(weight)
    planes = planes[None] if planes.ndim == 4 else planes
    exponents = np.atleast_1d(np.asarray(weight_exp))
    if planes.ndim != 5 or planes.dtype.kind not in "iuf":
        raise ArgumentError(f"`weight` must be [O, kx, ky, I] or [planes, O, kx, ky, I], got shape {planes.shape}")
    if exponents.dtype.kind not in "iu" or exponents.shape != (len(planes),) or exponents.min() < 0:
        raise ArgumentError(f"`weight_exp` must be {len(planes)} integer(s) of 0 or more, got {weight_exp!r}")
    return planes, exponents.astype(np.int64)


def geometry(planes: NDArray[Any], input_shape: Any, stride: int | Pair, padding: int | Pair) -> ConvGeometry:
    """Shapes of a convolution; ArgumentError where weight and input do not fit."""
    shape = image_shape("input_shape", input_shape)
    _, outputs, kx, ky, inputs = planes.shape
    if inputs != shape[2]:
        raise ArgumentError(f"`weight` takes {inputs} input channel(s), `input_shape` {shape} has {shape[2]}")
    stride, padding = pair("stride", stride, 1), pair("padding", padding, 0)
    size = windows("weight", shape[:2], (kx, ky), stride, padding)
    return ConvGeometry(shape, (*size, outputs), (kx, ky), stride, padding)


def summed_kernel(planes: NDArray[Any], exponents: NDArray[np.integer]) -> NDArray[Any]:
    """[O, I, kx, ky], cross-correlation: `sum of plane << exponent`, exact; Int64 of integers, Float64 of floats."""
    factors = np.left_shift(np.int64(1), exponents.astype(np.int64)).reshape(-1, 1, 1, 1, 1)
    return correlation_kernel((planes * factors).sum(axis=0))


def check_sums(what: str, planes: Any, exponents: Any, payload_bits: int) -> None:
    """ArgumentError, beginning with `what`, where sums of integer weights times payloads could leave 63 bits."""
    factors = np.exp2(np.asarray(exponents, float)).reshape(-1, 1, 1, 1, 1)
    worst = (np.abs(np.asarray(planes, float)) * factors).sum(axis=(0, 2, 3, 4)).max() * 2.0**payload_bits
    if worst >= 2.0**SUM_BITS:
        raise ArgumentError(
            f"{what} and their exponents are too large: a sum with payloads of {payload_bits} bits could reach "
            f"{worst:.3g}, the limit is 2**{SUM_BITS}"
        )


def layer_specs(
    network: Network, size: Pair, fire_once: bool, reset: tuple[int | None, int] | None = None
) -> dict[str, LayerSpec]:
    """Every layer of a network for frames of `size` (height, width), by name, in the order of the data.

    `reset` replaces the network's own reset interval, which counts from the start: (interval, offset) of ConvSpec.
    """
    shape: Shape = (network.input_channels, *size)
    bits = network.input.bits if isinstance(network, FixedPointModel) else 1
    interval, offset = (network.reset_interval, 1) if reset is None else reset
    specs: dict[str, LayerSpec] = {}
    for layer in network.layers:
        if isinstance(layer, PoolLayer):
            specs[layer.name] = pool_spec(layer, shape)
        else:
            specs[layer.name] = conv_spec(layer, shape, fire_once, bits, interval, offset)
        shape, bits = layer.output_shape(shape), 1
    return specs


def pool_spec(layer: PoolLayer, shape: Shape) -> PoolSpec:
    """A pool for an input of `shape` (C, H, W)."""
    inputs, outputs = lava_shape(shape), lava_shape(layer.output_shape(shape))
    return PoolSpec(inputs, outputs, swapped(layer.kernel), swapped(layer.stride))


def conv_spec(
    layer: ConvLayer | FixedPointConv, shape: Shape, fire_once: bool, payload_bits: int,
    reset_interval: int | None = None, reset_offset: int = 0,
) -> ConvSpec:  # fmt: skip
    """A convolution for an input of `shape` (C, H, W). The weights are brought into Lava's order here, once."""
    planes, exponents = _planes(layer)
    weight = layer.kernel if isinstance(layer, FixedPointConv) else layer.weight.astype(np.float64)
    kernel = np.ascontiguousarray(weight.transpose(0, 1, 3, 2))
    inputs, outputs = lava_shape(shape), lava_shape(layer.output_shape(shape))
    size = (kernel.shape[2], kernel.shape[3])
    neuron = layer.neuron
    decay = neuron.decay if isinstance(neuron, FixedPointNeuron) else 1 - neuron.beta
    return ConvSpec(
        kernel, planes, exponents, ConvGeometry(inputs, outputs, size, swapped(layer.stride), swapped(layer.padding)),
        neuron.threshold, neuron.leak, decay, neuron.bias, neuron.leak_mode, neuron.floor, fire_once, payload_bits,
        reset_interval, reset_offset,
    )  # fmt: skip


def _planes(layer: FixedPointConv | ConvLayer) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if isinstance(layer, ConvLayer):
        return lava_weight(layer.weight.astype(np.float64))[None], np.zeros(1, np.int64)
    planes = np.stack([lava_weight(plane.weight.astype(np.int64)) for plane in layer.planes])
    return planes, np.array([plane.exponent for plane in layer.planes])
