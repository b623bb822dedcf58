"""One self-contained HTML page of trials on made-up skies: what is found by magnitude and speed, and at what price."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeseg_lava.evaluation.scores import OBJECT_DEFINITION, ObjectScores
from spikeseg_lava.evaluation.sky_trials import Half, TrialResult, best_factor, detection_by, summed
from spikeseg_lava.events.sky import LABEL, SkyObject, SkyParameters
from spikeseg_lava.files import writing

TEMPLATES = Path(__file__).parent / "templates"
COLOURS = ("#1f5f99", "#c2571a", "#17703f", "#7a4fa3")
SPEEDS, MAGNITUDES = 6, 6  # bins
HALVES: tuple[tuple[Half, str], ...] = (("choosing", "--"), ("scoring", "-"))


@dataclass(frozen=True)
class Row:
    """One variant at the threshold that the choosing half picked, scored on the other half."""

    variant: str
    factor: float
    scores: ObjectScores
    skies: int


def score_rows(results: Sequence[TrialResult]) -> list[Row]:
    """A row for each variant, in the order they were run."""
    rows = []
    for variant in dict.fromkeys(r.variant for r in results):
        factor = best_factor(results, variant)
        own = [r for r in results if r.variant == variant and r.factor == factor and r.trial.half == "scoring"]
        rows.append(Row(variant, factor, summed(own, variant)[factor], len(own)))
    return rows


def save_page(
    results: Sequence[TrialResult], parameters: SkyParameters, path: str | os.PathLike[str], network: str, stars: str
) -> None:
    """Write the page to `path`."""
    page = render_page(results, parameters, network, stars).encode()
    with writing(path) as file:
        file.write(page)


def render_page(results: Sequence[TrialResult], parameters: SkyParameters, network: str, stars: str) -> str:
    """The page as text; curves are drawn as SVG into it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters["figure"] = figure
    return environment.get_template("sky.html.j2").render(
        rows=score_rows(results),
        curves=[
            ("By magnitude", detection_curve(results, _magnitude, "magnitude", MAGNITUDES)),
            ("By speed", detection_curve(results, _speed, "pixels per second", SPEEDS)),
            ("Threshold: F1", sweep_curve(results, lambda s: s.f1, "F1")),
            ("Threshold: false alarms", sweep_curve(results, lambda s: s.false_per_hour, "false objects per hour")),
        ],
        parameters=parameters,
        network=network,
        stars=stars,
        skies=sum(not t.empty for t in {r.trial for r in results}),
        empty=sum(t.empty for t in {r.trial for r in results}),
        label=LABEL,
        definition=OBJECT_DEFINITION,
    )


def figure(value: float | None) -> str:
    """A number for the page; a dash where there is none."""
    return "-" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def detection_curve(results: Sequence[TrialResult], value: Callable[[SkyObject], float], label: str, bins: int) -> str:
    """SVG: share of the scoring half's satellites that were found, by `value`, each variant at its chosen threshold."""
    values = [value(o) for r in results for o in r.satellites]
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)) if values else np.linspace(0, 1, bins + 1)
    edges = np.unique(edges) if len(np.unique(edges)) > 1 else np.array([edges[0] - 0.5, edges[0] + 0.5])
    figure, axes = _figure(label, "share found")
    for k, row in enumerate(score_rows(results)):
        own = [r for r in results if r.variant == row.variant and r.factor == row.factor and r.trial.half == "scoring"]
        counted = [b for b in detection_by(own, value, [float(e) for e in edges]) if b[2]]
        axes.plot(
            [(a + b) / 2 for a, b, _, _ in counted], [found / n for _, _, n, found in counted],
            "o-", color=COLOURS[k % len(COLOURS)], label=f"{row.variant} (of {sum(n for _, _, n, _ in counted)})",
        )  # fmt: skip
    axes.set_ylim(-0.05, 1.05)
    return _svg(figure, axes)


def sweep_curve(results: Sequence[TrialResult], value: Callable[[ObjectScores], float | None], label: str) -> str:
    """SVG: a score over the factor of the thresholds; dashed on the choosing half, solid on the scoring half.

    A thin line stands at the factor that was chosen.
    """
    figure, axes = _figure("threshold, times the network's own", label)
    for k, variant in enumerate(dict.fromkeys(r.variant for r in results)):
        for half, style in HALVES:
            curve = [(f, v) for f, s in summed(results, variant, half).items() if (v := value(s)) is not None]
            label = variant if half == "scoring" else "_"
            axes.plot([f for f, _ in curve], [v for _, v in curve], style, color=COLOURS[k % len(COLOURS)], label=label)
        axes.axvline(best_factor(results, variant), color=COLOURS[k % len(COLOURS)], linewidth=0.8, alpha=0.5)
    axes.set_xscale("log")
    ticks = sorted({r.factor for r in results})
    axes.set_xticks(ticks, [f"{f:g}" for f in ticks])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    return _svg(figure, axes)


def _figure(x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(LABEL, fontsize=8, color="#5b6b7c", loc="left")
    return figure, axes


def _svg(figure: Any, axes: Any) -> str:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _magnitude(satellite: SkyObject) -> float:
    return satellite.magnitude


def _speed(satellite: SkyObject) -> float:
    return satellite.speed
