"""One picture of a run: the events, the spikes of every layer, and what the last layer found on the sensor.

The matrix of unseen clips as a picture: rows what the integers were chosen on, columns what they were run on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.execution.unseen import UnseenMatrix
from spikeseg_lava.files import writing
from spikeseg_lava.pictures.style import (
    FOUND,
    GRID,
    INK,
    PATH,
    SKY,
    STILLS,
    checked_format,
    colour_bar,
    draw_legend,
    draw_sky,
    new_figure,
    save,
    time_colours,
)
from spikeseg_lava.spikes.record import SpikeRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Size = tuple[int, int]


def shown_layers(record: SpikeRecord, layers: Sequence[str] | None = None) -> list[str]:
    """The layers asked for, or all but pools (`pool1`, ...); ArgumentError for one the record does not hold."""
    if layers is None:
        return [name for name in record.spikes if not name.startswith("pool")] or list(record.spikes)
    for name in layers:
        if name not in record.spikes:
            raise ArgumentError(f"`layers` names `{name}`; the record holds {', '.join(record.spikes) or 'no layer'}")
    return list(layers)


def layer_size(record: SpikeRecord, name: str) -> Size:
    """(height, width) of a layer: from its membrane, the record's `shapes`, or at the least what its spikes reach."""
    if name in record.membranes:
        height, width = record.membranes[name].shape[-2:]
    elif name in record.meta.get("shapes", {}):
        height, width = record.meta["shapes"][name][-2:]
    else:
        rows = record.spikes[name]
        height, width = rows[:, 2:].max(axis=0) + 1 if len(rows) else (1, 1)
    return int(height), int(width)


def sensor_positions(
    rows: NDArray[np.integer], size: Size, sensor: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel (x, y) under the middle of each neuron of `rows` (t, c, y, x) in a layer of `size` (height, width).

    A neuron stands for an equal share of the sensor: exact for OR pools 2/2, to a pixel or two for others.
    """
    y, x = ((rows[:, 2 + i] + 0.5) * sensor[i] / size[i] - 0.5 for i in (0, 1))
    return x, y


def draw_events(axes: Axes, frames: NDArray[Any]) -> None:
    """Every event at its pixel: hue is time, shape is polarity; large and bright is one with many others about it."""
    colours = time_colours(len(frames) - 1)
    company = _company(frames)
    for channel, marker, name in _channels(frames.shape[1]):
        t, y, x = np.nonzero(frames[:, channel])
        share = company[t, y, x]
        colour = colours.to_rgba(t)
        colour[:, 3] = 0.25 + 0.75 * share
        axes.scatter(x, y, c=colour, marker=marker, s=3 + 21 * share**2, lw=0)
        axes.scatter([], [], c="dimgray", marker=marker, s=30, label=name)
    draw_sky(axes, frames.shape[2:], f"Events of {len(frames)} time steps: the brighter, the more around")
    colour_bar(axes, colours, "time step")
    draw_legend(axes)


def _company(frames: NDArray[Any]) -> NDArray[np.float64]:
    """Float64[T, H, W], 0 to 1: how many of the 24 pixels around, of this step and the two beside it, have events.

    A pixel is no company to itself, so that a hot one stays dark; 1 for the most that are about.
    """
    there = np.pad(frames.any(axis=1).astype(np.float64), ((1, 1), (2, 2), (2, 2)))
    steps, height, width = len(frames), *frames.shape[2:]
    near = [
        there[dt : dt + steps, dy : dy + height, dx : dx + width]
        for dt in range(3)
        for dy in range(5)
        for dx in range(5)
        if (dy, dx) != (2, 2)
    ]
    total = np.sum(near, axis=0)
    events = total[frames.any(axis=1)]
    usual, most = np.quantile(events, [0.5, 0.995]) if len(events) else (0, 1)
    return np.clip((total - usual) / max(most - usual, 1), 0, 1)


def draw_found(
    axes: Axes, frames: NDArray[Any], record: SpikeRecord, names: list[str], truth: NDArray[np.bool_] | None
) -> None:
    axes.imshow(frames.sum((0, 1)) ** 0.5, cmap="gray", alpha=0.55)
    draw_sky(axes, frames.shape[2:], "Nothing to show: the record holds no layer")
    if truth is not None and truth.any():
        axes.contour(truth, levels=[0.5], colors=PATH, linewidths=1.6)
        axes.plot([], color=PATH, label="where the satellite flew")
    if names:
        rows = record.spikes[names[-1]]
        x, y = sensor_positions(rows, layer_size(record, names[-1]), frames.shape[2:])
        axes.scatter(x, y, s=42, color=FOUND, edgecolor="white", lw=0.6, label=f"{names[-1]} spike", zorder=3)
        axes.set_title(_verdict(names[-1], x, y, truth), loc="left", fontsize=12, color=INK)
    draw_legend(axes)


def _verdict(name: str, x: NDArray[np.float64], y: NDArray[np.float64], truth: NDArray[np.bool_] | None) -> str:
    if not len(x):
        return f"Found by {name}: nothing"
    if truth is None:
        return f"Found by {name}: {len(x)} spikes"
    rows, columns = (np.clip(np.rint(a).astype(int), 0, n - 1) for a, n in zip((y, x), truth.shape, strict=True))
    on = truth[rows, columns].sum()
    return f"Found by {name}: {on} of {len(x)} spikes on the satellite's path"


def draw_map(axes: Axes, name: str, record: SpikeRecord, timesteps: int) -> None:
    """First spike at every place of the layer, all of its maps together."""
    rows = record.spikes[name]
    first = np.full(layer_size(record, name), np.inf)
    np.minimum.at(first, (rows[:, 2], rows[:, 3]), rows[:, 0])
    colours = time_colours(timesteps - 1)
    axes.imshow(np.ma.masked_invalid(first), cmap=colours.cmap, norm=colours.norm, interpolation="nearest")
    axes.set_facecolor(SKY)
    axes.set_title(f"{name}: {len(rows):,} spikes", loc="left", fontsize=12, color=INK)
    axes.set_xlabel(f"{first.shape[1]} x {first.shape[0]} neurons a map, colour: first spike", color=INK)
    axes.set(xticks=[], yticks=[])


def draw_counts(axes: Axes, rows: NDArray[np.int32], timesteps: int) -> None:
    from matplotlib.ticker import MaxNLocator

    counts = np.bincount(rows[:, 0], minlength=timesteps)
    steps = np.arange(len(counts))
    axes.bar(steps, counts, color=time_colours(timesteps - 1).to_rgba(steps))
    axes.set(xlabel="time step", ylabel="spikes per step", ylim=(0, max(1, counts.max() * 1.1)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=GRID, lw=0.7)


def _channels(count: int) -> list[tuple[int, str, str]]:
    if count == 2:
        return [(0, "v", "OFF event"), (1, "^", "ON event")]
    return [(channel, "o", f"event of channel {channel}") for channel in range(count)]


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
    suffix = checked_format(path, STILLS)
    _check(frames, truth)
    save(_figure(frames, record, shown_layers(record, layers), truth, title), path, suffix)


def _check(frames: NDArray[Any], truth: NDArray[np.bool_] | None) -> None:
    if frames.ndim != 4:
        raise ClipError(f"`frames` must be (T, C, H, W), got shape {frames.shape}")
    if truth is not None and truth.shape != frames.shape[2:]:
        raise ArgumentError(f"`truth` must have the size of the frames {frames.shape[2:]}, got {truth.shape}")


def _figure(
    frames: NDArray[Any], record: SpikeRecord, names: list[str], truth: NDArray[np.bool_] | None, title: str
) -> Figure:
    figure = new_figure(13, 11)
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
        bottom.colorbar(time_colours(len(frames) - 1), ax=grid, label="time step", aspect=35, pad=0.01)
    return figure


LOWEST = 0.9  # of the colours: what is below looks alike


def save_unseen_matrix(matrix: UnseenMatrix, path: str | os.PathLike[str]) -> None:
    """Write the worst IoU over layers of every pair as a table of colours (.png, .pdf, .svg)."""
    from matplotlib.figure import Figure

    worst = matrix.worst_by_clip()
    rows, columns = (list(dict.fromkeys(key[k] for key in worst)) for k in (0, 1))
    values = np.array([[worst[row, column] for column in columns] for row in rows], float)
    figure = Figure(figsize=(2.5 + 0.9 * len(columns), 1.5 + 0.5 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=LOWEST, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("run on")
    axes.set_ylabel("quantized on")
    for (y, x), value in np.ndenumerate(values):
        text = "-" if np.isnan(value) else f"{value:.4f}"
        axes.text(x, y, text, ha="center", va="center", color="white" if value < 0.97 else "black", fontsize=8)
    figure.colorbar(image, label="worst spike IoU of a layer")
    with writing(path) as file:
        figure.savefig(file, format=os.fspath(path).rpartition(".")[2], dpi=150)
