"""From decoded samples to objects: where on the sensor, when, of which class, and how sure."""

from __future__ import annotations

from spikeseg_lava.detection.detect import Detected, Sample, detect_objects
from spikeseg_lava.detection.objects import DEFINITIONS, DetectedObject, Sighting
from spikeseg_lava.detection.table import COLUMNS, rows, write_csv, write_json

__all__ = [
    "COLUMNS",
    "DEFINITIONS",
    "Detected",
    "DetectedObject",
    "Sample",
    "Sighting",
    "detect_objects",
    "rows",
    "write_csv",
    "write_json",
]
