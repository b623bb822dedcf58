"""The report as tables of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from spikeseg_lava.report.explain import explanation
from spikeseg_lava.report.figure import number
from spikeseg_lava.report.report import Report


@dataclass(frozen=True)
class TextTable:
    """A table: title with units, column names, rows of text and numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def render_text(report: Report, explain: bool = False) -> str:
    """The whole report; with `explain` every number's formula and source after it."""
    parts = [report.title, report.verdict, *(_aligned(table) for table in tables(report))]
    if report.energy:
        parts.append(report.energy.scope)
    if explain:
        parts.append("\n".join(explanation(figure) for figure in report.figures.values()))
    return "\n\n".join(parts) + "\n"


def tables(report: Report) -> Iterator[TextTable]:
    """Design rules, resources and, where a run was given, activity and energy."""
    if report.findings:
        yield _findings(report)
    yield _resources(report)
    yield _filling(report)
    yield _ranges(report)
    if report.activity:
        yield _activity(report)


def _findings(report: Report) -> TextTable:
    rows = [(f.severity, f.rule, f.layer, f.value, f.limit, f.unit, f.message, f.remedy) for f in report.findings]
    columns = ("severity", "rule", "layer", "value", "limit", "unit", "what is wrong", "remedy")
    return TextTable(f"Design rules of {report.target.title} that are broken", columns, rows)


def _resources(report: Report) -> TextTable:
    quantities = ("neurons", "synapses", "kernel_bytes", "unshared_bytes", "cores", "unshared_cores")
    rows = [[x.name, "x".join(map(str, x.output_shape)), *_cells(report, x.name, quantities)] for x in _layers(report)]
    rows.append(["convolutions", "", *_cells(report, "network", ("neurons", "synapses"))])
    rows.append(["all layers", "", None, None, None, None, *_cells(report, "network", ("cores", "unshared_cores"))])
    columns = ("layer", "outputs CxHxW", "neurons", "synapses", "kernel bytes", "bytes unshared", "cores", "unshared")
    height, width = report.subject.size
    chips = f"{number(report.resources.chips)} chip(s) of {report.target.mapped_cores.value} cores"
    return TextTable(f"Resources at {height} x {width} pixels on {report.target.title}: {chips}", columns, rows)


def _filling(report: Report) -> TextTable:
    quantities = ("core_neurons", "core_synapse_bytes", "core_axons_in", "chip_share")
    rows = [[x.name, *_cells(report, x.name, quantities)] for x in _layers(report)]
    return TextTable(
        "How full the fullest core is, in %", ("layer", "neurons", "weights", "axons in", "% of chip"), rows
    )


def _ranges(report: Report) -> TextTable:
    quantities = ("threshold", "leak", "drive_low", "drive_high", "drive_seen", "membrane_low", "membrane_high")
    rows = [[name, *_cells(report, name, quantities)] for name in report.subject.ranges]
    columns = ("layer", "threshold", "leak", "drive low", "drive high", "drive seen", "membrane low", "membrane high")
    title = f"Worst cases in membrane units; the state word holds +-{report.target.state_max:,}"
    return TextTable(title, columns, rows)


def _activity(report: Report) -> TextTable:
    quantities = ("input_events", "operations", "updates", "spikes", "active_share", "energy_low", "energy_high")
    names = [x.name for x in _layers(report)]
    rows = [[name, *_cells(report, name, quantities)] for name in names]
    total = _cells(report, "network", ("operations", "updates", "spikes"))
    rows.append(["all layers", None, *total, None, *_cells(report, "network", ("energy_low", "energy_high"))])
    columns = (
        "layer", "input events", "synaptic operations", "neuron updates", "spikes", "% of neurons fired",
        "energy low (µJ)", "energy high (µJ)",
    )  # fmt: skip
    return TextTable(f"One sample of {report.subject.steps} steps; energy is an estimate", columns, rows)


def _layers(report: Report) -> Sequence[Any]:
    return report.resources.layers


def _cells(report: Report, name: str, quantities: Sequence[str]) -> list[Any]:
    keys = [f"{name}.{quantity}" for quantity in quantities]
    return [report.figures[key].value if key in report.figures else None for key in keys]


def _aligned(table: TextTable) -> str:
    cells = [list(table.columns)] + [[_text(cell) for cell in row] for row in table.rows]
    cells = [row + [""] * (len(table.columns) - len(row)) for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [all(not isinstance(cell, str) for cell in column) for column in zip(*_padded(table), strict=True)]
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([table.title, *lines])


def _padded(table: TextTable) -> list[list[Any]]:
    return [list(row) + [None] * (len(table.columns) - len(row)) for row in table.rows]


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else number(cell)
