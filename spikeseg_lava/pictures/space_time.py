"""Events and objects in x, y and time as one HTML page that needs no network: turn it, zoom in, point at an object.

The page draws on a canvas by itself. A drawing library inside would make it ten times as large as its events.
"""

from __future__ import annotations

import base64
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.style import OFF, ON, SKY, checked_format, colour_of, counted, share_drawn, some_events

FORMATS = (".html",)


def write_space_time(
    recording: Recording,
    detected: Detected,
    path: str | os.PathLike[str],
    title: str = "What the network found",
    most_events: int = 50_000,
) -> None:
    """Write the page to `path` (.html, about half a megabyte).

    Events are points, grey for darker and white for brighter; an object is a line through its centroids and a box in
    every time step in which it was seen. At most `most_events` events are drawn, picked at random.

    Raises:
        ArgumentError: another file format or a folder that does not exist.
    """
    checked_format(path, FORMATS)
    page = _page(recording, detected, title, most_events)
    with writing(path) as file:
        file.write(page.encode())


def _page(recording: Recording, detected: Detected, title: str, most_events: int) -> str:
    from jinja2 import Environment, PackageLoader

    chosen = some_events(recording, most_events)
    height, width = detected.sensor
    scene = {
        "width": width,
        "height": height,
        "seconds": max((detected.end_us - detected.start_us) / 1e6, 1e-6),
        "x": _packed(recording.x[chosen], np.uint16),
        "y": _packed(recording.y[chosen], np.uint16),
        "t": _packed(_seconds(recording.t[chosen], detected), np.float32),
        "p": _packed(recording.p[chosen], np.uint8),
        "objects": [_object(found, detected) for found in detected.objects],
        "colours": {"sky": SKY, "on": ON, "off": OFF},
    }
    facts = f"{counted(len(detected.objects), 'object')} in {scene['seconds']:.4g} s; "
    environment = Environment(loader=PackageLoader("spikeseg_lava.pictures"), autoescape=True)
    template = environment.get_template("space_time.html")
    return template.render(title=title, facts=facts + share_drawn(len(chosen), len(recording)), scene=scene)


def _packed(values: NDArray[Any], kind: Any) -> str:
    """Numbers as base64 of their bytes, little-endian."""
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<")).tobytes()).decode()


def _seconds(time_us: Any, detected: Detected) -> NDArray[np.float64]:
    return (np.asarray(time_us) - detected.start_us) / 1e6


def _object(found: DetectedObject, detected: Detected) -> dict[str, Any]:
    """Name, colour and, for each sighting, time in seconds, centroid, box and spikes."""
    times = _seconds([(s.start_us + s.end_us) / 2 for s in found.sightings], detected)
    return {
        "id": found.id,
        "name": f"object {found.id}: class {found.class_id}, confidence {found.confidence:.2f}",
        "colour": colour_of(found),
        "seen": [
            [round(float(t), 6), *(round(c, 2) for c in s.centroid), *s.box, s.spikes]
            for t, s in zip(times, found.sightings, strict=True)
        ],
    }
