"""How large the membrane scale may be so that nothing that decides a spike leaves 24 bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.bounds import sinking_steps
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.integers import STATE_MAX
from spikeseg_lava.quantization.setting import LayerSetting

ROUNDING = 1 + 2.0**-6  # what rounding may add to sums of weights


def highest_scale(layer: ConvLayer, setting: LayerSetting, input_scale: float, steps: int) -> NDArray[np.float64]:
    """Float64[O]: the largest membrane scale at which `Theta + |L - B| <= 2**23 - 1`.

    A neuron that can sink below zero (no floor) must moreover stay above -2**23 for `steps` steps of its worst input,
    and its largest drive must fit, because saturation would change what it does later.
    """
    neuron = layer.neuron
    demand = neuron.threshold + np.abs(neuron.pull)
    if not neuron.floor:
        payload = (2**setting.input_bits - 1) / input_scale
        weight = layer.weight.astype(np.float64)
        sinks = -np.minimum(weight, 0).sum(axis=(1, 2, 3)) * payload + neuron.pull
        drive = np.maximum(weight, 0).sum(axis=(1, 2, 3)) * payload
        worst = np.maximum(sinks * sinking_steps(neuron.beta, steps), drive) * ROUNDING
        demand = np.where(sinks > 0, np.maximum(demand, worst), demand)
    return (STATE_MAX - 2) / demand


def drive_levels(layer: ConvLayer, limit: NDArray[np.float64], setting: LayerSetting, accumulator_max: int) -> float:
    """Integer the largest weight may be so that the drive of the worst input fits `accumulator_max`."""
    largest = np.minimum(np.abs(layer.weight).max(axis=(1, 2, 3)), limit).max()
    spread = one_sided_sum(layer, limit).max() / max(largest, 1e-300)
    return accumulator_max / max(spread, 1) / (2**setting.input_bits - 1) / ROUNDING


def one_sided_sum(layer: ConvLayer, limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Float64[O]: the sum of the positive weights (cut to `limit`) or of the negative ones, whichever is larger."""
    weight = np.minimum(layer.weight.astype(np.float64), limit[:, None, None, None])
    return np.maximum(np.maximum(weight, 0).sum(axis=(1, 2, 3)), -np.minimum(weight, 0).sum(axis=(1, 2, 3)))
