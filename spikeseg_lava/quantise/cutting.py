"""Weights so large that one spike fires the neuron by itself: how much larger they are changes nothing.

With 0/1 input, no negative weight and a membrane that is never negative, every w >= theta + lambda gives

    V + w - lambda >= theta        (multiplicative: beta V + w >= theta for w >= theta)

So such weights may be cut to that level, without changing one spike; the integer range is then left to the small
weights that decide. At theta 0.05 and weights up to 1 this makes 8 bit 18 times finer. Membranes of neurons that have
fired before (fire-once) do differ from the uncut ones; they decide nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network import ConvLayer

MARGIN = 2.0**-6  # above the level, for the rounding of weights, Theta and L


def firing_level(layer: ConvLayer, input_bits: int) -> NDArray[np.float64]:
    """Float64[O]: larger weights may be cut to this; inf where the layer's input, weights or neuron do not allow it."""
    neuron = layer.neuron
    alone = neuron.threshold + (neuron.leak if neuron.leak_mode == "subtractive" else 0)
    never_negative = neuron.floor | (neuron.leak == 0)
    safe = (input_bits == 1) & never_negative & (layer.weight.min(axis=(1, 2, 3)) >= 0)
    return np.where(safe, alone * (1 + MARGIN), np.inf)
