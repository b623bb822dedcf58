"""An estimate of the energy of one sample: counted events times published constants. Nobody measured it.

    E = operations * e_operation + updates * e_update + spikes * e_spike       each e from low to high

Only what neuron cores and spikes cost: no idle power, no input or output, no host. No constants of Loihi 2 are
published; those of Loihi 1 (14 nm) stand in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spikeseg_lava.chip.report.activity import Activity, LayerActivity
from spikeseg_lava.chip.targets import Target


@dataclass(frozen=True)
class Cost:
    """Energy of one event in picojoule, from `low` to `high`, and where both were read."""

    low: float
    high: float
    source: str


_DAVIES = "Davies et al. 2018, Loihi, IEEE Micro 38(1), table 1 (at 0.75 V)"
_SANA = "SANA-FE arch/loihi.yaml"

COSTS: Mapping[str, Cost] = {
    "operation": Cost(23.6, 35.5, f"low: {_DAVIES}, at least; high: {_SANA}"),
    "update": Cost(52.0, 81.0, f"{_DAVIES}: neuron inactive, active"),
    "spike": Cost(1.7, 69.3, f"low: {_DAVIES}, within a tile; high: {_SANA}, a spike sent"),
}


@dataclass(frozen=True)
class EnergyRange:
    """Energy in microjoule, from low to high."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class EnergyEstimate:
    """Estimated energy of one sample, of each layer and of all; `scope` says what it covers and what it is not."""

    layers: Mapping[str, EnergyRange]
    total: EnergyRange
    scope: str


def estimate_energy(activity: Activity, target: Target) -> EnergyEstimate | None:
    """The estimate; None where the operations of a layer are unknown (no frames were given)."""
    if activity.operations is None:
        return None
    layers = {layer.name: _layer(layer) for layer in activity.layers}
    total = EnergyRange(sum(e.low for e in layers.values()), sum(e.high for e in layers.values()))
    return EnergyEstimate(layers, total, _scope(target))


def _layer(layer: LayerActivity) -> EnergyRange:
    events = {"operation": layer.operations or 0, "update": layer.updates, "spike": layer.spikes}
    low, high = (sum(n * getattr(COSTS[e], end) for e, n in events.items()) / 1e6 for end in ("low", "high"))
    return EnergyRange(low, high)


def _scope(target: Target) -> str:
    borrowed = "" if target.name == "loihi1" else f" No constants of {target.title} are published: these are Loihi 1's."
    return (
        "Estimate, not a measurement: events counted on the clip times published energies per event. Neuron cores and "
        f"spikes only; no idle power, no input or output, no host.{borrowed}"
    )
