"""One step of a layer of neurons on whole arrays, in integers (`docs/fixed-point.md`) and in floats.

Images are (W, H, C). Parameters are scalars or arrays over the last axis, the channels in Lava's order of axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, saturate


def correlate(image: NDArray[Any], kernel: NDArray[Any], stride: Pair, padding: Pair) -> NDArray[Any]:
    """[W', H', O] from an image [W, H, I] and a kernel [O, I, kx, ky], in the type of their product."""
    kx, ky = kernel.shape[2:]
    padded = np.pad(image, [(padding[0],) * 2, (padding[1],) * 2, (0, 0)])
    columns, rows = ((n - k) // s + 1 for n, k, s in zip(padded.shape[:2], (kx, ky), stride, strict=True))
    total = np.zeros((columns, rows, len(kernel)), np.result_type(image, kernel))
    for x in range(kx):
        for y in range(ky):
            seen = padded[x : x + columns * stride[0] : stride[0], y : y + rows * stride[1] : stride[1]]
            total += seen @ kernel[:, :, x, y].T
    return total


def subtractive_fixed(
    v: NDArray[Any], drive: NDArray[Any], leak: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(V + A + B - L)` with `A = sat24(drive)`; a leak of 0 makes it an IF neuron."""
    return saturate(v.astype(np.int64) + saturate(drive.astype(np.int64)) + bias - leak)


def multiplicative_fixed(
    v: NDArray[Any], drive: NDArray[Any], decay: NDArray[Any], bias: NDArray[Any] | int = 0
) -> NDArray[np.integer]:
    """`sat24(sign(V) * ((|V| * (4096 - D)) >> 12) + A + B)`, rounding towards zero."""
    v = v.astype(np.int64)
    kept = (np.abs(v) * (DECAY_UNIT - decay.astype(np.int64))) >> DECAY_BITS
    return saturate(np.sign(v) * kept + saturate(drive.astype(np.int64)) + bias)


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
