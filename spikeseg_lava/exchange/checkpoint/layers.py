"""The neuron parameters of a layer from its buffers `threshold`, `leak` and `beta`.

A spiking convolution from the tensors of its layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.exchange.checkpoint.state import LayerState, channel_values, weights_from
from spikeseg_lava.network.floats import ConvLayer, Neuron

PARTS = ("neuron.threshold", "neuron.leak", "neuron.beta")


def neuron_from(layer: LayerState, channels: int, adapted: Any = None) -> Neuron:
    """The neurons of `layer`, one value per output channel.

    Leak is multiplicative where beta < 1, else subtractive. A neuron with a threshold but neither leak nor beta is
    an IF neuron, which has no floor; every other one is a LIF neuron. `adapted` thresholds, one per channel, replace
    the buffer; the leak stays that of the buffers, as in training.
    """
    has_leak = _has_leak(layer)
    threshold = _read(layer, "neuron.threshold", channels) if adapted is None else _adapted(layer, adapted, channels)
    leak = _read(layer, "neuron.leak", channels) if has_leak else np.zeros(channels)
    beta = _read(layer, "neuron.beta", channels) if has_leak else np.ones(channels)
    _check(layer.name, threshold, leak, beta)
    if (beta < 1).any():
        return Neuron(threshold, np.zeros(channels), beta, "multiplicative")
    return Neuron(threshold, leak, beta, "subtractive", floor=has_leak)


def _has_leak(layer: LayerState) -> bool:
    missing = [part for part in PARTS if part not in layer.tensors]
    if not missing or missing == list(PARTS[1:]):
        return not missing
    found = ", ".join(layer.tensors)
    raise CheckpointError(f"`{layer.name}` lacks {', '.join(missing)}; expected {', '.join(PARTS)}, found {found}")


def _read(layer: LayerState, part: str, channels: int) -> NDArray[np.float64]:
    return channel_values(layer.tensors[part], channels, f"{layer.name}.{part}")


def _adapted(layer: LayerState, adapted: Any, channels: int) -> NDArray[np.float64]:
    return channel_values(adapted, channels, f"extra_state.threshold_managers.{layer.name}.thresholds")


def _check(name: str, threshold: NDArray[np.float64], leak: NDArray[np.float64], beta: NDArray[np.float64]) -> None:
    if threshold.min() <= 0:
        raise CheckpointError(f"`{name}` has threshold {threshold.min():g}, expected a positive one")
    if leak.min() < 0:
        raise CheckpointError(f"`{name}` has leak {leak.min():g}, expected zero or more")
    if beta.min() < 0 or beta.max() > 1:
        raise CheckpointError(f"`{name}` has beta from {beta.min():g} to {beta.max():g}, expected 0 to 1")


FOREIGN = ("bias", "running_mean", "running_var")  # of a bias or a normalisation: the current would be another one


def convolution_from(state: LayerState, adapted: Any = None) -> ConvLayer:
    """The layer with padding k//2; `adapted` thresholds, where given, replace those of the buffers.

    Raises CheckpointError for a layer with a bias or a normalisation, which the network has none of.
    """
    if foreign := [key for key in state.tensors if key.endswith(FOREIGN)]:
        raise CheckpointError(
            f"`{state.name}` has {', '.join(foreign)}; expected a convolution without bias and normalisation: "
            "train without, or fold it into the weights"
        )
    weight = weights_from(state.tensors["conv.weight"], f"{state.name}.conv.weight")
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return ConvLayer(state.name, weight, neuron_from(state, len(weight), adapted), padding=padding)
