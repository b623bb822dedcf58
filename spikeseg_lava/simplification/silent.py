"""Maps that can never fire, whatever the input: a bound on the membrane from the largest drive of one step.

With D = (sum of the positive weights) * (largest input), V starts at 0 and

    subtractive      V <= max(0, V + D - leak)      stays at or below 0 for ever when D <= leak
    multiplicative   V <= beta * V + D              stays at or below D / (1 - beta)

A map is silent when that bound stays below its positive threshold. A negative input of a map only lowers V, and so do
saturation and an integer decay, which rounds towards zero. Float sums may round up, and get a margin for that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import DECAY_UNIT, FixedPointConv
from spikeseg_lava.network import ConvLayer
from spikeseg_lava.simplification.layers import Conv, kernel_of

FLOAT_ROUNDING = 2.0**-23


def silent_maps(layer: Conv, largest_input: float) -> NDArray[np.bool_]:
    """Bool[O]: output maps that can never fire for inputs of 0 to `largest_input`."""
    neuron = layer.neuron
    kernel = kernel_of(layer).astype(np.float64)
    drive = np.maximum(kernel, 0).sum(axis=(1, 2, 3)) * largest_input * _margin(layer)
    if neuron.leak_mode == "subtractive":
        never = drive <= neuron.leak
    else:
        never = (drive == 0) | (drive < neuron.threshold * _lost_share(layer))
    return np.asarray(never & (neuron.threshold > 0))


def _lost_share(layer: Conv) -> NDArray[np.float64]:
    """Float64[O]: 1 - beta of a multiplicative leak; a float's is less by the two roundings of every step."""
    if isinstance(layer, ConvLayer):
        return 1 - layer.neuron.beta * (1 + 4 * FLOAT_ROUNDING)
    return layer.neuron.decay / DECAY_UNIT


def _margin(layer: Conv) -> float:
    if isinstance(layer, FixedPointConv):
        return 1.0
    return 1 + FLOAT_ROUNDING * (layer.weight[0].size + 2)
