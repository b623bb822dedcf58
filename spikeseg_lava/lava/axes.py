"""Lava's axis order and ours.

Lava's images are (W, H, C) and its kernels (O, kx, ky, I), applied as a true convolution. Everywhere else in this
package images are (C, H, W) and kernels (O, I, kh, kw), applied as a cross-correlation as in torch. Ports, shapes,
weights, strides and paddings of our Processes follow Lava; this module is the only place that turns one into the other.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.engine.shared_maps import SharedMaps
from spikeseg_lava.network.floats import Shape

Number = TypeVar("Number", bound=np.generic)


def lava_shape(shape: Shape) -> Shape:
    """(C, H, W) as (W, H, C), and back."""
    return shape[2], shape[1], shape[0]


def swapped(pair: tuple[int, int]) -> tuple[int, int]:
    """(height, width) as (x, y), and back."""
    return pair[1], pair[0]


def lava_weight(weight: NDArray[Number]) -> NDArray[Number]:
    """Torch's kernel [O, I, kh, kw] as Lava's [O, kx, ky, I]: flipped, transposed."""
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))


def correlation_kernel(weight: NDArray[Number]) -> NDArray[Number]:
    """Lava's kernel [O, kx, ky, I] as a cross-correlation [O, I, kx, ky] over an image [I, W, H]."""
    return np.ascontiguousarray(weight[:, ::-1, ::-1, :].transpose(0, 3, 1, 2))


def lava_image(image: NDArray[Any]) -> NDArray[Any]:
    """[..., C, H, W] as [..., W, H, C], and back."""
    return np.ascontiguousarray(np.swapaxes(image, -1, -3))


def record_rows(
    step: NDArray[Any], index: NDArray[Any], shape: tuple[int, ...], shared: SharedMaps | None = None
) -> NDArray[np.int32]:
    """Int32[N, 1 + axes] rows in order, from steps and flat places in a port of `shape`.

    A row is the step, then the axes from last to first: (t, c, y, x) for a port (W, H, C). Each place occurs at most
    once a step; those of a port (W, H, C) whose steps ascend, as they do in a run, are sorted by compiled code.

    Args:
        shared: of a layer of which these are the spikes of its distinct maps only.
    """
    if len(shape) == 3 and len(step) and (step[1:] >= step[:-1]).all():
        first = int(step[0])
        offsets = np.searchsorted(step, np.arange(first, int(step[-1]) + 2, dtype=step.dtype)).astype(np.int64)
        spikes = SparseSteps.of_spikes(offsets, np.ascontiguousarray(index, np.int32))
        return spikes.rows(lava_shape(shape), first, shared=shared, x_first=True)
    if shared is not None:
        source, index = shared.places(index)
        step = step[source]
    axes = np.unravel_index(np.asarray(index, np.int64), shape)
    rows = np.stack([step, *reversed(axes)], axis=1).astype(np.int32)
    return rows[np.lexsort(rows.T[::-1])]
