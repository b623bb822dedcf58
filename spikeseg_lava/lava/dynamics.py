"""One step of a layer of neurons on whole arrays, in integers (DESIGN section 2) and in floats (section 1).

Parameters are scalars or arrays over the last axis, the channels in Lava's order of axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import DECAY_BITS, DECAY_UNIT, saturate


def subtractive_fixed(v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any]) -> NDArray[np.integer]:
    """`sat24(V + A - L)` with `A = sat24(drive)`; a leak of 0 makes it an IF neuron."""
    return saturate(v.astype(np.int64) + saturate(drive.astype(np.int64)) - leak)


def multiplicative_fixed(v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any]) -> NDArray[np.integer]:
    """`sat24(sign(V) * ((|V| * (4096 - D)) >> 12) + A)`, rounding towards zero."""
    v = v.astype(np.int64)
    kept = (np.abs(v) * (DECAY_UNIT - decay.astype(np.int64))) >> DECAY_BITS
    return saturate(np.sign(v) * kept + saturate(drive.astype(np.int64)))


def subtractive_float(v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any]) -> NDArray[np.float64]:
    """`V + I - lambda`."""
    return v + drive - leak


def multiplicative_float(v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any]) -> NDArray[np.float64]:
    """`(1 - decay) * V + I`."""
    return (1 - decay) * v + drive


def fire(
    v: NDArray[Any], fired: NDArray[Any], threshold: NDArray[Any], floor: bool, fire_once: bool
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Floor, spike and hard reset: the new membrane and the spikes. Marks the neurons that fire in `fired`."""
    if floor:
        v = np.maximum(v, 0)
    spikes = v >= threshold
    if fire_once:
        spikes &= fired == 0
    fired[spikes] = 1
    return np.where(spikes, 0, v), spikes
