"""Objects as rows, for a table on screen, CSV and JSON."""

from __future__ import annotations

import io
import json
import os
from contextlib import ExitStack
from typing import Any

from spikeseg_lava import files
from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DEFINITIONS, DetectedObject

COLUMNS = {
    "id": "",
    "class": "",
    "x0": "pixel",
    "y0": "pixel",
    "x1": "pixel",
    "y1": "pixel",
    "x": "pixel",
    "y": "pixel",
    "start_us": "us",
    "end_us": "us",
    "steps": "",
    "spikes": "",
    "vx": "pixel/s",
    "vy": "pixel/s",
    "confidence": "",
}
"""Column -> unit. `x`, `y` are the centroid, `steps` the time steps in which the object was seen."""


def rows(detected: Detected) -> list[dict[str, Any]]:
    """One dict an object, keys as in `COLUMNS`; `vx` and `vy` are None where there is no velocity."""
    return [_row(found) for found in detected.objects]


def _row(found: DetectedObject) -> dict[str, Any]:
    x0, y0, x1, y1 = found.box
    x, y = (round(value, 2) for value in found.centroid)
    vx, vy = (None, None) if found.velocity is None else (round(value, 2) for value in found.velocity)
    values = (x0, y0, x1, y1, x, y, found.start_us, found.end_us, len(found.sightings), found.spikes, vx, vy)
    return dict(zip(COLUMNS, (found.id, found.class_id, *values, round(found.confidence, 3)), strict=True))


def csv_text(detected: Detected) -> str:
    """The rows as CSV with a header line; a missing velocity is an empty field."""
    text = io.StringIO()
    files.write_csv(text, COLUMNS, rows(detected))
    return text.getvalue()


class CsvWriter:
    """A CSV file of objects that are written as they are found; a context manager. An error leaves no file behind."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._stack, self._path = ExitStack(), path

    def __enter__(self) -> CsvWriter:
        self._file = self._stack.enter_context(files.writing(self._path))
        self._file.write(_csv_of([]))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def add(self, found: DetectedObject) -> None:
        """Write one object."""
        self._file.write(_csv_of([_row(found)]).partition(b"\n")[2])


def _csv_of(table: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    files.write_csv(text, COLUMNS, table)
    return text.getvalue().encode()


def json_text(detected: Detected) -> str:
    """Objects with all their sightings, units and definitions, and what the samples held."""
    facts = {
        "sensor": {"height": detected.sensor[0], "width": detected.sensor[1]},
        "start_us": detected.start_us,
        "end_us": detected.end_us,
        "samples": detected.samples,
        "classification_spikes": detected.spikes,
        "unlocated_spikes": detected.unlocated,
        "units": {name: unit for name, unit in COLUMNS.items() if unit},
        "definitions": DEFINITIONS,
    }
    objects = (json.dumps({**_row(found), "sightings": _sightings(found)}) for found in detected.objects)
    head = json.dumps({**facts, "objects": []}, indent=1).removesuffix("[]\n}")
    return head + "[\n  " + ",\n  ".join(objects) + "\n ]\n}"  # a line an object: indenting takes a minute an hour


def _sightings(found: DetectedObject) -> list[dict[str, Any]]:
    return [
        {
            "start_us": s.start_us,
            "end_us": s.end_us,
            "box": list(s.box),
            "centroid": list(s.centroid),
            "spikes": s.spikes,
        }
        for s in found.sightings
    ]


def write_csv(detected: Detected, path: str | os.PathLike[str]) -> None:
    """Write `csv_text` to `path`."""
    with files.writing(path) as file:
        file.write(csv_text(detected).encode())


def write_json(detected: Detected, path: str | os.PathLike[str]) -> None:
    """Write `json_text` to `path`."""
    with files.writing(path) as file:
        file.write(json_text(detected).encode())
