"""HULK: unravel one classification spike through the linked kernels down to the pixels that caused it.

    a = one-hot of the spike
    for every convolution but the first, from the top:   a = conv_transpose2d(a, W) > 0.5 ;   a = max_unpool2d(a)
    mask = (sum over input channels of conv_transpose2d(a, W1)) > 0

Source: Kirkland et al. 2022, "Unsupervised Spiking Instance Segmentation on Event Data using STDP Features".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.instance import Box, cut_out
from spikeseg_lava.decoding.saliency import project
from spikeseg_lava.decoding.stages import CONTRIBUTES, Stage, Winners
from spikeseg_lava.network.floats import Pair


def unravel(
    spike: Sequence[int], stages: Sequence[Stage], winners: Winners
) -> tuple[Box, NDArray[np.bool_], list[int]]:
    """Box and mask within it of a classification spike (c, y, x), and the rows of the hash it went through."""
    neurons: NDArray[np.integer] = np.array([spike], np.int64)
    features: list[int] = []
    for stage in stages[:-1]:
        active, (top, left) = _causes(neurons, stage)
        features.extend(stage.feature_offset + np.unique(active[:, 0]))
        neurons = stage.unpool(active + np.array([0, top, left]), winners)
    drive, (top, left) = project(neurons, stages[-1].layer, stages[-1].size)
    box, patch = cut_out(drive.sum(axis=0) > 0, top, left)
    return box, patch, features


def _causes(neurons: NDArray[np.integer], stage: Stage) -> tuple[NDArray[np.int64], Pair]:
    drive, origin = project(neurons, stage.layer, stage.size)
    return np.argwhere(drive > CONTRIBUTES), origin
