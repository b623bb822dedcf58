"""Two log-log plots of the event engine's cost: against events a step, and against frame area for the same events."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeseg_lava.files import writing

if TYPE_CHECKING:
    from spikeseg_lava.bench.result import BenchmarkResult, Point


def draw(result: BenchmarkResult, path: str | os.PathLike[str]) -> None:
    """Write the figure to `path`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    events = [max(point.work.events, 0.5) for point in result.by_events]
    _curve(left, events, result.by_events, result)
    left.set(xlabel="events a step (an empty step is drawn at 0.5)", ylabel="ms a step", title="cost follows events")
    _curve(right, [point.size[0] * point.size[1] for point in result.by_area], result.by_area, result)
    right.set(xlabel="pixels of the frame", title="the same events on larger frames")
    for name, figures in result.contenders.items():
        right.axhline(figures.spread.median, linewidth=0.6, color="0.6")
        right.annotate(name, (0.01, figures.spread.median), xycoords=("axes fraction", "data"), fontsize=6, color="0.4")
    with writing(path) as file:
        figure.savefig(file, format=Path(path).suffix.lstrip(".") or "png", dpi=150)


def _curve(axes: Any, at: list[float], points: tuple[Point, ...], result: BenchmarkResult) -> None:
    spreads = [point.ms for point in points]
    low = [s.median - s.min for s in spreads]
    high = [s.max - s.median for s in spreads]
    axes.errorbar(
        at, [s.median for s in spreads], [low, high], marker="o", capsize=2, label="event engine (min to max)"
    )
    limit = [max(result.limits.least_ms(point.work.operations, point.work.neurons), 1e-6) for point in points]
    axes.plot(at, limit, "--", color="0.5", label="physical limit")
    axes.set(xscale="log", yscale="log")
    axes.grid(True, which="major", linewidth=0.3)
    axes.legend(fontsize=8)
