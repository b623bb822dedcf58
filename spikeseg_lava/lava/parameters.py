"""Checks of what users hand to our Processes, in the parent, where an error can still be shown plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError

Pair = tuple[int, int]


def channel_values(name: str, value: Any, channels: int, least: float = 0.0) -> NDArray[Any]:
    """A scalar or one value per channel as an array [1] or [channels]; ArgumentError if below `least`."""
    values = np.atleast_1d(np.asarray(value))
    if values.shape not in ((1,), (channels,)):
        raise ArgumentError(f"`{name}` must be one number or {channels}, one per channel, got shape {values.shape}")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or values.min() < least:
        raise ArgumentError(f"`{name}` must hold finite numbers of {least:g} or more, got {values.tolist()}")
    return values


def pair(name: str, value: int | Pair, least: int) -> Pair:
    """A number for both axes, or (x, y)."""
    values = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) != 2 or any(int(n) != n or n < least for n in values):
        raise ArgumentError(f"`{name}` must be an integer of {least} or more, or a pair (x, y) of them, got {value!r}")
    return int(values[0]), int(values[1])


def image_shape(name: str, value: Any) -> tuple[int, int, int]:
    """A shape (W, H, C)."""
    values = tuple(value)
    if len(values) != 3 or any(int(n) != n or n < 1 for n in values):
        raise ArgumentError(f"`{name}` must be (W, H, C) with three positive integers, got {value!r}")
    return int(values[0]), int(values[1]), int(values[2])


def windows(name: str, size: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Output size (W, H): `(n + 2 * padding - kernel) // stride + 1`; ArgumentError where the kernel does not fit."""
    width, height = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if width < 1 or height < 1:
        raise ArgumentError(f"`{name}` {kernel} does not fit an image of {size[0]}x{size[1]} with padding {padding}")
    return width, height
