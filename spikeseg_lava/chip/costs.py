"""What events cost on a chip in energy: every constant with its source and how far it can be trusted.

No energies of Loihi 2 are published. Those of Loihi 1 (Davies et al. 2018, Table 2) times one factor, calibrated on the
dynamic energy of one published run of Loihi 2, stand in for them; the constants that SANA-FE fitted to Loihi 1 boards
are the upper end. One equation calibrates and proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spikeseg_lava.chip.groups import Rows
from spikeseg_lava.chip.step_time import StepTimes
from spikeseg_lava.chip.targets import Fact, Target

_TABLE = "Davies et al. 2018, Loihi, IEEE Micro 38(1), Table 2 (pre-silicon, 0.75 V)"
_SANA = "SANA-FE loihi.yaml, fitted to Loihi 1 boards (doi 10.1109/TCAD.2025.3537971)"
_RUN = "lava-dl pilotnet_snn/benchmark.ipynb, Intel's run of PilotNet on one chip"


@dataclass(frozen=True)
class EnergyRange:
    """Energy in microjoule, from low to high."""

    low: float
    high: float


@dataclass(frozen=True)
class EventCost:
    """Energy of one event in picojoule: `low` before calibration, `high` as an upper end."""

    low: Fact[float]
    high: Fact[float]


@dataclass(frozen=True)
class Costs:
    """Energy of events on one chip.

    Attributes:
        operation, update, spike: energy of one event.
        calibration: factor on the low energies; 1 where nothing was measured.
        static_watts: of one chip that does nothing; None where unknown.
    """

    operation: EventCost
    update: EventCost
    spike: EventCost
    calibration: Fact[float]
    static_watts: Fact[float] | None

    def dynamic(self, operations: float, updates: float, spikes: float) -> EnergyRange:
        """Energy of so many events."""
        events = ((operations, self.operation), (updates, self.update), (spikes, self.spike))
        low = self.calibration.value * sum(count * cost.low.value for count, cost in events)
        return EnergyRange(low / 1e6, sum(count * cost.high.value for count, cost in events) / 1e6)


_OPERATION = EventCost(Fact(23.6, "pJ", f"{_TABLE}: at least"), Fact(35.5, "pJ", f"{_SANA}: dense", "fitted"))
_UPDATE = EventCost(Fact(52.0, "pJ", f"{_TABLE}: inactive"), Fact(72.8, "pJ", f"{_SANA}: 51.2 + 21.6", "fitted"))
_SPIKE = EventCost(Fact(1.7, "pJ", f"{_TABLE}: within a tile"), Fact(69.3, "pJ", _SANA, "fitted"))

LOIHI1 = Costs(
    operation=_OPERATION,
    update=_UPDATE,
    spike=_SPIKE,
    calibration=Fact(1.0, "", f"{_TABLE}: taken as they are"),
    static_watts=None,
)
LOIHI2 = Costs(
    operation=_OPERATION,
    update=_UPDATE,
    spike=_SPIKE,
    calibration=Fact(
        0.871, "", f"{_RUN}: 68.3 uJ a step; 2.972 M operations, 158,509 updates, 34,600 spikes", "fitted"
    ),
    static_watts=Fact(0.232, "W", f"{_RUN}: 0.232078 W static", "measured"),
)


def costs_of(target: Target) -> Costs:
    """The costs of a chip; a target made by hand counts as Loihi 2 unless it is called loihi1."""
    return LOIHI1 if target.name == "loihi1" else LOIHI2


@dataclass(frozen=True, eq=False)
class EnergyEstimate:
    """Estimated energy of one sample.

    Attributes:
        events: synaptic operations, neuron updates and spikes of every layer.
        layers: dynamic energy of every layer; `total`: of all.
        static: microjoule of the chips' idle power over the time of the run, apart from the rest; None where unknown.
        scope: what it covers and what it is not.
    """

    events: Mapping[str, tuple[int, int, int]]
    layers: Mapping[str, EnergyRange]
    total: EnergyRange
    static: float | None
    scope: str


def estimate_energy(times: StepTimes, spikes: Mapping[str, Rows], target: Target, chips: int) -> EnergyEstimate:
    """Energy of a run from what its cores did: events times constants, and idle power times time."""
    costs, steps = costs_of(target), len(times.microseconds)
    events: dict[str, tuple[int, int, int]] = {}
    for load in times.loads:
        before = events.get(load.group.layer, (0, 0, 0))
        counted = (int(load.total.sum()), load.group.neurons * steps, len(spikes.get(load.group.name, ())))
        events[load.group.layer] = (before[0] + counted[0], before[1] + counted[1], before[2] + counted[2])
    layers = {name: costs.dynamic(*counted) for name, counted in events.items()}
    total = EnergyRange(sum(e.low for e in layers.values()), sum(e.high for e in layers.values()))
    idle = None if costs.static_watts is None else costs.static_watts.value * chips * float(times.microseconds.sum())
    return EnergyEstimate(events, layers, total, idle, _scope(target, costs))


def _scope(target: Target, costs: Costs) -> str:
    borrowed = ""
    if costs.calibration.value != 1:
        borrowed = (
            f" No constants of {target.title} are published: the low end is Loihi 1's times "
            f"{costs.calibration.value:g}, calibrated on one published run (68.3 µJ a step of PilotNet); the high end "
            "is Loihi 1 as SANA-FE fitted it."
        )
    return (
        "Estimate, not a measurement: events counted on the clip times energies per event, of neuron cores and spikes. "
        f"Idle power is shown apart; input, output and host are left out.{borrowed}"
    )
