"""The neuron parameters of a layer from its buffers `threshold`, `leak` and `beta`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.checkpoint.state import LayerState
from spikeseg_lava.checkpoint.tensors import channel_values
from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.network import Neuron

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
