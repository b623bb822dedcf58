"""What all pictures share: colours, the sensor's axes, labels that keep clear of each other, how files are written."""

from __future__ import annotations

import colorsys
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.files import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

SKY, INK, GRID = "#0d1117", "#1f2328", "#d0d7de"
FOUND, PATH = "#ff5d3b", "#1fbf88"
ON, OFF = "#f5f7fa", "#7d8794"  # brighter, darker
OBJECT_COLOURS = ("#ff5d3b", "#3bd6c6", "#ffd23f", "#8ab4ff", "#ff7ad9", "#9be564", "#ff9f45", "#c9a2ff")
GOLDEN_ANGLE = 0.381966  # of a turn: hues that follow each other by it never come close soon
STILLS = (".png", ".pdf", ".svg")


def colour_of(found: DetectedObject) -> str:
    """The colour of an object, by its id the same in every picture: eight chosen ones, then hues around the circle."""
    if found.id <= len(OBJECT_COLOURS):
        return OBJECT_COLOURS[found.id - 1]
    red, green, blue = colorsys.hsv_to_rgb(found.id * GOLDEN_ANGLE % 1, 0.45 + 0.2 * (found.id % 2), 1)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def surest(objects: Sequence[DetectedObject], count: int) -> list[DetectedObject]:
    """The `count` objects of the highest confidence, more spikes first among equals."""
    return sorted(objects, key=lambda found: (-found.confidence, -found.spikes, found.id))[:count]


def some_events(recording: Recording, limit: int) -> NDArray[np.int64]:
    """Int64[n], rising: the events to draw, all of them or `limit` picked at random (the same ones every time)."""
    count = len(recording)
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, limit, replace=False))


def share_drawn(drawn: int, total: int) -> str:
    """What a title says about events that are not drawn."""
    return f"{total:,} events" if drawn == total else f"{drawn:,} of {total:,} events, picked at random"


def counted(count: int, what: str) -> str:
    """`no object`, `1 object`, `2 objects`."""
    return f"{f'{count:,}' if count else 'no'} {what}{'' if count == 1 else 's'}"


def checked_format(path: str | os.PathLike[str], formats: Sequence[str]) -> str:
    """The suffix of `path` without its dot; ArgumentError where it is not one of `formats`."""
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ArgumentError(f"`path` must end in one of {', '.join(formats)}, got `{path}`")
    return suffix[1:]


def new_figure(width: float, height: float, constrained: bool = True) -> Figure:
    """A figure of inches with a canvas of its own: matplotlib's global state is left alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | os.PathLike[str], suffix: str) -> None:
    """Write a still, complete or not at all."""
    with writing(path) as file:
        figure.savefig(file, format=suffix, dpi=130, facecolor="white")


def time_colours(last: float) -> ScalarMappable:
    """Colour of each time from 0 to `last`, from violet to yellow: all of them stand out from a dark sky."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap(colormaps["plasma"](np.linspace(0.22, 1, 256)))
    return ScalarMappable(Normalize(0, max(last, 1e-9)), colours)


def draw_sky(axes: Axes, size: Sequence[int], title: str) -> None:
    """Dark axes over the pixels of a sensor or frame of `size` (height, width), row 0 on top."""
    axes.set_facecolor(SKY)
    axes.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5), aspect="equal")
    axes.set_title(title, loc="left", fontsize=12, color=INK)
    axes.set_xlabel("x (pixel)", loc="left", color=INK)
    axes.set_ylabel("y (pixel)", color=INK)


def draw_legend(axes: Axes) -> None:
    """A legend below the axes, clear of the data."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", bbox_to_anchor=(1.01, -0.05), ncols=4, fontsize=10, frameon=False)


def colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> None:
    if axes.figure is not None:
        axes.figure.colorbar(colours, ax=axes, label=label, fraction=0.035, pad=0.02)


class Label(NamedTuple):
    """A word of a colour that belongs near a place, in data coordinates."""

    text: str
    x: float
    y: float
    colour: str


def draw_labels(axes: Axes, labels: Sequence[Label], fontsize: float = 10) -> None:
    """Write labels near their places, inside the axes, none over another.

    Each takes the first free place on rings around its own. Call it when nothing else changes the layout any more.
    """
    if not labels:
        return
    figure = _figure_of(axes)
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()  # places of constrained axes are known after that only
    frame, dots = axes.get_window_extent(), figure.dpi / 72  # pixels, and pixels a point
    taken: list[NDArray[np.float64]] = []
    for label in labels:
        half = np.array([0.36 * len(label.text) + 0.3, 0.75]) * fontsize * dots
        wanted = np.clip(axes.transData.transform((label.x, label.y)), [frame.x0, frame.y0], [frame.x1, frame.y1])
        place = _free_place(wanted, half, np.array([[frame.x0, frame.y0], [frame.x1, frame.y1]]), taken)
        taken.append(np.array([place - half, place + half]))
        x, y = axes.transData.inverted().transform(place)
        box = {"boxstyle": "round,pad=0.15", "fc": "black", "ec": "none", "alpha": 0.7}
        text = axes.text(
            x, y, label.text, color=label.colour, fontsize=fontsize, fontweight="bold", ha="center", va="center",
            bbox=box, zorder=5,
        )  # fmt: skip
        text.set_in_layout(False)


def _figure_of(axes: Axes) -> Any:
    """The figure, where the axes lie in a figure of a figure as well."""
    figure: Any = axes.figure
    while figure.figure is not figure:
        figure = figure.figure
    return figure


def _free_place(
    wanted: NDArray[np.float64], half: NDArray[np.float64], frame: NDArray[np.float64], taken: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Middle of a box of `half` its size near `wanted`, within `frame` and clear of `taken`, all [low, high] (x, y)."""
    low, high = frame[0] + half, np.maximum(frame[1] - half, frame[0] + half)
    angles = np.arange(12) * np.pi / 6 + np.pi / 4
    for radius in range(1, 40):
        for angle in angles:
            place = np.clip(wanted + radius * 1.2 * half.mean() * np.array([np.cos(angle), np.sin(angle)]), low, high)
            if not any((place + half > box[0]).all() and (place - half < box[1]).all() for box in taken):
                return place
    return np.clip(wanted, low, high)
