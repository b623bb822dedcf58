"""The panels of the still: events with trails, saliency with boxes, and when the objects were seen.

One picture of a recording: its events, what the network looked at, and the objects with their trails and times.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DEFINITIONS, DetectedObject
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.sample import GRID, INK, SKY
from spikeseg_lava.pictures.style import checked_format, colour_of, surest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure


def draw_events(axes: Axes, recording: Recording, detected: Detected, named: list[DetectedObject]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(0, max((detected.end_us - detected.start_us) / 1e6, 1e-6)), "viridis")
    axes.imshow(_event_image(recording, detected, colours), interpolation="nearest")
    _sky(axes, detected, f"{len(recording):,} events, and the trail of each object up to its number")
    for found in detected.objects:
        _draw_trail(axes, found, found in named)
    _colour_bar(axes, colours, "mean time of the events at a pixel (s)")


def _event_image(recording: Recording, detected: Detected, colours: ScalarMappable) -> NDArray[np.float64]:
    """Float64[H, W, 3]: hue is the mean time of a pixel's events, brightness the logarithm of their number."""
    height, width = detected.sensor
    pixel = recording.y.astype(np.int64) * width + recording.x
    counts = np.bincount(pixel, minlength=height * width)
    seconds = np.bincount(pixel, (recording.t - detected.start_us) / 1e6, minlength=height * width)
    brightness = np.log1p(counts) / np.log1p(max(np.quantile(counts, 0.997), 2))
    colour = colours.to_rgba(seconds / np.maximum(counts, 1))[:, :3]
    sky = np.array([int(SKY[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    shade = np.clip(brightness, 0, 1)[:, None]
    return (sky * (1 - shade) + colour * shade).reshape(height, width, 3)


def _draw_trail(axes: Axes, found: DetectedObject, named: bool) -> None:
    x, y = np.array([s.centroid for s in found.sightings]).T
    colour = colour_of(found) if named else "gray"
    axes.plot(x, y, color="black", lw=3.4, alpha=0.6)
    axes.plot(x, y, color=colour, lw=1.8, marker="o", ms=3.5, mec="black", mew=0.4)
    if named:
        _name(axes, found, float(x[-1]), float(y[-1]))


def _name(axes: Axes, found: DetectedObject, x: float, y: float) -> None:
    box = {"boxstyle": "round,pad=0.15", "fc": "black", "ec": "none", "alpha": 0.65}
    offset = (6, 6) if y > 12 else (6, -10)
    axes.annotate(
        str(found.id), (x, y), offset, textcoords="offset points", color=colour_of(found), fontsize=10, bbox=box,
        fontweight="bold", annotation_clip=True,
    )  # fmt: skip


def draw_saliency(axes: Axes, detected: Detected, named: list[DetectedObject]) -> None:
    from matplotlib.patches import Rectangle

    height, width = detected.sensor
    if detected.saliency is not None:
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        image = axes.imshow(detected.saliency**0.5, cmap="magma", extent=extent, interpolation="nearest", aspect="auto")
        _colour_bar(axes, image, "saliency, square root")
    _sky(axes, detected, "Saliency of the pixels, and the box of an object in every time step")
    for found in detected.objects:
        colour = colour_of(found) if found in named else "gray"
        for x0, y0, x1, y1 in {sighting.box for sighting in found.sightings}:
            corner, width, height = (x0 - 0.5, y0 - 0.5), x1 - x0 + 1, y1 - y0 + 1
            axes.add_patch(Rectangle(corner, width, height, fill=False, ec=colour, lw=1.1, alpha=0.8))
        if found in named:
            _name(axes, found, found.sightings[-1].box[0], found.sightings[-1].box[1])


def draw_times(axes: Axes, detected: Detected, named: list[DetectedObject]) -> None:
    ordered = sorted(named, key=lambda found: found.id)
    for row, found in enumerate(ordered):
        spans = [((s.start_us - detected.start_us) / 1e6, (s.end_us - s.start_us) / 1e6) for s in found.sightings]
        axes.broken_barh(spans, (row - 0.36, 0.72), color=colour_of(found), lw=0)
    axes.set_yticks(range(len(ordered)), [_summary(found) for found in ordered], fontsize=9)
    axes.set(xlim=(0, max((detected.end_us - detected.start_us) / 1e6, 1e-6)), ylim=(max(len(ordered), 1) - 0.5, -0.5))
    axes.set_xlabel("time (s), from the first sample", color=INK)
    others = len(detected.objects) - len(ordered)
    rest = f" ({others} less sure ones are grey above, without a number)" if others else ""
    axes.set_title(f"When the objects were seen{rest}", loc="left", fontsize=12, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID, lw=0.7)


def _summary(found: DetectedObject) -> str:
    speed = "" if found.velocity is None else f", {np.hypot(*found.velocity):.0f} pixel/s"
    return f"{found.id}: class {found.class_id}, {found.spikes} spikes{speed}, confidence {found.confidence:.2f}"


def _sky(axes: Axes, detected: Detected, title: str) -> None:
    height, width = detected.sensor
    axes.set_facecolor(SKY)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel("x (pixel of the sensor)", color=INK)
    axes.set_ylabel("y (pixel of the sensor)", color=INK)


def _colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> None:
    if axes.figure is not None:
        axes.figure.colorbar(colours, ax=axes, label=label, fraction=0.035, pad=0.02)


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
