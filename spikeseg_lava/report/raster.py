"""Spikes of a run as one picture (PNG): where each neuron first fired, and rasters of place against time."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network import Shape
from spikeseg_lava.report.figure import number
from spikeseg_lava.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, PAPER = "#1c2733", "#64748b", "#f4f7fa"
COLOURS = "viridis"


def spike_picture(report: Report) -> str | None:
    """Base64 of a PNG; None where the report holds no run."""
    if report.record is None:
        return None
    from matplotlib.figure import Figure

    layers = report.resources.layers
    figure = Figure(figsize=(2.3 * len(layers) + 0.4, 5.4), dpi=170, layout="constrained")
    axes = figure.subplots(2, len(layers), squeeze=False)
    for k, layer in enumerate(layers):
        rows = report.record.spikes[layer.name]
        _map(axes[0][k], layer.name, rows, layer.output_shape, report.subject.steps)
        _raster(axes[1][k], rows, layer.output_shape, report.subject.steps)
    axes[1][0].set_ylabel("map, row", color=INK, fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white")
    return base64.b64encode(file.getvalue()).decode()


def first_spikes(rows: NDArray[np.int32], shape: Shape) -> NDArray[np.float64]:
    """Float64[H, W]: step of the first spike at every place, all maps together; NaN where none ever fired."""
    first = np.full(shape[1:], np.inf)
    np.minimum.at(first, (rows[:, 2], rows[:, 3]), rows[:, 0])
    return np.where(np.isfinite(first), first, np.nan)


def place_by_time(rows: NDArray[np.int32], shape: Shape, steps: int) -> NDArray[np.int64]:
    """Int64[C * H, T]: spikes of every row of every map in every step."""
    counts = np.zeros((shape[0] * shape[1], steps), np.int64)
    np.add.at(counts, (rows[:, 1] * shape[1] + rows[:, 2], rows[:, 0]), 1)
    return counts


def _map(axes: Axes, name: str, rows: NDArray[np.int32], shape: Shape, steps: int) -> None:
    first = np.ma.masked_invalid(first_spikes(rows, shape))
    axes.imshow(first, cmap=COLOURS, vmin=0, vmax=max(steps - 1, 1), interpolation="nearest")
    _plain(axes, f"{name}: {number(len(rows))} spikes")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"{shape[2]} x {shape[1]} pixels", color=MUTED, fontsize=8)


def _raster(axes: Axes, rows: NDArray[np.int32], shape: Shape, steps: int) -> None:
    counts = place_by_time(rows, shape, steps)
    shown = np.ma.masked_equal(counts, 0)
    axes.imshow(np.log1p(shown), cmap="Blues", vmin=-1, aspect="auto", interpolation="nearest")
    for edge in range(shape[1], shape[0] * shape[1], shape[1]):
        axes.axhline(edge - 0.5, color="white", lw=0.4)
    _plain(axes, "")
    axes.set_yticks([(c + 0.5) * shape[1] for c in _ticks(shape[0])], [str(c) for c in _ticks(shape[0])])
    axes.set_xlabel("time step", color=MUTED, fontsize=8)


def _ticks(channels: int) -> range:
    return range(0, channels, max(1, channels // 6))


def _plain(axes: Axes, title: str) -> None:
    axes.set_facecolor(PAPER)
    axes.set_title(title, loc="left", fontsize=9, color=INK)
    axes.tick_params(labelsize=7, colors=MUTED, length=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
