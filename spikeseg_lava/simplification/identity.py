"""When two maps fire at the same steps at the same places: equal neurons, and weights equal where they decide.

With spikes as input, no negative weight and a membrane that is never negative, a weight of at least theta + lambda
(multiplicative leak: theta) fires the neuron by itself. How much larger it is changes no spike, so it is compared as if
it were cut to that level. Only the membranes of neurons that have fired before (fire-once) depend on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import STATE_MAX, FixedPointConv
from spikeseg_lava.network import Neuron
from spikeseg_lava.simplification.layers import Conv, kernel_of

FLOAT32_SUM_MARGIN = 2.0**-16  # above the level, for the rounding of float32 sums


def identities(layer: Conv, spikes_in: bool) -> list[bytes]:
    """Per output map what it does, as bytes: equal ones fire alike.

    Args:
        spikes_in: the input is 0 or 1, not graded.
    """
    neuron, kernel = layer.neuron, kernel_of(layer)
    rate = neuron.beta if isinstance(neuron, Neuron) else neuron.decay
    kernel = np.minimum(kernel, _firing_level(layer)[:, None, None, None]) if spikes_in else kernel
    return [b"".join(a[o].tobytes() for a in (kernel, neuron.threshold, neuron.leak, rate)) for o in range(len(kernel))]


def _firing_level(layer: Conv) -> NDArray[np.float64]:
    """Float64[O]: larger weights do what one of this size does; inf where that cannot be said."""
    neuron, kernel = layer.neuron, kernel_of(layer)
    alone = neuron.threshold.astype(np.float64) + (neuron.leak if neuron.leak_mode == "subtractive" else 0)
    never_negative = (neuron.floor | (neuron.leak == 0)) & (kernel.min(axis=(1, 2, 3)) >= 0) & (neuron.threshold > 0)
    if isinstance(layer, FixedPointConv):
        return np.where(never_negative & (alone <= STATE_MAX), alone, np.inf)
    return np.where(never_negative, alone * (1 + FLOAT32_SUM_MARGIN), np.inf)
