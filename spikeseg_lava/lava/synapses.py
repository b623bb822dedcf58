"""Convolutions in Lava's order of axes: planes of weights, and the dense sum over whole images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import correlation_kernel
from spikeseg_lava.lava.parameters import Pair, image_shape, pair, windows


@dataclass(frozen=True, eq=False)
class ConvGeometry:
    """What a convolution sees: shapes (W, H, C), kernel size, stride and padding as (x, y)."""

    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    kernel: Pair
    stride: Pair
    padding: Pair


def weight_planes(weight: Any, weight_exp: int | Sequence[int]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Weights as [planes, O, kx, ky, I] and one exponent per plane; ArgumentError where they do not match."""
    planes = np.asarray(weight)
    planes = planes[None] if planes.ndim == 4 else planes
    exponents = np.atleast_1d(np.asarray(weight_exp))
    if planes.ndim != 5 or planes.dtype.kind not in "iuf":
        raise ArgumentError(f"`weight` must be [O, kx, ky, I] or [planes, O, kx, ky, I], got shape {planes.shape}")
    if exponents.dtype.kind not in "iu" or exponents.shape != (len(planes),) or exponents.min() < 0:
        raise ArgumentError(f"`weight_exp` must be {len(planes)} integer(s) of 0 or more, got {weight_exp!r}")
    return planes, exponents.astype(np.int64)


def geometry(planes: NDArray[Any], input_shape: Any, stride: int | Pair, padding: int | Pair) -> ConvGeometry:
    """Shapes of a convolution; ArgumentError where weight and input do not fit."""
    shape = image_shape("input_shape", input_shape)
    _, outputs, kx, ky, inputs = planes.shape
    if inputs != shape[2]:
        raise ArgumentError(f"`weight` takes {inputs} input channel(s), `input_shape` {shape} has {shape[2]}")
    stride, padding = pair("stride", stride, 1), pair("padding", padding, 0)
    size = windows("weight", shape[:2], (kx, ky), stride, padding)
    return ConvGeometry(shape, (*size, outputs), (kx, ky), stride, padding)


def summed_kernel(planes: NDArray[Any], exponents: NDArray[np.integer]) -> NDArray[Any]:
    """[O, I, kx, ky], cross-correlation: `sum of plane << exponent`, exact."""
    factors = np.left_shift(np.int64(1), exponents.astype(np.int64)).reshape(-1, 1, 1, 1, 1)
    return correlation_kernel((planes * factors).sum(axis=0))


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
