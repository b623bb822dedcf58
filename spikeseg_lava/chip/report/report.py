"""A report: everything there is to say about a model on a chip, as figures, as tables and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from spikeseg_lava.chip.report.activity import Activity
from spikeseg_lava.chip.report.energy import EnergyEstimate
from spikeseg_lava.chip.report.figures import all_figures
from spikeseg_lava.chip.report.resources import Resources
from spikeseg_lava.chip.report.table import Figure, Table, number
from spikeseg_lava.chip.rules.finding import Finding
from spikeseg_lava.chip.rules.mapped_model import MappedModel
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True, eq=False)
class Report:
    """A model on a chip: what it breaks, takes, does and costs.

    Attributes:
        title: of the page.
        mapped: the model at one frame size on one target, with its ranges.
        findings: broken design rules, errors first.
        activity, energy: of the run in `record`; None where none was given.
        further: tables to show as well, such as `savings_table` or `stock_table`.
    """

    title: str
    mapped: MappedModel
    findings: tuple[Finding, ...]
    resources: Resources
    record: SpikeRecord | None = None
    activity: Activity | None = None
    energy: EnergyEstimate | None = None
    further: tuple[Table, ...] = ()

    @property
    def target(self) -> Target:
        return self.mapped.target

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.mapped.model.provenance

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Every number by its key, each with unit, formula and source."""
        return {
            figure.key: figure
            for figure in all_figures(self.mapped, self.resources, self.activity, self.energy, self.findings)
        }

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        """One line: does it fit?"""
        errors, warnings = self.count("error"), self.count("warning")
        if errors:
            return f"does not run on {self.target.title} as it is: {errors} rule(s) broken"
        if warnings:
            return f"within the limits of {self.target.title}, with {warnings} warning(s)"
        return f"within the limits of {self.target.title}"

    def to_json(self) -> dict[str, Any]:
        """JSON-compatible: title, verdict, findings, every figure, provenance."""
        return {
            "title": self.title,
            "target": self.target.name,
            "size": list(self.mapped.size),
            "steps": self.mapped.steps,
            "fire_once": self.mapped.fire_once,
            "verdict": self.verdict,
            "findings": [finding.to_json() for finding in self.findings],
            "figures": {key: figure.to_json() for key, figure in self.figures.items()},
            "further": [table.to_json() for table in self.further],
            "energy_scope": self.energy.scope if self.energy else None,
            "provenance": dict(self.provenance),
        }

    def __str__(self) -> str:
        from spikeseg_lava.chip.report.report import render_text

        return render_text(self)


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
    height, width = report.mapped.size
    chips = f"{number(report.resources.chips)} chip(s) of {report.target.mapped_cores.value} cores"
    return Table(f"Resources at {height} x {width} pixels on {report.target.title}: {chips}", columns, rows)


def _filling(report: Report) -> Table:
    quantities = ("core_neurons", "core_synapse_bytes", "core_axons_in", "chip_share")
    rows = [[x.name, *_cells(report, x.name, quantities)] for x in _layers(report)]
    return Table("How full the fullest core is, in %", ("layer", "neurons", "weights", "axons in", "% of chip"), rows)


def _ranges(report: Report) -> Table:
    quantities = ("threshold", "leak", "drive_low", "drive_high", "drive_seen", "membrane_low", "membrane_high")
    rows = [[name, *_cells(report, name, quantities)] for name in report.mapped.ranges]
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
    return Table(f"One sample of {report.mapped.steps} steps; energy is an estimate", columns, rows, scope)


def _layers(report: Report) -> Sequence[Any]:
    return report.resources.layers


def _cells(report: Report, name: str, quantities: Sequence[str]) -> list[Any]:
    keys = [f"{name}.{quantity}" for quantity in quantities]
    return [report.figures[key].value if key in report.figures else None for key in keys]
