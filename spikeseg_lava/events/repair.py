"""What an event column may hold, one rule a function: each returns the clean column and how many events it mended.

From raw events to a clean recording. Nothing is mended in silence: every repair has a name and a count.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import repair as rules
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import MICROSECONDS, RawEvents, TimeUnit
from spikeseg_lava.events.recording import Labels, Recording
from spikeseg_lava.events.sensor import Sensor, sensor_of

CLOCK = 2**32  # microseconds after which a 32-bit clock starts again
FALL = 3 * CLOCK // 4  # a step back as large as this is the clock, not the order of the events


def check_columns(raw: RawEvents) -> None:
    """RecordingError unless there are events, in columns of one length, of finite numbers."""
    columns = {"x": raw.x, "y": raw.y, "t": raw.t, "p": raw.p}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise RecordingError(f"the columns differ in length ({lengths}): the file is truncated or of another kind")
    if not len(raw.t):
        raise RecordingError("the recording holds no event")
    for name, column in columns.items():
        if column.dtype.kind not in "buif":
            raise RecordingError(f"column `{name}` is of type {column.dtype}, expected numbers")
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise RecordingError(f"column `{name}` holds {np.sum(~np.isfinite(column))} value(s) that are no number")


def whole_coordinates(
    x: NDArray[np.generic], y: NDArray[np.generic]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Int64 coordinates, and the number of events that had others (undistorted ones) and were rounded."""
    columns, rows = (np.rint(axis.astype(np.float64)).astype(np.int64) for axis in (x, y))
    return columns, rows, int(np.sum((columns != x) | (rows != y)))


def guessed_unit(t: NDArray[np.generic]) -> TimeUnit:
    """Seconds where any time has a fraction, microseconds where all are whole."""
    return "s" if t.dtype.kind == "f" and bool(np.any(t != np.floor(t))) else "us"


def microseconds(t: NDArray[np.generic], unit: TimeUnit) -> NDArray[np.int64]:
    """Int64 microseconds of times in `unit`, rounded to the nearest."""
    if unit == "us" and t.dtype.kind in "iu":
        return t.astype(np.int64)
    return np.rint(t.astype(np.float64) * MICROSECONDS[unit]).astype(np.int64)


def without_overflows(t: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Times of a 32-bit clock (in file order) that runs on instead of starting again, and how often it had."""
    steps = np.diff(t)
    if len(steps) == 0 or steps.min() > -FALL or t.min() < -CLOCK // 2 or t.max() >= CLOCK:
        return t, 0
    falls = int(np.sum(steps <= -FALL))
    rounds = np.cumsum((steps <= -FALL).astype(np.int64) - (steps >= FALL))
    return t + CLOCK * np.concatenate([[0], rounds]), falls


def zero_one(p: NDArray[np.generic]) -> NDArray[np.uint8]:
    """UInt8 0/1 of the polarity codes {0, 1}, {-1, 1} (-1 is 0) or {1, 2} (1 is 0)."""
    codes = set(np.unique(p.astype(np.int8) if p.dtype.kind == "b" else p).tolist())
    for known, on in (({0, 1}, 1), ({-1, 1}, 1), ({1, 2}, 2)):
        if codes <= known:
            return (p == on).astype(np.uint8)
    shown = ", ".join(f"{code:g}" for code in sorted(codes)[:6])
    raise RecordingError(
        f"polarities must be 0/1, -1/1 or 1/2, got {shown}{', ...' if len(codes) > 6 else ''}. Columns without "
        "a name are taken as t, x, y, p; name them in a header line"
    )


def events_inside(x: NDArray[np.int64], y: NDArray[np.int64], sensor: Sensor) -> NDArray[np.bool_]:
    """Bool[N]: which events lie on the sensor; RecordingError when none does."""
    height, width = sensor.size
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if not inside.any():
        raise RecordingError(
            f"no event lies on the sensor of {height}x{width} (height x width, from the {sensor.told_by}); "
            f"x runs from {x.min()} to {x.max()}, y from {y.min()} to {y.max()}. Give the right `sensor_size`"
        )
    return inside


def time_order(t: NDArray[np.int64]) -> tuple[NDArray[np.intp] | slice, int]:
    """A stable order by time, and the number of events that stood after a later one."""
    late = int(np.sum(t < np.maximum.accumulate(t)))
    return (np.argsort(t, kind="stable"), late) if late else (slice(None), 0)


class RecordingWarning(UserWarning):
    """A recording was read, but not as it stood: the message and `Recording.repairs` say what was mended."""


def repaired(
    raw: RawEvents, path: str | os.PathLike[str], file_format: str, size: Size | None, unit: TimeUnit | None
) -> Recording:
    """The clean recording; a RecordingWarning tells what was mended, a RecordingError what cannot be."""
    rules.check_columns(raw)
    unit = unit or raw.time_unit or rules.guessed_unit(raw.t)
    raw, repairs = with_clean_values(raw, unit)
    sensor = sensor_of(raw, size, path)
    raw, placing = placed_on(raw, sensor)
    repairs = {name: int(count) for name, count in {**repairs, **placing}.items() if count}
    recording = Recording(
        x=raw.x.astype(np.int32),
        y=raw.y.astype(np.int32),
        t=raw.t,
        p=raw.p,
        size=sensor.size,
        labels=_labels(raw, sensor, unit),
        source=_source(path, file_format, sensor, unit),
        repairs=repairs,
    )
    _warn(repairs, path)
    return recording


def with_clean_values(raw: RawEvents, unit: TimeUnit) -> tuple[RawEvents, dict[str, int]]:
    """Whole coordinates, Int64 microseconds in file order, polarities 0/1; and what that took."""
    x, y, rounded = rules.whole_coordinates(raw.x, raw.y)
    t, overflows = rules.without_overflows(rules.microseconds(raw.t, unit))
    repairs = {"fractional coordinates rounded": rounded, "32-bit clock overflows undone": overflows}
    return replace(raw, x=x, y=y, t=t, p=rules.zero_one(raw.p)), {**raw.repairs, **repairs}


def placed_on(raw: RawEvents, sensor: Sensor) -> tuple[RawEvents, dict[str, int]]:
    """Events that lie on the sensor, its pixels counted from 0, in order of time; and what that took."""
    x, y = raw.x - sensor.first_pixel, raw.y - sensor.first_pixel
    inside = rules.events_inside(x, y, sensor)
    order, late = rules.time_order(raw.t[inside])
    kept = np.flatnonzero(inside)[order]
    repairs = {
        "sensor size taken from the largest coordinate": int(sensor.told_by == "largest coordinate"),
        "events counted from pixel 1 moved by one": len(x) if raw.first_pixel is None and sensor.first_pixel else 0,
        "events outside the sensor dropped": len(x) - len(kept),
        "events out of time order sorted": late,
    }
    return replace(raw, x=x[kept], y=y[kept], t=raw.t[kept], p=raw.p[kept]), repairs


def _labels(raw: RawEvents, sensor: Sensor, unit: TimeUnit) -> Labels | None:
    found = raw.labels
    if found is None:
        return None
    if not len(found.x) == len(found.y) == len(found.t) == len(found.id):
        raise RecordingError("the columns of the labels differ in length: the file is truncated or of another kind")
    x, y = (column.astype(np.float64) - sensor.first_pixel for column in (found.x, found.y))
    return Labels(x, y, rules.microseconds(found.t, unit), found.id.astype(np.int64))


def _source(path: str | os.PathLike[str], file_format: str, sensor: Sensor, unit: TimeUnit) -> dict[str, object]:
    one_based = sensor.first_pixel == 1
    facts = {"path": os.fspath(path), "format": file_format, "sensor_size": sensor.told_by}
    return {**facts, "one_based": one_based, "time_unit": unit}


def _warn(repairs: Mapping[str, int], path: str | os.PathLike[str]) -> None:
    if repairs:
        listed = "; ".join(f"{name}: {count}" for name, count in repairs.items())
        warnings.warn(f"`{path}` was mended while reading: {listed}", RecordingWarning, stacklevel=4)
