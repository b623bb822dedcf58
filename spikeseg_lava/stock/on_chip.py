"""The form in which a model is placed on a chip: as it is where stock neurons suffice, else lowered to stock parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.groups import ChipNetwork, NeuronGroup, Sharing, SynapseGroup, as_given
from spikeseg_lava.chip.report.report import Report, compose_report
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.errors import ArgumentError, QuantizationError
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.circuit import floor_is_idle
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import PointSynapse, Synapse
from spikeseg_lava.stock.simulate import run_populations

Neurons = Literal["auto", "stock", "own"]
NEURONS: tuple[Neurons, ...] = ("auto", "stock", "own")


def chip_form(
    model: FixedPointModel,
    frames: NDArray[Any] | None = None,
    *,
    fire_once: bool = True,
    size: Pair | None = None,
    neurons: Neurons = "auto",
) -> ChipNetwork:
    """The form in which a model runs on a chip with Lava's own neurons, and what it does there on a clip.

    Args:
        frames: a clip Float[T, C, H, W]: it is lowered for, and run on.
        neurons: "stock" lowers the model; "own" takes one neuron of your own (microcode) for each of the model; "auto"
            lowers it where a floor acts, neurons fire once, or channels differ, and can be lowered.

    Raises:
        ArgumentError: an unknown `neurons`, or no frame size known.
        QuantizationError: `neurons="stock"`, and a layer cannot be written in stock parts.
    """
    if neurons not in NEURONS:
        raise ArgumentError(f"`neurons` must be one of {', '.join(NEURONS)}, got {neurons!r}")
    given = as_given(model, size if frames is None else (frames.shape[2], frames.shape[3]))
    if neurons == "own" or (neurons == "auto" and runs_as_given(model, fire_once)):
        return given
    try:
        return lowered_form(lower(model, "stock", frames, fire_once=fire_once, size=size), frames)
    except QuantizationError as problem:
        if neurons == "stock":
            raise
        return _own(given, str(problem))


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
    neurons: Neurons = "auto",
) -> Report:
    """What would run on a chip: rules, resources and, with a clip, time, activity and energy of the form placed there.

    A model whose neurons no stock neuron is (floor, fire-once) is lowered to stock parts first, for the clip where one
    is given; `simplify` it before to take fewer cores.

    Args:
        target: name of a chip or a Target; default: the one the model was quantized for. Only Loihi 2 is lowered for.
        size: (height, width) of the frames; default: that of `frames`, else the model's.
        frames: a clip Float[T, C, H, W].
        record: of `run(model, frames)`; without one, the report holds no activity of the layers.
        fire_once: default: as the record says, else True.
        further: tables to show as well, such as `savings_table` or `stock_table`.
        neurons: as in `chip_form`.

    Raises:
        ArgumentError: an unknown target, or no frame size known.
        RecordError: a record that lacks a layer of the model.
    """
    if fire_once is None:
        fire_once = bool(record.meta.get("fire_once", True)) if record else True
    chip = target if isinstance(target, Target) else get_target(target or model.target)
    kind: Neurons = neurons if chip.name == "loihi2" else "own"
    network = chip_form(model, frames, fire_once=fire_once, size=size, neurons=kind)
    return compose_report(
        model, chip, size, frames=frames, record=record, fire_once=fire_once, title=title, further=further,
        network=network,
    )  # fmt: skip


def runs_as_given(model: FixedPointModel, fire_once: bool) -> bool:
    """True where a stock LIF for every neuron does what the model says: no floor that acts, no latch, one threshold."""
    return not fire_once and all(floor_is_idle(conv) and _alike(conv.neuron) for conv in model.convolutions)


def lowered_form(network: StockNetwork, frames: NDArray[Any] | None = None) -> ChipNetwork:
    """Populations and synapses of a stock network as groups on cores, with their spikes on a clip."""
    shapes: dict[str, Shape] = {part.name: part.shape for part in (*network.sources, *network.populations)}
    groups = tuple(
        NeuronGroup(
            population.name, population.shape,
            tuple(_synapses(s, shapes) for s in network.synapses if s.target == population.name), population.layer,
        )
        for population in network.populations
    )  # fmt: skip
    return ChipNetwork(
        groups, _words(network), stock=True, exact=network.exact, steps_per_frame=network.steps_per_frame,
        latency=network.latency, spikes=None if frames is None else run_populations(network, frames),
        steps=0 if frames is None else network.chip_steps(len(frames)),
    )  # fmt: skip


def _synapses(synapse: Synapse, shapes: dict[str, Shape]) -> SynapseGroup:
    if isinstance(synapse, PointSynapse):
        return SynapseGroup(synapse.source, shapes[synapse.source], (1, 1), sharing="point")
    sharing: Sharing = "kernel" if synapse.groups == 1 else "diagonal"
    window = (synapse.weight.shape[2], synapse.weight.shape[3])
    shape = shapes[synapse.source]
    return SynapseGroup(synapse.source, shape, window, synapse.stride, synapse.padding, sharing=sharing)


def _words(network: StockNetwork) -> str:
    """How every layer is made, and whether that is exact."""
    made = []
    for name, plan in network.plans.items():
        depth = f" of {plan.depth}" if plan.gadget == "windows" else ""
        made.append(f"{name} {plan.gadget}{depth}")
    exact = "exact" if network.exact else "close to the model, not exact"
    return f"stock parts ({', '.join(made)}{'; fire-once latches' if network.fire_once else ''}; {exact})"


def _own(given: ChipNetwork, problem: str) -> ChipNetwork:
    form = f"neurons of your own (microcode), as stock parts cannot make it: {problem}"
    return ChipNetwork(given.groups, form)


def _alike(neuron: Any) -> bool:
    return not any(np.ptp(values) for values in (neuron.threshold, neuron.decay))


def report_network(model: FixedPointModel, network: StockNetwork, frames: NDArray[Any]) -> Report:
    """The report of a network that is lowered already, on the clip it runs on."""
    form = lowered_form(network, frames)
    return compose_report(model, "loihi2", frames=frames, fire_once=network.fire_once, network=form)
