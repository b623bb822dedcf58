"""The layers of a network in Lava's order of axes: what our layer Processes are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointConv, FixedPointModel, FixedPointNeuron
from spikeseg_lava.lava.axes import lava_shape, lava_weight, swapped
from spikeseg_lava.lava.parameters import Pair
from spikeseg_lava.lava.synapses import ConvGeometry
from spikeseg_lava.network import ConvLayer, LeakMode, PoolLayer, Shape, SpikingNetwork

Network = SpikingNetwork | FixedPointModel


@dataclass(frozen=True, eq=False)
class ConvSpec:
    """A spiking convolution.

    Attributes:
        planes: [planes, O, kx, ky, I], Lava's true convolution; integers, or floats of a float layer.
        exponents: Int64[planes].
        threshold, leak, decay: [1] or [O]; decay in 1/4096 of an integer layer, a fraction of a float layer.
        payload_bits: word length of the input's values.
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

    @property
    def integer(self) -> bool:
        return all(a.dtype.kind in "iu" for a in (self.planes, self.threshold, self.leak, self.decay))

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
        specs[layer.name] = layer_spec(layer, shape, fire_once, bits)
        shape, bits = layer.output_shape(shape), 1
    return specs


def layer_spec(layer: Any, shape: Shape, fire_once: bool, payload_bits: int) -> LayerSpec:
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
        neuron.leak_mode, neuron.floor, fire_once, payload_bits,
    )  # fmt: skip


def _weights(layer: FixedPointConv | ConvLayer) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if isinstance(layer, ConvLayer):
        return lava_weight(layer.weight.astype(np.float64))[None], np.zeros(1, np.int64)
    planes = np.stack([lava_weight(plane.weight.astype(np.int64)) for plane in layer.planes])
    return planes, np.array([plane.exponent for plane in layer.planes])
