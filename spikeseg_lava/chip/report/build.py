"""Put a report together: check the rules, count the resources and, with a run, the activity and its energy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.chip.costs import estimate_energy
from spikeseg_lava.chip.groups import ChipNetwork
from spikeseg_lava.chip.report.activity import activity, input_events
from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.resources import resources
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.rules.check import broken_rules, examine
from spikeseg_lava.chip.step_time import network_times, spread
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


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
