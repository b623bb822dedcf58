"""Convolutions in Lava's order of axes: planes of weights, and the dense sum over whole images.

One step of a layer of neurons on whole arrays, in integers (docs/fixed-point.md) and in floats.

Parameters are scalars or arrays over the last axis, the channels in Lava's order of axes.

The layers of a network in Lava's order of axes: what our layer Processes are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import correlation_kernel, lava_shape, lava_weight, swapped
from spikeseg_lava.lava.parameters import Pair, image_shape, pair, windows
from spikeseg_lava.network.floats import ConvLayer, LeakMode, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import (
    DECAY_BITS,
    DECAY_UNIT,
    FixedPointConv,
    FixedPointModel,
    FixedPointNeuron,
    saturate,
)


@dataclass(frozen=True, eq=False)
class ConvGeometry:
    """What a convolution sees: shapes (W, H, C), kernel size, stride and padding as (x, y)."""

    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    kernel: Pair
    stride: Pair
    padding: Pair


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
    """[O, I, kx, ky], cross-correlation: `sum of plane << exponent`, exact."""
    factors = np.left_shift(np.int64(1), exponents.astype(np.int64)).reshape(-1, 1, 1, 1, 1)
    return correlation_kernel((planes * factors).sum(axis=0))


def correlate(image: NDArray[Any], kernel: NDArray[Any], stride: Pair, padding: Pair) -> NDArray[Any]:
    """[W', H', O] from an image [W, H, I] and a kernel [O, I, kx, ky], in the type of their product."""
    kx, ky = kernel.shape[2:]
    padded = np.pad(image, [(padding[0],) * 2, (padding[1],) * 2, (0, 0)])
    columns, rows = ((n - k) // s + 1 for n, k, s in zip(padded.shape[:2], (kx, ky), stride, strict=True))
    total = np.zeros((columns, rows, len(kernel)), np.result_type(image, kernel))
    for x in range(kx):
        for y in range(ky):
            seen = padded[x : x + columns * stride[0] : stride[0], y : y + rows * stride[1] : stride[1]]
            total += seen @ kernel[:, :, x, y].T
    return total


def subtractive_fixed(
    v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(V + A + B - L)` with `A = sat24(drive)`; a leak of 0 makes it an IF neuron."""
    return saturate(v.astype(np.int64) + saturate(drive.astype(np.int64)) + bias - leak)


def multiplicative_fixed(
    v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(sign(V) * ((|V| * (4096 - D)) >> 12) + A + B)`, rounding towards zero."""
    v = v.astype(np.int64)
    kept = (np.abs(v) * (DECAY_UNIT - decay.astype(np.int64))) >> DECAY_BITS
    return saturate(np.sign(v) * kept + saturate(drive.astype(np.int64)) + bias)


def subtractive_float(v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any]) -> NDArray[np.float64]:
    """`V + I - lambda`."""
    return v + drive - leak


def multiplicative_float(v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any]) -> NDArray[np.float64]:
    """`(1 - decay) * V + I`."""
    return (1 - decay) * v + drive


def fire(
    v: NDArray[Any], fired: NDArray[Any], threshold: NDArray[Any], floor: bool, fire_once: bool
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Floor, spike and hard reset: the new membrane and the spikes. Marks the neurons that fire in `fired`."""
    if floor:
        v = np.maximum(v, 0)
    spikes = v >= threshold
    if fire_once:
        spikes &= fired == 0
    fired[spikes] = 1
    return np.where(spikes, 0, v), spikes


Network = SpikingNetwork | FixedPointModel


@dataclass(frozen=True, eq=False)
class ConvSpec:
    """A spiking convolution.

    Attributes:
        planes: [planes, O, kx, ky, I], Lava's true convolution; integers, or floats of a float layer.
        exponents: Int64[planes].
        threshold, leak, decay, bias: [1] or [O]; decay in 1/4096 of an integer layer, a fraction of a float layer.
        payload_bits: word length of the input's values.
        reset_interval: steps after which all state is cleared; None: only between samples.
    """

    planes: NDArray[Any]
    exponents: NDArray[np.int64]
    layout: ConvGeometry
    threshold: NDArray[Any]
    leak: NDArray[Any]
    decay: NDArray[Any]
    leak_mode: LeakMode
    floor: bool
    fire_once: bool
    payload_bits: int
    bias: NDArray[Any] = field(default_factory=lambda: np.zeros(1, np.int32))
    reset_interval: int | None = None

    @property
    def integer(self) -> bool:
        return all(a.dtype.kind in "iu" for a in (self.planes, self.threshold, self.leak, self.decay, self.bias))

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


def layer_specs(network: Network, size: Pair, fire_once: bool) -> dict[str, LayerSpec]:
    """Every layer of a network for frames of `size` (height, width), by name, in the order of the data."""
    shape: Shape = (network.input_channels, *size)
    bits = network.input.bits if isinstance(network, FixedPointModel) else 1
    specs: dict[str, LayerSpec] = {}
    for layer in network.layers:
        specs[layer.name] = layer_spec(layer, shape, fire_once, bits, network.reset_interval)
        shape, bits = layer.output_shape(shape), 1
    return specs


def layer_spec(
    layer: Any, shape: Shape, fire_once: bool, payload_bits: int, reset_interval: int | None = None
) -> LayerSpec:
    """One layer for an input of `shape` (C, H, W)."""
    inputs, outputs = lava_shape(shape), lava_shape(layer.output_shape(shape))
    if isinstance(layer, PoolLayer):
        return PoolSpec(inputs, outputs, swapped(layer.kernel), swapped(layer.stride))
    planes, exponents = _weights(layer)
    kernel = (planes.shape[2], planes.shape[3])
    layout = ConvGeometry(inputs, outputs, kernel, swapped(layer.stride), swapped(layer.padding))
    neuron = layer.neuron
    decay = neuron.decay if isinstance(neuron, FixedPointNeuron) else 1 - neuron.beta
    return ConvSpec(
        planes, exponents, layout, neuron.threshold, neuron.leak, decay,
        neuron.leak_mode, neuron.floor, fire_once, payload_bits, neuron.bias, reset_interval,
    )  # fmt: skip


def _weights(layer: FixedPointConv | ConvLayer) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if isinstance(layer, ConvLayer):
        return lava_weight(layer.weight.astype(np.float64))[None], np.zeros(1, np.int64)
    planes = np.stack([lava_weight(plane.weight.astype(np.int64)) for plane in layer.planes])
    return planes, np.array([plane.exponent for plane in layer.planes])
