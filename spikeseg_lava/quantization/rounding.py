"""Integers of one layer at a given scale: rounded weights in signed byte planes, threshold, leak and decay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, byte_planes
from spikeseg_lava.quantization.scales import LayerScale


def exact_weights(layer: ConvLayer, scale: LayerScale) -> NDArray[np.float64]:
    """Float64[O, I, kh, kw]: the weights in integer units before rounding, cut to the scale's limit.

    What is cut is a whole number already, at or above the level at which it fires alone.
    """
    weight = layer.weight.astype(np.float64)
    limit, unit = (a[:, None, None, None] for a in (scale.limit, scale.weight))
    return np.where(weight > limit, np.ceil(limit * unit), weight * unit)


def nearest_weights(layer: ConvLayer, scale: LayerScale) -> NDArray[np.int64]:
    """Int64[O, I, kh, kw]: the nearest integers (ties to even)."""
    return np.rint(exact_weights(layer, scale)).astype(np.int64)


def integer_neuron(neuron: Neuron, scale: NDArray[np.float64]) -> FixedPointNeuron:
    """Theta = ceil(theta S): with integer V, `V >= theta S` is `V >= ceil(theta S)`. L = round(lambda S).

    D = round((1 - beta) 4096) in multiplicative mode, else 0. B = round(bias S) in both.
    """
    multiplicative = neuron.leak_mode == "multiplicative"
    decay = np.rint((1 - neuron.beta) * DECAY_UNIT) if multiplicative else np.zeros_like(neuron.beta)
    leak = np.zeros_like(neuron.leak) if multiplicative else np.rint(neuron.leak * scale)
    threshold, bias = np.ceil(neuron.threshold * scale), np.rint(neuron.bias * scale)
    threshold, leak, decay, bias = (a.astype(np.int32) for a in (threshold, leak, decay, bias))
    return FixedPointNeuron(threshold, leak, decay, neuron.leak_mode, neuron.floor, bias)


def assemble(layer: ConvLayer, scale: LayerScale, weights: NDArray[np.int64]) -> FixedPointConv:
    """The integer layer of integer weights Int64[O, I, kh, kw] at `scale`."""
    return FixedPointConv(
        layer.name,
        byte_planes(weights << scale.exponent, scale.exponent),
        integer_neuron(layer.neuron, scale.membrane),
        scale.membrane,
        layer,
        layer.stride,
        layer.padding,
    )
