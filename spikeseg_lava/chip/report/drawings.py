"""The drawings of the page: the layers as stacks of maps (SVG), the spikes of a run (PNG), bars of bits a word uses.

Every drawing is data for the template or an embedded picture, so that the page loads nothing from anywhere.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.table import number
from spikeseg_lava.chip.step_time import StepTimes, speeds_of
from spikeseg_lava.network.bounds import LayerRange
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.observation import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, MIDDLE = 1040, 250, 96
LEAST_PITCH, BETWEEN = 125, 70  # pixels of the narrowest column, and of what stands in it beside a map
TALLEST, OFFSET, MOST_MAPS = 104, 4, 8  # pixels of the largest map, of the shift between maps; maps drawn at most


@dataclass(frozen=True)
class Stack:
    """One layer as drawn: maps as (x, y, width, height) from back to front, and lines of text below."""

    name: str
    kind: str
    centre: float
    maps: list[tuple[float, float, float, float]]
    lines: list[str]


@dataclass(frozen=True)
class Arrow:
    """What travels from one stack to the next."""

    start: float
    end: float
    width: float
    text: str


def stacks(report: Report) -> list[Stack]:
    """The input and every layer, from left to right."""
    taken = report.resources.layers
    shapes = [taken[0].input_shape, *(layer.output_shape for layer in taken)]
    names = ["input", *(layer.name for layer in taken)]
    kinds = ["input", *("pool" if layer.is_pool else "conv" for layer in taken)]
    texts = [[f"{report.mapped.model.input.bits} bit payload"]]
    texts += [[_counted(layer.neurons, "neuron"), _counted(layer.cores, "core")] for layer in taken]
    pitch = canvas_width(report) / len(shapes)
    heights, widths = zip(*(shape[1:] for shape in shapes), strict=True)
    scale = min(TALLEST / max(heights), (pitch - BETWEEN) / max(widths))
    return [
        Stack(n, k, pitch * (i + 0.5), _maps(shape, pitch * (i + 0.5), scale), [" x ".join(map(str, shape)), *text])
        for i, (n, k, shape, text) in enumerate(zip(names, kinds, shapes, texts, strict=True))
    ]


def canvas_width(report: Report) -> float:
    """Pixels of the whole diagram: it is drawn smaller where there are many layers."""
    return max(WIDTH, LEAST_PITCH * (1 + len(report.resources.layers)))


def _counted(count: int | None, thing: str) -> str:
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


def arrows(report: Report, drawn: list[Stack]) -> list[Arrow]:
    """Between neighbours; the more spikes, the wider."""
    counts: list[int | None] = [None] * len(report.resources.layers)
    if report.activity:
        counts = [layer.input_events for layer in report.activity.layers]
    found = []
    for left, right, count in zip(drawn, drawn[1:], counts, strict=False):
        start = max(x + w for x, _, w, _ in left.maps) + 5
        end = min(x for x, _, _, _ in right.maps) - 9
        width = 1.5 if not count else min(5.0, 1.2 + 0.9 * len(str(count)) - 0.9)
        found.append(Arrow(start, max(end, start + 8), width, "" if count is None else number(count)))
    return found


def _maps(shape: Shape, centre: float, scale: float) -> list[tuple[float, float, float, float]]:
    count = min(shape[0], MOST_MAPS)
    height, width = (max(9.0, n * scale) for n in shape[1:])
    left = centre - width / 2 - OFFSET * (count - 1) / 2
    top = MIDDLE - height / 2 - OFFSET * (count - 1) / 2
    return [(left + OFFSET * i, top + OFFSET * i, width, height) for i in range(count)]


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
        _map(axes[0][k], layer.name, rows, layer.output_shape, report.mapped.steps)
        _raster(axes[1][k], rows, layer.output_shape, report.mapped.steps)
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


BITS_DRAWN = 27


@dataclass(frozen=True)
class WordBar:
    """`bits` used of a word of `limit` bits by values from `low` to `high`."""

    name: str
    bits: int
    limit: int
    values: str

    @property
    def beyond(self) -> bool:
        return self.bits > self.limit


def word_bars(report: Report) -> dict[str, list[WordBar]]:
    """Bars of every convolution, by name."""
    return {name: _bars(report, name, ranges) for name, ranges in report.mapped.ranges.items()}


def _bars(report: Report, name: str, ranges: LayerRange) -> list[WordBar]:
    target = report.target
    layer = next(x for x in report.mapped.model.convolutions if x.name == name)
    weight = Interval(min(int(p.weight.min()) for p in layer.planes), max(int(p.weight.max()) for p in layer.planes))
    top = Interval(0, ranges.firing_sum)
    state, accumulator = target.state_bits.value, target.accumulator_bits.value
    payload = WordBar(
        "payload", ranges.payload.bit_length(), target.payload_bits.value, f"0 … {number(ranges.payload)}"
    )
    found = [
        payload,
        _signed(f"weight, {len(layer.planes)} plane(s)", weight, target.weight_bits.value),
        _signed("drive, worst case", ranges.drive, accumulator),
    ]
    if ranges.observed:
        found.append(_signed("drive, on the clip", ranges.observed.drive, accumulator))
    return [
        *found,
        _signed("threshold + leak (less bias)" if layer.neuron.bias.any() else "threshold + leak", top, state),
        _signed("membrane, worst case", ranges.membrane, state),
    ]


def _signed(name: str, values: Interval, limit: int) -> WordBar:
    return WordBar(name, values.bits, limit, f"{number(values.low)} … {number(values.high)}")


CORE, CORE_GAP, CORES_A_ROW = 13, 2, 40  # pixels of a core and between cores; cores in a row of the chart


@dataclass(frozen=True)
class Core:
    """One core of the chart: place in pixels, index of its group, and how busy it is, 0 to 1."""

    x: int
    y: int
    group: int
    load: float
    title: str


@dataclass(frozen=True)
class CoreChart:
    """All cores of a placement, group after group; `names` of the groups with their cores."""

    title: str
    names: list[str]
    cores: list[Core]
    height: int


def core_charts(report: Report) -> list[CoreChart]:
    """The compiler's placement, and the one with the busiest groups spread; empty without a run."""
    if report.times is None:
        return []
    charts = [_core_chart(report.times, "as the compiler cuts", report)]
    if report.spread is not None and report.spread.cores != report.times.cores:
        charts.append(_core_chart(report.spread, "busiest groups spread", report))
    return charts


def _core_chart(times: StepTimes, name: str, report: Report) -> CoreChart:
    speeds, pitch = speeds_of(report.target), CORE + CORE_GAP
    busiest = [float(load.microseconds(speeds).mean()) for load in times.loads]
    largest, cores = max(busiest, default=0.0) or 1.0, []
    for group, load in enumerate(times.loads):
        for _ in range(load.tiling.cores):
            row, column = divmod(len(cores), CORES_A_ROW)
            title = f"{load.group.name}: busiest core {number(busiest[group])} µs a step"
            cores.append(Core(column * pitch, row * pitch, group, busiest[group] / largest, title))
    names = [f"{load.group.name} ({load.tiling.cores})" for load in times.loads]
    title = f"{name}: {times.cores} cores, {number(times.mean)} µs a step on average"
    return CoreChart(title, names, cores, pitch * -(-len(cores) // CORES_A_ROW))
