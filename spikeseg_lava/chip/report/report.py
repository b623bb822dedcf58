"""Everything there is to say about a model on a chip, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.report.activity import Activity, activity
from spikeseg_lava.chip.report.energy import EnergyEstimate, estimate_energy
from spikeseg_lava.chip.report.figures import all_figures
from spikeseg_lava.chip.report.resources import Resources, resources
from spikeseg_lava.chip.report.table import Figure, Table
from spikeseg_lava.chip.rules.check import broken_rules, examine
from spikeseg_lava.chip.rules.finding import Finding
from spikeseg_lava.chip.rules.subject import Subject
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True, eq=False)
class Report:
    """A model on a chip: what it breaks, takes, does and costs.

    Attributes:
        title: of the page.
        subject: the model at one frame size on one target, with its ranges.
        findings: broken design rules, errors first.
        activity, energy: of the run in `record`; None where none was given.
        further: tables to show as well, such as `savings_table` or `stock_table`.
    """

    title: str
    subject: Subject
    findings: tuple[Finding, ...]
    resources: Resources
    record: SpikeRecord | None = None
    activity: Activity | None = None
    energy: EnergyEstimate | None = None
    further: tuple[Table, ...] = ()

    @property
    def target(self) -> Target:
        return self.subject.target

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.subject.model.provenance

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Every number by its key, each with unit, formula and source."""
        return {
            figure.key: figure
            for figure in all_figures(self.subject, self.resources, self.activity, self.energy, self.findings)
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
            "size": list(self.subject.size),
            "steps": self.subject.steps,
            "fire_once": self.subject.fire_once,
            "verdict": self.verdict,
            "findings": [finding.to_json() for finding in self.findings],
            "figures": {key: figure.to_json() for key, figure in self.figures.items()},
            "further": [table.to_json() for table in self.further],
            "energy_scope": self.energy.scope if self.energy else None,
            "provenance": dict(self.provenance),
        }

    def __str__(self) -> str:
        from spikeseg_lava.chip.report.text import render_text

        return render_text(self)


def build_report(
    model: FixedPointModel,
    target: str | Target | None = None,
    size: Pair | None = None,
    *,
    frames: NDArray[Any] | None = None,
    record: SpikeRecord | None = None,
    fire_once: bool | None = None,
    title: str = "Spiking network on a chip",
    further: Iterable[Table] = (),
) -> Report:
    """Check a model against a chip and count what it takes; with a run of it, also what it does and costs.

    Args:
        target: name of a chip or a Target; default: the one the model was quantised for.
        size: (height, width) of the frames; default: that of `frames`, else the model's.
        frames: the clip Float[T, C, H, W] of the run.
        record: of `run(model, frames)`; without one, the report holds no activity and no energy.
        fire_once: default: as the record says, else True.
        further: tables to show as well, see `spikeseg_lava.chip.report.alternatives`.

    Raises:
        ArgumentError: an unknown target, or no frame size known.
        RecordError: a record that lacks a layer of the model.
    """
    if fire_once is None:
        fire_once = bool(record.meta.get("fire_once", True)) if record else True
    options: dict[str, Any] = {"fire_once": fire_once, "frames": frames, "record": record}
    if record and "steps" in record.meta:
        options["steps"] = int(record.meta["steps"])
    subject = examine(model, target, size, **options)
    findings = broken_rules(subject)
    taken = resources(model, subject.target, subject.size)
    done = activity(model, record, frames, subject.size) if record else None
    energy = estimate_energy(done, subject.target) if done else None
    return Report(title, subject, tuple(findings), taken, record, done, energy, tuple(further))
