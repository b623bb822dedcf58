"""What a network must be before it can be written in integers."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.errors import ArgumentTypeError, QuantisationError
from spikeseg_lava.network import ConvLayer, SpikingNetwork


def check_network(network: SpikingNetwork) -> None:
    """QuantisationError naming the layer, the value and the limit where a number has no integer counterpart."""
    if not isinstance(network, SpikingNetwork):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork, got {type(network).__name__}")
    if not network.convolutions:
        raise QuantisationError("`network` has no convolution, expected at least one")
    for layer in network.convolutions:
        _check_finite(layer)
        _check_signs(layer)


def _check_finite(layer: ConvLayer) -> None:
    neuron = layer.neuron
    parts = {"weight": layer.weight, "threshold": neuron.threshold, "leak": neuron.leak, "beta": neuron.beta}
    for name, values in parts.items():
        bad = int(np.sum(~np.isfinite(values)))
        if bad:
            raise QuantisationError(
                f"`{layer.name}`: {bad} value(s) of `{name}` are no finite number; mend the checkpoint"
            )
    for name in ("threshold", "leak", "beta"):
        if parts[name].shape != layer.weight.shape[:1]:
            raise QuantisationError(
                f"`{layer.name}`: `{name}` has shape {parts[name].shape}, expected one value for each of the "
                f"{len(layer.weight)} output channels"
            )


def _check_signs(layer: ConvLayer) -> None:
    neuron = layer.neuron
    if neuron.threshold.min() <= 0:
        raise QuantisationError(f"`{layer.name}`: `threshold` must be positive, got {neuron.threshold.min():g}")
    if neuron.leak.min() < 0:
        raise QuantisationError(f"`{layer.name}`: `leak` must be zero or more, got {neuron.leak.min():g}")
    if neuron.beta.min() < 0 or neuron.beta.max() > 1:
        raise QuantisationError(
            f"`{layer.name}`: `beta` must lie in 0..1, got {neuron.beta.min():g} to {neuron.beta.max():g}"
        )
