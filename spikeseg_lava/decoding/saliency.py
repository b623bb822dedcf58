"""The spiking decoder of SpikeSEG: classification spikes sent back through the tied weights to the pixels.

Every stage but the last is a transposed convolution with spiking neurons of threshold 1 and no leak, then the
max-unpooling; the last stage is linear::

    V = max(V + conv_transpose2d(x, W), 0) ;  S = V >= 1 ;  V = 0 where S ;  next x = max_unpool2d(S)

Source: Kirkland et al. 2020, "SpikeSEG: Spiking segmentation via STDP saliency mapping".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.projection import add_projection
from spikeseg_lava.decoding.stages import Stage, Winners

THRESHOLD = 1.0


def saliency(stages: Sequence[Stage], passes: Iterable[tuple[NDArray[np.integer], Winners]]) -> NDArray[np.float32]:
    """Float32[C, H, W] of the input channels, summed over the passes; membranes last from one pass to the next.

    Args:
        passes: per pass the classification spikes Int[N, 3] of (c, y, x), one listed twice counting twice, and the
            winners its unpooling uses.
    """
    potentials = [np.zeros((stage.layer.weight.shape[1], *stage.size), np.float32) for stage in stages]
    for spikes, winners in passes:
        neurons = spikes
        for stage, potential in zip(stages[:-1], potentials, strict=False):
            add_projection(neurons, stage.layer, potential, (0, 0))
            neurons = stage.unpool(_fire(potential), winners)
        add_projection(neurons, stages[-1].layer, potentials[-1], (0, 0))
    return potentials[-1]


def _fire(potential: NDArray[np.float32]) -> NDArray[np.int64]:
    """Floor, spike and reset in place; Int64[N, 3] of the neurons (c, y, x) that fired."""
    np.maximum(potential, 0, out=potential)
    fires = potential >= THRESHOLD
    potential[fires] = 0
    return np.argwhere(fires)
