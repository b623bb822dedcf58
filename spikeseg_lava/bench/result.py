"""The figures of a benchmark: kept as JSON, printed as a table, and drawn as two log-log plots.

The plots show the event engine's cost against events a step, and against frame area for the same events.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spikeseg_lava.bench.contenders import STOCK
from spikeseg_lava.bench.work import Limits, Point, Spread, Work
from spikeseg_lava.files import writing


@dataclass(frozen=True)
class Figures:
    """One contender on the clip. `ms`: milliseconds a step in each round; `memory`: peak MB above the start."""

    ms: tuple[float, ...]
    memory: float

    @property
    def spread(self) -> Spread:
        return Spread.of(self.ms)


@dataclass(frozen=True)
class BenchmarkResult:
    """All figures of one run on one machine.

    Attributes:
        contenders: by name; round k of each was measured right after round k of the others.
        by_events, by_area: the event engine over the number of events, and over the frame area for the same events.
    """

    contenders: Mapping[str, Figures]
    work: Work
    limits: Limits
    machine: Mapping[str, Any]
    clip: Mapping[str, Any]
    by_events: tuple[Point, ...] = ()
    by_area: tuple[Point, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, name: str, to: str = STOCK) -> Spread | None:
        """How many times as fast as `to` a contender is, round by round; None where one was not measured."""
        if name not in self.contenders or to not in self.contenders:
            return None
        pairs = zip(self.contenders[to].ms, self.contenders[name].ms, strict=True)
        return Spread.of([slow / fast for slow, fast in pairs])

    def ns_per_operation(self, name: str) -> float:
        """Nanoseconds per synaptic operation, median."""
        return 1e6 * self.contenders[name].spread.median / self.work.operations

    @property
    def least_ms(self) -> float:
        """The estimated limit of the event engine's work, in ms a step (see `Limits`)."""
        return self.limits.least_ms(self.work.additions, self.work.neurons)

    def to_dict(self) -> dict[str, Any]:
        """JSON-compatible: all fields, and what follows from them."""
        derived = {
            name: {
                "ms_per_step": asdict(figures.spread),
                "ns_per_operation": self.ns_per_operation(name),
                "peak_memory_mb": figures.memory,
                "times_stock": None if (r := self.ratio(name)) is None else asdict(r),
                "times_torch_float": None if (r := self.ratio(name, "torch float")) is None else asdict(r),
                "times_physical_limit": figures.spread.median / self.least_ms,
            }
            for name, figures in self.contenders.items()
        }
        return {**asdict(self), "least_ms_per_step": self.least_ms, "summary": derived}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write everything to `path`."""
        with writing(path) as file:
            file.write(json.dumps(self.to_dict(), indent=1).encode())

    def table(self) -> list[tuple[str, ...]]:
        """Rows for a terminal, the first one the heading."""
        rows = [("", "ms a step (min / median / max)", "ns a synaptic operation", "peak MB", f"times {STOCK}")]
        for name, figures in self.contenders.items():
            ratio, ms = self.ratio(name), figures.spread
            times = "" if ratio is None else f"{ratio.min:.4g} / {ratio.median:.4g} / {ratio.max:.4g}"
            spread = f"{ms.min:.3g} / {ms.median:.3g} / {ms.max:.3g}"
            rows.append((name, spread, f"{self.ns_per_operation(name):.3g}", f"{figures.memory:.0f}", times))
        least = f"{self.least_ms:.3g}"
        return [*rows, ("estimated limit of the engine", least, f"{1e9 / self.limits.additions:.3g}", "", "")]


def draw(result: BenchmarkResult, path: str | os.PathLike[str]) -> None:
    """Write the figure to `path`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    events = [max(point.work.events, 0.5) for point in result.by_events]
    _curve(left, events, result.by_events, result)
    left.set(xlabel="events a step (an empty step is drawn at 0.5)", ylabel="ms a step", title="cost follows events")
    _curve(right, [point.size[0] * point.size[1] for point in result.by_area], result.by_area, result)
    right.set(xlabel="pixels of the frame", title="the same events on larger frames")
    medians = {name: figures.spread.median for name, figures in result.contenders.items()}
    for median in medians.values():
        right.axhline(median, linewidth=0.6, color="0.6")
    for name, height in _apart(medians).items():
        where, tip = (1.02, height), (1.0, medians[name])
        pointer = {"arrowstyle": "-", "lw": 0.5, "color": "0.6"}
        right.annotate(
            name, tip, where, xycoords=("axes fraction", "data"), textcoords=("axes fraction", "data"), fontsize=7,
            color="0.3", va="center", arrowprops=pointer, annotation_clip=False,
        )  # fmt: skip
    with writing(path) as file:
        figure.savefig(file, format=Path(path).suffix.lstrip(".") or "png", dpi=150)


def _apart(values: Mapping[str, float], factor: float = 1.7) -> dict[str, float]:
    """Heights for the names of values, in their order and never closer than `factor`, so that none overprints."""
    heights: dict[str, float] = {}
    below = 0.0
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        below = heights[name] = max(value, below * factor)
    return heights


def _curve(axes: Any, at: list[float], points: tuple[Point, ...], result: BenchmarkResult) -> None:
    spreads = [point.ms for point in points]
    low = [s.median - s.min for s in spreads]
    high = [s.max - s.median for s in spreads]
    axes.errorbar(
        at, [s.median for s in spreads], [low, high], marker="o", capsize=2, label="event engine (min to max)"
    )
    limit = [max(result.limits.least_ms(point.work.operations, point.work.neurons), 1e-6) for point in points]
    axes.plot(at, limit, "--", color="0.5", label="estimated limit of this machine")
    axes.set(xscale="log", yscale="log")
    axes.grid(True, which="major", linewidth=0.3)
    axes.legend(fontsize=8)
