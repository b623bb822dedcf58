"""From events to frames: equal time bins, one channel per polarity, coordinates rescaled, each bin normalised.

With `n = duration`, an event belongs to bin `floor((t - start) * T / n)`, pixel
`round(x * (W - 1) / (w - 1))`; every bin is divided by its own largest count over both polarities.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, RecordingError

Size = tuple[int, int]
POLARITIES = 2
LARGEST_INTEGER = 2**60  # of microseconds, 36,000 years: sums of times stay in int64
MOST_STEPS = 2**20  # of a sample
MOST_VALUES = 2**31  # of dense frames, 8 GB, and of the places in one frame, which are int32
MOST_WINDOWS = 10_000_000  # of a recording: four months of seconds


def bin_edges(start: int, duration: int, timesteps: int) -> NDArray[np.int64]:
    """Int64[T + 1] in microseconds: bin k holds the events with `edges[k] <= t < edges[k + 1]`, exactly."""
    if whole_number("timesteps", timesteps, 1) > MOST_STEPS:
        raise ArgumentError(f"`timesteps` must be at most {MOST_STEPS}, got {timesteps}")
    steps, length = whole_number("timesteps", timesteps, 1), whole_number("duration", duration, 1)
    return np.array([start - (-k * length // steps) for k in range(steps + 1)], np.int64)


def window_starts(first: int, last: int, duration_us: int, start: int | None = None) -> range:
    """Start times of the windows of `duration_us` that follow one another from `start` (default: `first`) to `last`.

    Raises:
        RecordingError: more than ten million windows: events that far apart are a wrong unit or a damaged file.
    """
    begin, length = (
        first if start is None else whole_number("start", start),
        whole_number("duration_us", duration_us, 1),
    )
    count = -(-(last + 1 - begin) // length)
    if count > MOST_WINDOWS:
        raise RecordingError(
            f"its events are {(last - begin) / 1e6:.6g} s apart, {count} windows of {length / 1e6:g} s; at most "
            f"{MOST_WINDOWS} are run. Give the right `time_unit`, a `start` and `duration`, or longer windows"
        )
    return range(begin, last + 1, length)


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
    values = (len(bounds) - 1) * math.prod(shape)
    if values > MOST_VALUES:
        raise ArgumentError(
            f"`timesteps` {len(bounds) - 1} of `size` {size[0]}x{size[1]} are {values} values, at most {MOST_VALUES} "
            "are held in memory: take fewer steps, smaller frames, or windows of the recording"
        )
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
    if number and abs(value) > LARGEST_INTEGER and value == value:
        raise ArgumentError(f"`{name}` must be at most 2^60 ({LARGEST_INTEGER}), got {value:g}")
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
    if POLARITIES * height * width > MOST_VALUES:
        raise ArgumentError(
            f"`{name}` of {height}x{width} has more than the {MOST_VALUES // POLARITIES} pixels there may be"
        )
    return whole
