"""A recording as a film: the events of each moment, the objects seen in it, and the trail they leave."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeseg_lava.detection.detect import Detected
from spikeseg_lava.events.frames import whole_number
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.sample import INK, SKY
from spikeseg_lava.pictures.style import OFF, ON, checked_format, colour_of, some_events

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".gif", ".mp4")
MOST_EVENTS = 8_000  # per picture of the film
MOST_PICTURES = 600
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = detected.sensor
    tall = round(float(np.clip(7.2 * height / width, 2, 9)) * 50 + 58) / 50  # a whole, even number of pixels at 100 dpi
    figure = Figure(figsize=(8, tall))
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return figure, figure.add_axes((0.08, 0.5 / tall, 0.9, 1 - 1.15 / tall))


def _draw(axes: Axes, recording: Recording, detected: Detected, start: int, step: int) -> None:
    height, width = detected.sensor
    axes.clear()
    axes.set_facecolor(SKY)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
    axes.set(xlabel="x (pixel)", ylabel="y (pixel)")
    _draw_events(axes, recording.between(start, start + step))
    _draw_objects(axes, detected, start, start + step)
    seconds = [(t - detected.start_us) / 1e6 for t in (start, start + step)]
    axes.set_title(f"{seconds[0]:.2f} to {seconds[1]:.2f} s", loc="left", fontsize=11, color=INK)
    axes.legend(loc="upper right", fontsize=8, framealpha=0.75, labelcolor="white", facecolor="#30363d")


def _draw_events(axes: Axes, recording: Recording) -> None:
    chosen = some_events(recording, MOST_EVENTS)
    x, y, p = recording.x[chosen], recording.y[chosen], recording.p[chosen]
    for polarity, colour, name in ((1, ON, "event, brighter"), (0, OFF, "event, darker")):
        axes.scatter(x[p == polarity], y[p == polarity], color=colour, s=5, lw=0, label=name)


def _draw_objects(axes: Axes, detected: Detected, start: int, end: int) -> None:
    from matplotlib.patches import Rectangle

    for found in detected.objects:
        past = [s for s in found.sightings if s.start_us < end]
        if not past:
            continue
        x, y = np.array([s.centroid for s in past]).T
        axes.plot(x, y, color=colour_of(found), lw=1.2, alpha=0.6)
        for s in past:
            if s.end_us > start:
                corner, size = (s.box[0] - 0.5, s.box[1] - 0.5), (s.box[2] - s.box[0] + 1, s.box[3] - s.box[1] + 1)
                name = f"object {found.id}"
                axes.add_patch(Rectangle(corner, *size, fill=False, ec=colour_of(found), lw=1.8, label=name))
