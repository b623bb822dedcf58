"""Events and objects in x, y and time as one HTML page that needs no network: turn it, zoom in, point at an object."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.sample import SKY
from spikeseg_lava.pictures.style import OFF, ON, checked_format, colour_of, share_drawn, some_events

FORMATS = (".html",)


def write_space_time(
    recording: Recording,
    detected: Detected,
    path: str | os.PathLike[str],
    title: str = "What the network found",
    most_events: int = 40_000,
) -> None:
    """Write the page to `path` (.html, about 5 MB: the drawing library is inside).

    Events are points, grey for darker and white for brighter; an object is a line through its centroids and a box in
    every time step in which it was seen. At most `most_events` events are drawn, picked at random.

    Raises:
        ArgumentError: another file format or a folder that does not exist.
    """
    checked_format(path, FORMATS)
    figure = _figure(recording, detected, title, most_events)
    page = figure.to_html(include_plotlyjs=True, full_html=True, default_height="96vh")
    with writing(path) as file:
        file.write(page.encode())


def _figure(recording: Recording, detected: Detected, title: str, most_events: int) -> Any:
    from plotly import graph_objects as go

    chosen = some_events(recording, most_events)
    figure = go.Figure()
    for polarity, colour, name in ((0, OFF, "events, darker"), (1, ON, "events, brighter")):
        part = chosen[recording.p[chosen] == polarity]
        place = {"x": recording.x[part], "y": recording.y[part], "z": _seconds(recording.t[part], detected)}
        marker = {"size": 1.4, "color": colour, "opacity": 0.35}
        figure.add_trace(go.Scatter3d(**place, mode="markers", marker=marker, name=name, hoverinfo="skip"))
    for found in detected.objects:
        figure.add_trace(go.Scatter3d(**_trail(found, detected)))
        figure.add_trace(go.Scatter3d(**_boxes(found, detected)))
    height, width = detected.sensor
    scene = {
        "xaxis": {"title": "x (pixel)", "range": [0, width - 1], **_AXIS},
        "yaxis": {"title": "y (pixel)", "range": [height - 1, 0], **_AXIS},
        "zaxis": {"title": "time (s)", **_AXIS},
        "aspectratio": {"x": 1, "y": height / width, "z": 1.2},
        "camera": {"eye": {"x": 1.5, "y": 1.6, "z": 0.9}},
    }
    headline = f"{title}: {len(detected.objects)} object(s); {share_drawn(len(chosen), len(recording))}"
    figure.update_layout(title=headline, scene=scene, paper_bgcolor=SKY, font={"color": "white"})
    figure.update_layout(legend={"itemsizing": "constant"}, margin={"l": 0, "r": 0, "b": 0, "t": 48})
    return figure


_AXIS = {"backgroundcolor": SKY, "gridcolor": "#30363d", "zerolinecolor": "#30363d"}


def _seconds(time_us: Any, detected: Detected) -> Any:
    return (np.asarray(time_us) - detected.start_us) / 1e6


def _trail(found: DetectedObject, detected: Detected) -> dict[str, Any]:
    x, y = np.array([s.centroid for s in found.sightings]).T
    times = _seconds([(s.start_us + s.end_us) / 2 for s in found.sightings], detected)
    name = f"object {found.id}: class {found.class_id}, confidence {found.confidence:.2f}"
    text = [f"object {found.id}<br>{s.spikes} spikes<br>{t:.3f} s" for s, t in zip(found.sightings, times, strict=True)]
    line = {"color": colour_of(found), "width": 5}
    marker = {"size": 3.5, "color": colour_of(found)}
    place = {"x": x, "y": y, "z": times}
    return {
        **place, "mode": "lines+markers", "line": line, "marker": marker, "name": name, "legendgroup": str(found.id),
        "text": text, "hovertemplate": "%{text}<br>x %{x:.1f}, y %{y:.1f}<extra></extra>",
    }  # fmt: skip


def _boxes(found: DetectedObject, detected: Detected) -> dict[str, Any]:
    """All boxes of an object as one broken line."""
    corners = [_outline(s, float(_seconds((s.start_us + s.end_us) / 2, detected))) for s in found.sightings]
    x, y, z = (list(part) for part in zip(*(point for outline in corners for point in outline), strict=True))
    line = {"color": colour_of(found), "width": 2}
    return {
        "x": x, "y": y, "z": z, "mode": "lines", "line": line, "legendgroup": str(found.id), "showlegend": False,
        "hoverinfo": "skip",
    }  # fmt: skip


def _outline(sighting: Sighting, time: float) -> list[tuple[float | None, ...]]:
    x0, y0, x1, y1 = sighting.box
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return [*((x, y, time) for x, y in ring), (None, None, None)]
