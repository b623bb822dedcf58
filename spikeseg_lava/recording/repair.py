"""From raw events to a clean recording. Nothing is mended in silence: every repair has a name and a count."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.recording import rules
from spikeseg_lava.recording.frames import Size
from spikeseg_lava.recording.labels import Labels
from spikeseg_lava.recording.raw_events import RawEvents, TimeUnit
from spikeseg_lava.recording.recording import Recording
from spikeseg_lava.recording.sensor import Sensor, sensor_of


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
