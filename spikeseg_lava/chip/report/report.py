"""A report: everything there is to say about a model on a chip, put together, as figures and as text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.costs import EnergyEstimate, estimate_energy
from spikeseg_lava.chip.groups import ChipNetwork
from spikeseg_lava.chip.report.activity import Activity, activity, input_events
from spikeseg_lava.chip.report.figures import all_figures
from spikeseg_lava.chip.report.resources import Resources, resources
from spikeseg_lava.chip.report.table import Figure, Table, number
from spikeseg_lava.chip.report.tables import render_text, tables
from spikeseg_lava.chip.rules.check import broken_rules, examine
from spikeseg_lava.chip.rules.finding import Finding, MappedModel
from spikeseg_lava.chip.step_time import StepTimes, frame_times, network_times, spread
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, html_table, short


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

    @property
    def figures(self) -> dict[str, Figure]:
        """Every number by its key, each with unit, formula and source."""
        return self._figures

    @cached_property
    def _figures(self) -> dict[str, Figure]:
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


def compose_report(
    model: FixedPointModel,
    target: str | Target | None = None,
    size: Pair | None = None,
    *,
    frames: NDArray[Any] | None = None,
    record: SpikeRecord | None = None,
    fire_once: bool | None = None,
    title: str = "Spiking network on a chip",
    further: Iterable[Table] = (),
    network: ChipNetwork | None = None,
) -> Report:
    """Check a model against a chip and count what it takes; with a run of it, also what it does and costs.

    Args:
        target: name of a chip or a Target; default: the one the model was quantized for.
        size: (height, width) of the frames; default: that of `frames`, else the model's.
        frames: the clip Float[T, C, H, W] of the run.
        record: of `run(model, frames)`; without one, the report holds no activity and no energy.
        fire_once: default: as the record says, else True.
        further: tables to show as well, such as `savings_table` or `stock_table`.
        network: the form in which the model is placed, and what it did on the clip; default: one neuron for each of the
            model, which takes a neuron of your own (microcode) wherever stock neurons do not suffice.

    Raises:
        ArgumentError: an unknown target, or no frame size known.
        RecordError: a record that lacks a layer of the model.
    """
    if fire_once is None:
        fire_once = bool(record.meta.get("fire_once", True)) if record else True
    options: dict[str, Any] = {"fire_once": fire_once, "frames": frames, "record": record}
    if record and "steps" in record.meta:
        options["steps"] = int(record.meta["steps"])
    mapped = examine(model, target, size, network=network, **options)
    taken = resources(model, mapped.target, mapped.size, mapped.network)
    done = activity(model, record, frames, mapped.size) if record else None
    ran = mapped.network
    if ran.spikes is None and record is not None and frames is not None:
        spikes = {**record.spikes, "input": input_events(model, frames)}
        ran = replace(ran, spikes=spikes, steps=len(frames))
        mapped = replace(mapped, network=ran)
    times = network_times(ran, mapped.placed, mapped.target)
    found = Report(title, mapped, tuple(broken_rules(mapped)), taken, record, done, further=tuple(further))
    if times is None:
        return found
    chips = taken.chips or 1
    energy = estimate_energy(times, ran.spikes or {}, mapped.target, chips)
    return replace(found, times=times, energy=energy, spread=spread(times, ran, mapped.target, chips))


def _steps_json(times: StepTimes) -> dict[str, Any]:
    return {"microseconds": times.microseconds.tolist(), "limits": list(times.limits), "mean": times.mean}


def _spread_json(times: StepTimes) -> dict[str, Any]:
    cores: dict[str, int] = {}
    for load in times.loads:
        cores[load.group.layer] = cores.get(load.group.layer, 0) + load.tiling.cores
    return {"cores": times.cores, "layer_cores": cores, "mean_step_us": times.mean}


def _energy_json(energy: EnergyEstimate) -> dict[str, Any]:
    return {"dynamic_low": energy.total.low, "dynamic_high": energy.total.high, "static": energy.static}
