"""From decoded samples to objects: where on the sensor, when, of which class, and how sure."""

from __future__ import annotations

from spikeseg_lava.detection.detect import Detected, detect_objects
from spikeseg_lava.detection.objects import DEFINITIONS, DetectedObject, Sighting
from spikeseg_lava.detection.samples import Sample, samples_of
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
    "samples_of",
    "write_csv",
    "write_json",
]
