"""Lava's axis order and ours.

Lava's images are (W, H, C) and its kernels (O, kx, ky, I), applied as a true convolution. Everywhere else in this
package images are (C, H, W) and kernels (O, I, kh, kw), applied as a cross-correlation as in torch. Ports, shapes,
weights, strides and paddings of our Processes follow Lava; this module is the only place that turns one into the other.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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


def record_rows(step: NDArray[Any], index: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Int32[N, 1 + axes] rows in order, from steps and flat places in a port of `shape`.

    A row is the step, then the axes from last to first: (t, c, y, x) for a port (W, H, C).
    """
    axes = np.unravel_index(np.asarray(index, np.int64), shape)
    rows = np.stack([step, *reversed(axes)], axis=1).astype(np.int32)
    return rows[np.lexsort(rows.T[::-1])]
