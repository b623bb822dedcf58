"""How large the sensor is, and whether its pixels are counted from 0 or from 1."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.survey import Survey

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


def sensor_of(survey: Survey, given: Size | None) -> Sensor:
    """The sensor of the surveyed events: as given, by the header, by the file name, or by the events themselves."""
    raw = survey.checked()
    if given is not None:
        return Sensor(given, "argument", _first_pixel(survey, given))
    if raw.size is not None:
        return Sensor(raw.size, "header", _first_pixel(survey, raw.size))
    if survey.named is not None:
        first = _first_pixel(survey, survey.named)
        if survey.inside[first] >= NAMED_SIZE_SHARE * survey.count:
            return Sensor(survey.named, "file name", first)
    return _sensor_from_events(survey)


def _sensor_from_events(survey: Survey) -> Sensor:
    first = _first_pixel(survey, None)
    width, height = (int(highest) + 1 - first for highest in survey.highest)
    if not (0 < height <= LARGEST_SENSOR and 0 < width <= LARGEST_SENSOR):
        raise RecordingError(
            f"coordinates reach x = {survey.highest[0]}, y = {survey.highest[1]}: no event camera is that large. "
            "Columns are taken as t, x, y, p; name them in a header line, or give `sensor_size` (height, width)"
        )
    return Sensor((height, width), "largest coordinate", first)


def _first_pixel(survey: Survey, size: Size | None) -> int:
    first_pixel = survey.checked().first_pixel
    if first_pixel == 0:
        return 0
    lowest = int(survey.lowest[0]), int(survey.lowest[1])
    if first_pixel == 1:
        return int(min(lowest) >= 1)
    highest = int(survey.highest[1]), int(survey.highest[0])
    touches = size is not None and any(high == limit for high, limit in zip(highest, size, strict=True))
    fits = size is not None and all(high <= limit for high, limit in zip(highest, size, strict=True))
    return int(lowest == (1, 1) and touches and fits)
