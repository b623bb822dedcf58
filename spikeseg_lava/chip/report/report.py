"""A report: everything there is to say about a model on a chip, as figures, as tables and as text."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from spikeseg_lava.chip.costs import EnergyEstimate
from spikeseg_lava.chip.groups import ChipNetwork
from spikeseg_lava.chip.report.activity import Activity
from spikeseg_lava.chip.report.figures import all_figures
from spikeseg_lava.chip.report.resources import Resources
from spikeseg_lava.chip.report.table import Figure, Table, number
from spikeseg_lava.chip.rules.finding import Finding, MappedModel, Severity
from spikeseg_lava.chip.step_time import StepTimes, frame_times, speeds_of
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.spikes.record import SpikeRecord, html_table, short

SEVERITY_TITLES: Mapping[Severity, str] = {
    "error": "Design rules that are broken",
    "warning": "Warnings of the design rules",
    "info": "For information: what the design rules note",
}


@dataclass(frozen=True, eq=False)
class Report:
    """A model on a chip: what it breaks, takes, does and costs.

    Attributes:
        title: of the page.
        mapped: the model at one frame size on one target, with its ranges.
        findings: broken design rules, errors first.
        activity, energy: of the run in `record`; None where none was given.
        times: of the chip steps of the run, on the compiler's cut; `spread`: with the busiest layers cut finer.
        further: tables to show as well, such as `savings_table` or `stock_table`.
    """

    title: str
    mapped: MappedModel
    findings: tuple[Finding, ...]
    resources: Resources
    record: SpikeRecord | None = None
    activity: Activity | None = None
    energy: EnergyEstimate | None = None
    times: StepTimes | None = None
    spread: StepTimes | None = None
    further: tuple[Table, ...] = ()

    def __repr__(self) -> str:
        return short(self, self.title, self.verdict.partition(" (")[0])

    def _repr_html_(self) -> str:
        return "".join(
            [f"<b>{html.escape(self.title)}: {html.escape(self.verdict)}</b><br>"]
            + [html_table(table.title, table.columns, table.rows) for table in tables(self)]
        )

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
            for figure in all_figures(
                self.mapped, self.resources, self.activity, self.energy, self.times, self.findings
            )
        }

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def network(self) -> ChipNetwork:
        """The form in which the model is placed."""
        return self.mapped.network

    @property
    def verdict(self) -> str:
        """One line: does it fit, in which form, and on how much of the chip?"""
        errors, warnings = self.count("error"), self.count("warning")
        if errors:
            return f"does not run on {self.target.title} as it is: {errors} rule(s) broken"
        cores, chips = self.resources.cores, self.resources.chips
        place = "" if cores is None else f" on {number(cores)} core(s) of {number(chips)} chip(s)"
        told = f", with {warnings} warning(s)" if warnings else ""
        return f"within the limits of {self.target.title}{place} as {self.network.form}{told}"

    @property
    def frame_times(self) -> list[float] | None:
        """Microseconds from the arrival of each frame to the next, on the compiler's cut."""
        if self.times is None:
            return None
        return frame_times(self.times, self.network.steps_per_frame, self.mapped.steps).tolist()

    def to_json(self) -> dict[str, Any]:
        """JSON-compatible: title, verdict, findings, every figure, provenance."""
        return {
            "title": self.title,
            "target": self.target.name,
            "size": list(self.mapped.size),
            "steps": self.mapped.steps,
            "fire_once": self.mapped.fire_once,
            "verdict": self.verdict,
            "form": self.network.form,
            "cores": self.resources.cores,
            "layer_cores": self.resources.layer_cores,
            "chips": self.resources.chips,
            "step_time_us": self.frame_times,
            "chip_steps": None if self.times is None else _steps_json(self.times),
            "spread": None if self.spread is None else _spread_json(self.spread),
            "findings": [finding.to_json() for finding in self.findings],
            "figures": {key: figure.to_json() for key, figure in self.figures.items()},
            "further": [table.to_json() for table in self.further],
            "energy_uj": None if self.energy is None else _energy_json(self.energy),
            "energy_scope": self.energy.scope if self.energy else None,
            "provenance": dict(self.provenance),
        }

    def __str__(self) -> str:

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
    """Rules broken, warned of and for information; resources, ranges; time, activity and energy of a run; the rest."""
    for severity, title in SEVERITY_TITLES.items():
        found = [finding for finding in report.findings if finding.severity == severity]
        if found:
            yield _findings(found, f"{title} ({report.target.title})")
    yield _resources(report)
    yield _filling(report)
    yield _ranges(report)
    times = times_table(report)
    if times:
        yield times
    if report.activity:
        yield _activity(report)
    yield from report.further


def _findings(found: Sequence[Finding], title: str) -> Table:
    rows = [(f.rule, f.layer, f.value, f.limit, f.unit, f.message, f.remedy) for f in found]
    return Table(title, ("rule", "layer", "value", "limit", "unit", "what it is", "remedy"), rows)


def _resources(report: Report) -> Table:
    quantities = ("neurons", "placed_neurons", "synapses", "kernel_bytes", "cores")
    rows = [[x.name, "x".join(map(str, x.output_shape)), *_cells(report, x.name, quantities)] for x in _layers(report)]
    totals = _cells(report, "network", ("all_neurons", "placed_neurons"))
    rows.append(["all layers", "", *totals, None, None, *_cells(report, "network", ("cores",))])
    columns = ("layer", "outputs CxHxW", "neurons", "on the chip", "synapses", "kernel bytes", "cores")
    height, width = report.mapped.size
    chips = f"{number(report.resources.chips)} chip(s) of {report.target.mapped_cores.value} cores"
    title = f"Resources at {height} x {width} pixels on {report.target.title}: {chips}"
    return Table(title, columns, rows, reconciled(report))


def reconciled(report: Report) -> str:
    """In words, why the totals of neurons differ."""
    found = report.resources
    model = found.neurons + found.pool_neurons
    parts = f"{number(found.neurons)} neurons in convolutions and {number(found.pool_neurons)} in pools"
    if found.placed_neurons == model:
        return f"{parts} are {number(model)}, each of them one neuron on the chip."
    return (
        f"{parts} are {number(model)} of the model; the chip holds {number(found.placed_neurons)}, as it is placed as "
        f"{report.network.form}."
    )


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


def times_table(report: Report) -> Table | None:
    """What every group's busiest core needs a step, before and after the busiest are spread; None without a run."""
    times = report.times
    if times is None:
        return None
    after = {load.group.name: load for load in report.spread.loads} if report.spread else {}
    speeds = speeds_of(report.target)
    rows = []
    for load in times.loads:
        name, later = load.group.name, after.get(load.group.name, load)
        limiting = 100 * sum(limit.endswith(f" of {name}") for limit in times.limits) / max(1, len(times.limits))
        busiest = [float(x.microseconds(speeds).max(initial=0)) for x in (load, later)]
        most = int(load.operations.max(initial=0))
        rows.append([name, load.tiling.cores, most, load.neurons, busiest[0], limiting, later.tiling.cores, busiest[1]])
    last = report.spread or times
    rows.append(["mean step", times.cores, None, None, times.mean, None, last.cores, last.mean])
    columns = (
        "group", "cores", "most operations of a core", "neurons of a core", "longest step (µs)", "% of steps it limits",
        "cores, spread", "longest step, spread (µs)",
    )  # fmt: skip
    note = (
        f"A step waits for its busiest core: {speeds.operation_ns.value:g} ns a synaptic operation or "
        f"{speeds.update_ns.value:g} ns a neuron, at least {speeds.barrier_ns.value:g} ns, without host and input. "
        "Spread: the busiest groups cut finer on the cores that are left."
    )
    return Table(f"Time of {len(times.limits)} chip steps", columns, rows, note)


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
    scope = ""
    if report.energy:
        idle = "unknown" if report.energy.static is None else f"{number(report.energy.static)} µJ"
        whose = "Operations, updates and spikes are the layer's own, energy is that of all its neurons on the chip. "
        scope = f"{whose if report.network.stock else ''}Idle power over the run: {idle}. {report.energy.scope}"
    return Table(f"One sample of {report.mapped.steps} steps; energy is an estimate", columns, rows, scope)


def _steps_json(times: StepTimes) -> dict[str, Any]:
    return {"microseconds": times.microseconds.tolist(), "limits": list(times.limits), "mean": times.mean}


def _spread_json(times: StepTimes) -> dict[str, Any]:
    cores: dict[str, int] = {}
    for load in times.loads:
        cores[load.group.layer] = cores.get(load.group.layer, 0) + load.tiling.cores
    return {"cores": times.cores, "layer_cores": cores, "mean_step_us": times.mean}


def _energy_json(energy: EnergyEstimate) -> dict[str, Any]:
    return {"dynamic_low": energy.total.low, "dynamic_high": energy.total.high, "static": energy.static}


def _layers(report: Report) -> Sequence[Any]:
    return report.resources.layers


def _cells(report: Report, name: str, quantities: Sequence[str]) -> list[Any]:
    keys = [f"{name}.{quantity}" for quantity in quantities]
    return [report.figures[key].value if key in report.figures else None for key in keys]
