"""One picture of a run: the events, the spikes of every layer, and what the last layer found on the sensor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.demo.mapping import shown_layers
from spikeseg_lava.demo.panels import INK, draw_counts, draw_events, draw_found, draw_map, time_colours
from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.files import writing
from spikeseg_lava.record import SpikeRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")


def draw(
    frames: NDArray[Any],
    record: SpikeRecord,
    path: str | os.PathLike[str],
    truth: NDArray[np.bool_] | None = None,
    title: str = "What the network saw, and what it found",
    layers: Sequence[str] | None = None,
) -> None:
    """Write the picture of one run to `path` (.png, .pdf or .svg).

    Args:
        frames: (T, C, H, W), what the network saw; channel 0 OFF and 1 ON where there are two.
        record: the spikes of the run, any layers, empty ones as well.
        truth: Bool[H, W], pixels where an object really was; outlined, and spikes on it are counted.
        title: headline of the picture.
        layers: names of the layers to show, the last one as what was found; default: all but pools.

    Raises:
        ArgumentError: an unknown file format or layer, or `truth` of another size than the frames.
        ClipError: `frames` are not (T, C, H, W).
    """
    _check(frames, truth, path)
    names = shown_layers(record, layers)
    figure = _figure(frames, record, names, truth, title)
    with writing(path) as file:
        figure.savefig(file, format=Path(path).suffix[1:].lower(), dpi=130, facecolor="white")


def _check(frames: NDArray[Any], truth: NDArray[np.bool_] | None, path: str | os.PathLike[str]) -> None:
    if Path(path).suffix.lower() not in FORMATS:
        raise ArgumentError(f"`path` must end in one of {', '.join(FORMATS)}, got `{path}`")
    if frames.ndim != 4:
        raise ClipError(f"`frames` must be (T, C, H, W), got shape {frames.shape}")
    if truth is not None and truth.shape != frames.shape[2:]:
        raise ArgumentError(f"`truth` must have the size of the frames {frames.shape[2:]}, got {truth.shape}")


def _figure(
    frames: NDArray[Any], record: SpikeRecord, names: list[str], truth: NDArray[np.bool_] | None, title: str
) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.5, 11), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=17, fontweight="bold", color=INK)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.35, 1.5), hspace=0.03)
    events, found = top.subplots(1, 2)
    draw_events(events, frames)
    draw_found(found, frames, record, names, truth)
    if names:
        grid = bottom.subplots(2, len(names), height_ratios=(1.6, 1), squeeze=False)
        for (map_axes, count_axes), name in zip(grid.T, names, strict=True):
            draw_map(map_axes, name, record, len(frames))
            draw_counts(count_axes, record.spikes[name], len(frames))
        bottom.colorbar(time_colours(len(frames)), ax=grid, label="time step", aspect=35, pad=0.01)
    return figure
