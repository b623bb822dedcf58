"""A recording as a film: the events of each moment, the objects seen in it, and the trail they leave."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.events.frames import whole_number
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.style import (
    INK,
    OFF,
    ON,
    Label,
    checked_format,
    colour_of,
    draw_labels,
    draw_sky,
    new_figure,
    some_events,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".gif", ".mp4")
MOST_EVENTS = 8_000  # per picture of the film
MOST_PICTURES = 600
FADING = 20  # pictures after which a trail has vanished
Progress = Callable[[Iterable[int]], Iterable[int]]


def animate(
    recording: Recording,
    detected: Detected,
    path: str | os.PathLike[str],
    step_us: int | None = None,
    fps: int = 10,
    title: str = "What the network found",
    progress: Progress | None = None,
) -> None:
    """Write a film to `path` (.gif or .mp4).

    Args:
        step_us: time each picture shows, microseconds; default: the length of a sighting, or a hundredth of the
            recording where there is none; made longer where the film would have more than 600 pictures.
        fps: pictures per second.
        progress: wraps the pictures' start times while they are drawn, for a progress bar.

    Raises:
        ArgumentError: an unknown file format, a step or rate below 1, a folder that does not exist.
    """
    from matplotlib import rc_context

    suffix = checked_format(path, FORMATS)
    writer = _writer(suffix, whole_number("fps", fps, 1))
    starts = _starts(detected, step_us)
    figure, axes = _stage(detected, title)
    with writing(path) as file, tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / f"film.{suffix}"
        with rc_context(_ffmpeg(suffix)), writer.saving(figure, str(aside), dpi=100):
            for start in progress(starts) if progress else starts:
                _draw(axes, recording, detected, start, starts.step)
                writer.grab_frame()
        file.write(aside.read_bytes())


def _starts(detected: Detected, step_us: int | None) -> range:
    length = max(detected.end_us - detected.start_us, 1)
    if step_us is None:
        sightings = [s.end_us - s.start_us for found in detected.objects for s in found.sightings]
        step_us = min(sightings, default=max(length // 100, 1))
    step = max(whole_number("step_us", step_us, 1), -(-length // MOST_PICTURES))
    return range(detected.start_us, detected.start_us + length, step)


def _writer(suffix: str, fps: int) -> Any:
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if suffix == "gif":
        return PillowWriter(fps=fps)
    # H.264 with 4:2:0 colours plays everywhere, and wants even numbers of pixels.
    return FFMpegWriter(fps=fps, codec="libx264", extra_args=["-pix_fmt", "yuv420p"])


def _ffmpeg(suffix: str) -> dict[str, str]:
    """Matplotlib's setting for the encoder that comes with `imageio-ffmpeg`; none for a GIF."""
    if suffix == "gif":
        return {}
    from imageio_ffmpeg import get_ffmpeg_exe

    return {"animation.ffmpeg_path": get_ffmpeg_exe()}


def _stage(detected: Detected, title: str) -> tuple[Figure, Axes]:
    from matplotlib.lines import Line2D

    height, width = detected.sensor
    tall = round(float(np.clip(7.2 * height / width, 2, 9)) * 50 + 58) / 50  # a whole, even number of pixels at 100 dpi
    figure = new_figure(8, tall, constrained=False)
    figure.text(0.08, 1 - 0.2 / tall, title, fontsize=13, fontweight="bold", color=INK, va="center", wrap=True)
    kinds = [(ON, "brighter"), (OFF, "darker")]
    handles = [Line2D([], [], ls="", marker="o", mfc=colour, mec="gray", mew=0.5, label=name) for colour, name in kinds]
    figure.legend(handles=handles, loc="lower right", ncols=2, fontsize=9, frameon=False, title=None)
    return figure, figure.add_axes((0.08, 0.5 / tall, 0.9, 1 - 1.15 / tall))


def _draw(axes: Axes, recording: Recording, detected: Detected, start: int, step: int) -> None:
    axes.clear()
    shown = recording.between(start, start + step)
    first, last = ((t - detected.start_us) / 1e3 for t in (start, start + step))
    draw_sky(axes, detected.sensor, f"{first:,.1f} to {last:,.1f} ms: {len(shown):,} events")
    _draw_events(axes, shown)
    labels: list[Label] = []
    for found in detected.objects:
        _draw_trail(axes, found, start + step, step)
        labels += _draw_boxes(axes, found, start, start + step)
    draw_labels(axes, labels)


def _draw_events(axes: Axes, recording: Recording) -> None:
    chosen = some_events(recording, MOST_EVENTS)
    x, y, p = recording.x[chosen], recording.y[chosen], recording.p[chosen]
    for polarity, colour in ((1, ON), (0, OFF)):
        axes.scatter(x[p == polarity], y[p == polarity], color=colour, s=5, lw=0)


def _draw_trail(axes: Axes, found: DetectedObject, now: int, step: int) -> None:
    """Lines between the places where the object was seen, each paler the longer ago."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb

    past = [s for s in found.sightings if s.start_us < now]
    points = np.array([s.centroid for s in past]).reshape(-1, 2)
    age = np.array([now - s.end_us for s in past[1:]]) / (FADING * step)
    fresh = age < 1
    colours = [(*to_rgb(colour_of(found)), 0.8 * (1 - max(a, 0.0))) for a in age[fresh]]
    segments = np.stack([points[:-1], points[1:]], axis=1)[fresh] if len(points) > 1 else []
    axes.add_collection(LineCollection(list(segments), colors=colours, linewidths=1.4), autolim=False)


def _draw_boxes(axes: Axes, found: DetectedObject, start: int, end: int) -> list[Label]:
    """Boxes of the sightings between two times, and where their labels belong."""
    from matplotlib.patches import Rectangle

    labels = []
    for sighting in found.sightings:
        if sighting.start_us < end and sighting.end_us > start:
            x0, y0, x1, y1 = sighting.box
            corner, colour = (x0 - 0.5, y0 - 0.5), colour_of(found)
            axes.add_patch(Rectangle(corner, x1 - x0 + 1, y1 - y0 + 1, fill=False, ec=colour, lw=1.8))
            labels = [Label(str(found.id), x0, y0, colour)]
    return labels
