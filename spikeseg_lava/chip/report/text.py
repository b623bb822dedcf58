"""Where a number of the report comes from.

The report as tables of plain text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.table import Figure, Table, number
from spikeseg_lava.errors import ArgumentError


def explain_figure(report: Report, key: str) -> Figure:
    """The figure of that key, such as `conv2.synapses`; ArgumentError names near ones."""
    if key not in report.figures:
        near = get_close_matches(key, report.figures, n=3) or list(report.figures)[:3]
        raise ArgumentError(f"`key` must be a figure of the report such as {', '.join(near)}, got {key!r}")
    return report.figures[key]


def explanation(figure: Figure) -> str:
    """`key = value unit: formula [source]`, on one line."""
    return f"{figure.key} = {figure.text}: {figure.formula} [{figure.source}]"


def render_text(report: Report, explain: bool = False) -> str:
    """The whole report; with `explain` every number's formula and source after it."""
    parts = [report.title, report.verdict, *map(str, tables(report))]
    if explain:
        parts.append("\n".join(explanation(figure) for figure in report.figures.values()))
    return "\n\n".join(parts) + "\n"


def tables(report: Report) -> Iterator[Table]:
    """Design rules, resources, ranges; activity and energy where a run was given; what else the report was given."""
    if report.findings:
        yield _findings(report)
    yield _resources(report)
    yield _filling(report)
    yield _ranges(report)
    if report.activity:
        yield _activity(report)
    yield from report.further


def _findings(report: Report) -> Table:
    rows = [(f.severity, f.rule, f.layer, f.value, f.limit, f.unit, f.message, f.remedy) for f in report.findings]
    columns = ("severity", "rule", "layer", "value", "limit", "unit", "what is wrong", "remedy")
    return Table(f"Design rules of {report.target.title} that are broken", columns, rows)


def _resources(report: Report) -> Table:
    quantities = ("neurons", "synapses", "kernel_bytes", "unshared_bytes", "cores", "unshared_cores")
    rows = [[x.name, "x".join(map(str, x.output_shape)), *_cells(report, x.name, quantities)] for x in _layers(report)]
    rows.append(["convolutions", "", *_cells(report, "network", ("neurons", "synapses")), None, None, None, None])
    rows.append(["all layers", "", None, None, None, None, *_cells(report, "network", ("cores", "unshared_cores"))])
    columns = ("layer", "outputs CxHxW", "neurons", "synapses", "kernel bytes", "bytes unshared", "cores", "unshared")
    height, width = report.subject.size
    chips = f"{number(report.resources.chips)} chip(s) of {report.target.mapped_cores.value} cores"
    return Table(f"Resources at {height} x {width} pixels on {report.target.title}: {chips}", columns, rows)


def _filling(report: Report) -> Table:
    quantities = ("core_neurons", "core_synapse_bytes", "core_axons_in", "chip_share")
    rows = [[x.name, *_cells(report, x.name, quantities)] for x in _layers(report)]
    return Table("How full the fullest core is, in %", ("layer", "neurons", "weights", "axons in", "% of chip"), rows)


def _ranges(report: Report) -> Table:
    quantities = ("threshold", "leak", "drive_low", "drive_high", "drive_seen", "membrane_low", "membrane_high")
    rows = [[name, *_cells(report, name, quantities)] for name in report.subject.ranges]
    columns = ("layer", "threshold", "leak", "drive low", "drive high", "drive seen", "membrane low", "membrane high")
    title = f"Worst cases in membrane units; the state word holds +-{report.target.state_max:,}"
    return Table(title, columns, rows)


def _activity(report: Report) -> Table:
    quantities = ("input_events", "operations", "updates", "spikes", "active_share", "energy_low", "energy_high")
    names = [x.name for x in _layers(report)]
    rows = [[name, *_cells(report, name, quantities)] for name in names]
    total = _cells(report, "network", ("operations", "updates", "spikes"))
    rows.append(["all layers", None, *total, None, *_cells(report, "network", ("energy_low", "energy_high"))])
    columns = (
        "layer", "input events", "synaptic operations", "neuron updates", "spikes", "% of neurons fired",
        "energy low (µJ)", "energy high (µJ)",
    )  # fmt: skip
    scope = report.energy.scope if report.energy else ""
    return Table(f"One sample of {report.subject.steps} steps; energy is an estimate", columns, rows, scope)


def _layers(report: Report) -> Sequence[Any]:
    return report.resources.layers


def _cells(report: Report, name: str, quantities: Sequence[str]) -> list[Any]:
    keys = [f"{name}.{quantity}" for quantity in quantities]
    return [report.figures[key].value if key in report.figures else None for key in keys]
