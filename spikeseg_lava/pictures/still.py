"""One picture of a recording: its events, what the network looked at, and the objects with their trails and times."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from spikeseg_lava.demo.panels import INK
from spikeseg_lava.detection import DEFINITIONS, Detected
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.panels import draw_events, draw_saliency, draw_times
from spikeseg_lava.pictures.style import checked_format, surest
from spikeseg_lava.recording import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")
MOST_OBJECTS = 12


def draw_detections(
    recording: Recording,
    detected: Detected,
    path: str | os.PathLike[str],
    title: str = "What the network found",
) -> None:
    """Write one picture to `path` (.png, .pdf or .svg).

    Left the events, hue is time and brightness their number, with the trail of every object; right the saliency with
    a box around every place an object was; below when the objects were seen. The twelve surest objects have colours
    and numbers, others are grey.

    Raises:
        ArgumentError: an unknown file format or a folder that does not exist.
    """
    suffix = checked_format(path, FORMATS)
    figure = _figure(recording, detected, title)
    with writing(path) as file:
        figure.savefig(file, format=suffix, dpi=130, facecolor="white")


def _figure(recording: Recording, detected: Detected, title: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    named = surest(detected.objects, MOST_OBJECTS)
    height, width = detected.sensor
    panel = float(np.clip(5.6 * height / width, 2, 9)) + 1
    below = 1.2 + 0.24 * max(len(named), 2)
    figure = Figure(figsize=(14, panel + below + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}: {_verdict(detected)}", fontsize=16, fontweight="bold", color=INK)
    top, bottom = figure.subfigures(2, 1, height_ratios=(panel, below))
    events, saliency = top.subplots(1, 2)
    draw_events(events, recording, detected, named)
    draw_saliency(saliency, detected, named)
    draw_times(bottom.subplots(), detected, named)
    figure.supxlabel(f"confidence: {DEFINITIONS['confidence']}", fontsize=8, color=INK)
    return figure


def _verdict(detected: Detected) -> str:
    count = len(detected.objects)
    seconds = (detected.end_us - detected.start_us) / 1e6
    return f"{count or 'no'} object{'' if count == 1 else 's'} in {seconds:g} s"
