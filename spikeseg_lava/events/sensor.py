"""How large the sensor is, and whether its pixels are counted from 0 or from 1."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents

CAMERAS: tuple[tuple[str, Size], ...] = (  # (height, width); the first that matches counts
    (r"davis_?346", (260, 346)),
    (r"davis(_?240c?)?", (180, 240)),
    (r"atis", (240, 304)),
    (r"dvs_?128", (128, 128)),
    (r"dvxplorer|dvx", (480, 640)),
    (r"genx320", (320, 320)),
    (r"gen3(\.?1)?", (480, 640)),
    (r"gen4(\.?1)?|evk4|imx636", (720, 1280)),
)
LARGEST_SENSOR = 8192
NAMED_SIZE_SHARE = 0.99


@dataclass(frozen=True)
class Sensor:
    """(height, width), what told it, and the number of the first pixel in the file."""

    size: Size
    told_by: str
    first_pixel: int


def size_from_name(path: str | os.PathLike[str]) -> Size | None:
    """(height, width) of the camera a file is named after (`..._atis_...`), or None."""
    name = Path(path).name.lower()
    for pattern, size in CAMERAS:
        if re.search(rf"(?<![a-z])({pattern})(?![a-z0-9])", name):
            return size
    return None


def sensor_of(raw: RawEvents, given: Size | None, path: str | os.PathLike[str]) -> Sensor:
    """The sensor of whole-numbered `raw` events: as given, by the header, by the file name, or by the events."""
    named = size_from_name(path)
    if given is not None:
        return Sensor(given, "argument", _first_pixel(raw, given))
    if raw.size is not None:
        return Sensor(raw.size, "header", _first_pixel(raw, raw.size))
    if named is not None and _share_inside(raw, named) >= NAMED_SIZE_SHARE:
        return Sensor(named, "file name", _first_pixel(raw, named))
    return _sensor_from_events(raw)


def _sensor_from_events(raw: RawEvents) -> Sensor:
    first = _first_pixel(raw, None)
    size = (int(raw.y.max()) + 1 - first, int(raw.x.max()) + 1 - first)
    if not (0 < size[0] <= LARGEST_SENSOR and 0 < size[1] <= LARGEST_SENSOR):
        raise RecordingError(
            f"coordinates reach x = {raw.x.max()}, y = {raw.y.max()}: no event camera is that large. Columns are "
            "taken as t, x, y, p; name them in a header line, or give `sensor_size` (height, width)"
        )
    return Sensor(size, "largest coordinate", first)


def _first_pixel(raw: RawEvents, size: Size | None) -> int:
    if raw.first_pixel == 0:
        return 0
    lowest = int(raw.x.min()), int(raw.y.min())
    if raw.first_pixel == 1:
        return int(min(lowest) >= 1)
    highest = int(raw.y.max()), int(raw.x.max())
    touches = size is not None and any(high == limit for high, limit in zip(highest, size, strict=True))
    fits = size is not None and all(high <= limit for high, limit in zip(highest, size, strict=True))
    return int(lowest == (1, 1) and touches and fits)


def _share_inside(raw: RawEvents, size: Size) -> float:
    first = _first_pixel(raw, size)
    return float(np.mean((raw.x - first < size[1]) & (raw.y - first < size[0])))
