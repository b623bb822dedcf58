"""The weights the decoder uses: those of the float network, as stored or brought to the range it presupposes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.fixed_point import FixedPointConv, FixedPointModel
from spikeseg_lava.network import ConvLayer, PoolLayer, SpikingNetwork

Layers = tuple[ConvLayer | PoolLayer, ...]
STORED = "stored"
UNIT = "unit"
CONTRIBUTES = 0.5
"""Summed weight above which HULK counts a neuron as a cause. It presupposes weights of 0 to 1, as STDP learns them."""


def decoding_layers(network: SpikingNetwork | FixedPointModel, weights: str = STORED) -> Layers:
    """The layers with float weights: of a fixed-point model those it was made from.

    Args:
        weights: "stored", or "unit": every layer's weights divided by the largest of them.

    Raises:
        ArgumentError: a network whose first and last layers are no convolutions, another value of `weights`.
    """
    if not isinstance(network, (SpikingNetwork, FixedPointModel)):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork or FixedPointModel, got {type(network).__name__}")
    if weights not in (STORED, UNIT):
        raise ArgumentError(f"`weights` must be {STORED!r} or {UNIT!r}, got {weights!r}")
    layers = tuple(x.source if isinstance(x, FixedPointConv) else x for x in network.layers)
    if not layers or not isinstance(layers[0], ConvLayer) or not isinstance(layers[-1], ConvLayer):
        raise ArgumentError("`network` cannot be decoded: its first and last layers must be convolutions")
    return tuple(_unit(x) if isinstance(x, ConvLayer) and weights == UNIT else x for x in layers)


def fitting_weights(network: SpikingNetwork | FixedPointModel) -> str:
    """ "stored" where a classification spike can pass HULK's threshold with the weights as they are, else "unit"."""
    top = decoding_layers(network)[-1]
    return STORED if isinstance(top, ConvLayer) and np.any(top.weight > CONTRIBUTES) else UNIT


def _unit(layer: ConvLayer) -> ConvLayer:
    largest = layer.weight.max()
    return replace(layer, weight=layer.weight / largest) if largest > 0 else layer
