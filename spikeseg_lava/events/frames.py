"""From events to frames: equal time bins, one channel per polarity, coordinates rescaled, each bin normalised.

DESIGN section 1. With `n = duration`, an event belongs to bin `floor((t - start) * T / n)`, pixel
`round(x * (W - 1) / (w - 1))`; every bin is divided by its own largest count over both polarities.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError

Size = tuple[int, int]
POLARITIES = 2


def bin_edges(start: int, duration: int, timesteps: int) -> NDArray[np.int64]:
    """Int64[T + 1] in microseconds: bin k holds the events with `edges[k] <= t < edges[k + 1]`, exactly."""
    steps, length = whole_number("timesteps", timesteps, 1), whole_number("duration", duration, 1)
    return np.array([start - (-k * length // steps) for k in range(steps + 1)], np.int64)


def rescaled(old: int, new: int) -> NDArray[np.int64]:
    """Int64[old]: the new coordinate of each old one, `round(x * (new - 1) / (old - 1))`, halves to even."""
    return np.rint(np.arange(old) * ((new - 1) / max(old - 1, 1))).astype(np.int64)


def count_events(
    x: NDArray[np.integer],
    y: NDArray[np.integer],
    p: NDArray[np.integer],
    bounds: NDArray[np.integer],
    sensor: Size,
    size: Size,
) -> NDArray[np.int32]:
    """Int32[T, 2, H, W] events per bin, polarity and pixel; bin k is the slice `bounds[k]:bounds[k + 1]`."""
    rows, columns = rescaled(sensor[0], size[0]), rescaled(sensor[1], size[1])
    shape = (POLARITIES, *size)
    counts = np.empty((len(bounds) - 1, *shape), np.int32)
    for k, (first, last) in enumerate(itertools.pairwise(bounds)):
        channel = p[first:last].astype(np.int64)
        pixel = (channel * size[0] + rows[y[first:last]]) * size[1] + columns[x[first:last]]
        counts[k] = np.bincount(pixel, minlength=POLARITIES * size[0] * size[1]).reshape(shape)
    return counts


def normalised(counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """Float32 of the same shape: each bin (first axis) divided by its own maximum; an empty bin stays 0."""
    largest = counts.max(axis=(1, 2, 3), keepdims=True).astype(np.float32)
    return counts.astype(np.float32) / np.maximum(largest, np.float32(1))


def present(counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """Float32 0/1 of the same shape: event present or not."""
    return (counts > 0).astype(np.float32)


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """`value` as an int; ArgumentError unless it is a whole number, of at least `least` where that is given."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or int(value) != value or (least is not None and value < least):
        limit = "" if least is None else f" of at least {least}"
        unit = "" if name == "timesteps" else " (microseconds)"
        raise ArgumentError(f"`{name}` must be a whole number{limit}{unit}, got {value!r}")
    return int(value)


def checked_size(name: str, size: Any) -> Size:
    """(height, width) as two positive ints; ArgumentError otherwise."""
    try:
        height, width = size
        whole = int(height), int(width)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"`{name}` must be (height, width) in pixels, got {size!r}") from error
    if min(whole) < 1 or whole != (height, width):
        raise ArgumentError(f"`{name}` must be two whole numbers of at least 1, got {size!r}")
    return whole
