"""One picture of a recording: its events, what the network looked at, and the objects with their trails and times."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DEFINITIONS, DetectedObject
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.pictures.style import (
    GRID,
    INK,
    SKY,
    STILLS,
    Label,
    checked_format,
    colour_bar,
    colour_of,
    counted,
    draw_labels,
    draw_sky,
    new_figure,
    save,
    surest,
    time_colours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

MOST_OBJECTS = 12


def draw_detections(
    recording: Recording,
    detected: Detected,
    path: str | os.PathLike[str],
    title: str = "What the network found",
) -> None:
    """Write one picture to `path` (.png, .pdf or .svg).

    Left the events, hue is time and brightness their number, with the trail of every object; right the saliency with
    the box of every place an object was; below when the objects were seen. An object has the same colour in all three,
    in the film and on the page; the twelve surest ones have numbers, others thin lines.

    Raises:
        ArgumentError: an unknown file format or a folder that does not exist.
    """
    suffix = checked_format(path, STILLS)
    save(_figure(recording, detected, title), path, suffix)


def _figure(recording: Recording, detected: Detected, title: str) -> Figure:
    named = surest(detected.objects, MOST_OBJECTS)
    height, width = detected.sensor
    panel = float(np.clip(5.6 * height / width, 2, 9)) + 1
    below = 1.2 + 0.24 * max(len(named), 2)
    figure = new_figure(14, panel + below + 0.6)
    figure.suptitle(f"{title}: {_verdict(detected)}", fontsize=16, fontweight="bold", color=INK)
    top, bottom = figure.subfigures(2, 1, height_ratios=(panel, below))
    events, saliency = top.subplots(1, 2)
    draw_events(events, recording, detected, named)
    draw_saliency(saliency, detected, named)
    draw_times(bottom.subplots(), detected, named)
    figure.supxlabel(f"confidence: {DEFINITIONS['confidence']}", fontsize=8, color=INK)
    draw_labels(events, [Label(str(x.id), *x.sightings[-1].centroid, colour_of(x)) for x in named])
    draw_labels(saliency, [Label(str(x.id), *_surest_box(x)[:2], colour_of(x)) for x in named])
    return figure


def _verdict(detected: Detected) -> str:
    seconds = (detected.end_us - detected.start_us) / 1e6
    return f"{counted(len(detected.objects), 'object')} in {seconds:.4g} s"


def draw_events(axes: Axes, recording: Recording, detected: Detected, named: Sequence[DetectedObject]) -> None:
    """Events as an image, and over it the trail of each object."""
    last = int(recording.t[-1]) if len(recording) else detected.end_us
    colours = time_colours((last - detected.start_us) / 1e6)
    axes.imshow(_event_image(recording, detected, colours), interpolation="nearest")
    draw_sky(axes, detected.sensor, f"{len(recording):,} events, and the trail of each object up to its number")
    for found in detected.objects:
        x, y = np.array([s.centroid for s in found.sightings]).T
        sure = found in named
        axes.plot(x, y, color="black", lw=3.4 if sure else 1.6, alpha=0.6)
        axes.plot(x, y, color=colour_of(found), lw=1.8 if sure else 0.8, marker="o", ms=3.5 if sure else 1.5, mew=0)
    colour_bar(axes, colours, "mean time of the events at a pixel (s)")


def _event_image(recording: Recording, detected: Detected, colours: ScalarMappable) -> NDArray[np.float64]:
    """Float64[H, W, 3]: hue is the mean time of a pixel's events, brightness how far their number exceeds the usual."""
    height, width = detected.sensor
    pixel = recording.y.astype(np.int64) * width + recording.x
    counts = np.bincount(pixel, minlength=height * width)
    seconds = np.bincount(pixel, (recording.t - detected.start_us) / 1e6, minlength=height * width)
    colour = colours.to_rgba(seconds / np.maximum(counts, 1))[:, :3]
    sky = np.array([int(SKY[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    shade = _brightness(counts.reshape(height, width)).reshape(-1, 1)
    return (sky * (1 - shade) + colour * shade).reshape(height, width, 3)


def _brightness(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Float64[H, W], 0 to 1: 0.3 where there are as many events about a pixel as usual, 1 where about the most are.

    Counted are the 5x5 pixels around, each as one event at the most more than the usual: lines stand out from noise of
    as many events, and a hot pixel does not.
    """
    height, width = counts.shape
    events = counts > 0
    limited = np.minimum(counts, np.median(counts[events]) + 1 if events.any() else 1)
    padded = np.pad(limited.astype(np.float64), 2)
    around = np.sum([padded[y : y + height, x : x + width] for y in range(5) for x in range(5)], axis=0)
    usual, most = np.quantile(around[events], [0.5, 0.998]) if events.any() else (1, 1)
    above = 0.3 + 0.7 * (around - usual) / max(most - usual, 1)
    return np.where(events, np.clip(above, 0.15, 1), 0)


def draw_saliency(axes: Axes, detected: Detected, named: Sequence[DetectedObject]) -> None:
    """What the class spikes go back to, with the boxes of the objects: the surest one thick, all others thin."""
    from matplotlib.patches import Rectangle

    height, width = detected.sensor
    if detected.saliency is not None:
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        image = axes.imshow(detected.saliency**0.5, cmap="gray", extent=extent, interpolation="nearest", aspect="auto")
        colour_bar(axes, image, "saliency, square root")
    draw_sky(axes, detected.sensor, "Saliency, and each object's boxes: thick where it had most spikes")
    for found in detected.objects:
        surest_box = _surest_box(found) if found in named else None
        for box in {sighting.box for sighting in found.sightings}:
            x0, y0, x1, y1 = box
            width, alpha = (1.8, 1.0) if box == surest_box else (0.5, 0.5)
            corner, size = (x0 - 0.5, y0 - 0.5), (x1 - x0 + 1, y1 - y0 + 1)
            axes.add_patch(Rectangle(corner, *size, fill=False, ec=colour_of(found), lw=width, alpha=alpha))


def _surest_box(found: DetectedObject) -> tuple[int, int, int, int]:
    return max(found.sightings, key=lambda sighting: sighting.spikes).box


def draw_times(axes: Axes, detected: Detected, named: Sequence[DetectedObject]) -> None:
    """A row for each named object, with a bar for every time step in which it was seen."""
    ordered = sorted(named, key=lambda found: found.id)
    for row, found in enumerate(ordered):
        spans = [((s.start_us - detected.start_us) / 1e6, (s.end_us - s.start_us) / 1e6) for s in found.sightings]
        axes.broken_barh(spans, (row - 0.36, 0.72), color=colour_of(found), lw=0)
    axes.set_yticks(range(len(ordered)), [_summary(found) for found in ordered], fontsize=9)
    axes.set(xlim=(0, max((detected.end_us - detected.start_us) / 1e6, 1e-6)), ylim=(max(len(ordered), 1) - 0.5, -0.5))
    axes.set_xlabel("time (s), from the first sample", color=INK)
    others = len(detected.objects) - len(ordered)
    rest = f" ({others} less sure ones have thin lines above, and no number)" if others else ""
    axes.set_title(f"When the objects were seen{rest}", loc="left", fontsize=12, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID, lw=0.7)


def _summary(found: DetectedObject) -> str:
    speed = "" if found.velocity is None else f", {np.hypot(*found.velocity):.0f} pixel/s"
    spikes = counted(found.spikes, "spike")
    return f"{found.id}: class {found.class_id}, {spikes}{speed}, confidence {found.confidence:.2f}"
