"""A report as text and tables: rules, resources, ranges, time, activity and energy, and what is handed in further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

from spikeseg_lava.chip.costs import EnergyEstimate
from spikeseg_lava.chip.groups import ChipNetwork
from spikeseg_lava.chip.report.activity import Activity
from spikeseg_lava.chip.report.resources import Resources
from spikeseg_lava.chip.report.table import Figure, Table, number
from spikeseg_lava.chip.rules.finding import Finding, MappedModel, Severity
from spikeseg_lava.chip.step_time import StepTimes, speeds_of
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import ArgumentError

SEVERITY_TITLES: Mapping[Severity, str] = {
    "error": "Design rules that are broken",
    "warning": "Warnings of the design rules",
    "info": "For information: what the design rules note",
}


class ReportFacts(Protocol):
    """What of a `Report` its tables read."""

    @property
    def title(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def network(self) -> ChipNetwork: ...
    @property
    def mapped(self) -> MappedModel: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def activity(self) -> Activity | None: ...
    @property
    def energy(self) -> EnergyEstimate | None: ...
    @property
    def times(self) -> StepTimes | None: ...
    @property
    def spread(self) -> StepTimes | None: ...
    @property
    def further(self) -> tuple[Table, ...]: ...
    @property
    def figures(self) -> Mapping[str, Figure]: ...


def explain_figure(report: ReportFacts, key: str) -> Figure:
    """The figure of that key, such as `conv2.synapses`; ArgumentError names near ones."""
    if key not in report.figures:
        near = get_close_matches(key, report.figures, n=3) or list(report.figures)[:3]
        raise ArgumentError(f"`key` must be a figure of the report such as {', '.join(near)}, got {key!r}")
    return report.figures[key]


def explanation(figure: Figure) -> str:
    """`key = value unit: formula [source]`, on one line."""
    return f"{figure.key} = {figure.text}: {figure.formula} [{figure.source}]"


def render_text(report: ReportFacts, explain: bool = False) -> str:
    """The whole report; with `explain` every number's formula and source after it."""
    parts = [report.title, report.verdict, *map(str, tables(report))]
    if explain:
        parts.append("\n".join(explanation(figure) for figure in report.figures.values()))
    return "\n\n".join(parts) + "\n"


def tables(report: ReportFacts) -> Iterator[Table]:
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


def _resources(report: ReportFacts) -> Table:
    quantities = ("neurons", "placed_neurons", "synapses", "kernel_bytes", "cores")
    rows = [[x.name, "x".join(map(str, x.output_shape)), *_cells(report, x.name, quantities)] for x in _layers(report)]
    totals = _cells(report, "network", ("all_neurons", "placed_neurons"))
    rows.append(["all layers", "", *totals, None, None, *_cells(report, "network", ("cores",))])
    columns = ("layer", "outputs CxHxW", "neurons", "on the chip", "synapses", "kernel bytes", "cores")
    height, width = report.mapped.size
    chips = f"{number(report.resources.chips)} chip(s) of {report.target.mapped_cores.value} cores"
    title = f"Resources at {height} x {width} pixels on {report.target.title}: {chips}"
    return Table(title, columns, rows, reconciled(report))


def reconciled(report: ReportFacts) -> str:
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


def _filling(report: ReportFacts) -> Table:
    quantities = ("core_neurons", "core_synapse_bytes", "core_axons_in", "chip_share")
    rows = [[x.name, *_cells(report, x.name, quantities)] for x in _layers(report)]
    return Table("How full the fullest core is, in %", ("layer", "neurons", "weights", "axons in", "% of chip"), rows)


def _ranges(report: ReportFacts) -> Table:
    biased = any(layer.neuron.bias.any() for layer in report.mapped.model.convolutions)
    added = ("bias_low", "bias_high") if biased else ()
    quantities = (
        "threshold", "leak", *added, "drive_low", "drive_high", "drive_seen", "membrane_low", "membrane_high",
    )  # fmt: skip
    rows = [[name, *_cells(report, name, quantities)] for name in report.mapped.ranges]
    columns = ("layer", *(quantity.replace("_", " ") for quantity in quantities))
    title = f"Worst cases in membrane units; the state word holds +-{report.target.state_max:,}"
    return Table(title, columns, rows)


def times_table(report: ReportFacts) -> Table | None:
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


def _activity(report: ReportFacts) -> Table:
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


def _layers(report: ReportFacts) -> Sequence[Any]:
    return report.resources.layers


def _cells(report: ReportFacts, name: str, quantities: Sequence[str]) -> list[Any]:
    keys = [f"{name}.{quantity}" for quantity in quantities]
    return [report.figures[key].value if key in report.figures else None for key in keys]
