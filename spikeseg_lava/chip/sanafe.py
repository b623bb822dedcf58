"""The network as SANA-FE reads it: an independent simulator of neuromorphic chips runs it as a second judge.

SANA-FE (GPL-3, `pip install sanafe`) is a tool that stands beside this package and is never imported by it. Its stock
soma is the contract's neuron when everything is written in 64ths of the integer membrane, as it truncates there::

    V = trunc(64 V decay) / 64 + bias + input ;  fires where V > threshold, then V = 0 ;  V = max(V, 0) by saturation

threshold = (Theta - 1) / 64, bias = (B - L) / 64, decay = (4096 - D) / 4096, the floor by `reverse_threshold: 0`,
fire-once by a refractory delay longer than the run. Graded input comes in bit planes: one input neuron for every bit of
a payload that is ever set. Spikes arrive a step later, so a layer answers as many steps late as layers stand before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.costs import costs_of
from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.sanafe_files import (
    CORES_A_TILE,
    NEURONS_A_CORE,
    bit_planes,
    border_of,
    edge_lines,
    group_lines,
    mapping_lines,
    network_lines,
    stored_layers,
)
from spikeseg_lava.chip.step_time import speeds_of
from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

ARCHITECTURE, NETWORK = "architecture.yaml", "network.yaml"


def write_sanafe(
    model: FixedPointModel,
    folder: str | Path,
    frames: NDArray[Any] | None = None,
    *,
    fire_once: bool = True,
    size: Pair | None = None,
    target: str | Target | None = None,
) -> tuple[Path, Path]:
    """Write `architecture.yaml` and `network.yaml` for SANA-FE; returns their paths.

    Simplify the model first: every synapse becomes a connection there. The architecture has the constants of time and
    energy of this package's report, so that both can be set side by side.

    Args:
        folder: is made if it does not exist.
        frames: a clip Float[T, C, H, W] that its input neurons send; default: silence.
        fire_once: neurons fire at most once in a run.
        size: (height, width) of the frames; default: that of `frames`, else the model's.
        target: name of a chip or a Target whose cores are used; default: the model's.

    Raises:
        ArgumentError: no frame size known, a model with a reset interval, or neurons that move without input.
        ArgumentTypeError: no FixedPointModel.
    """
    if not isinstance(model, FixedPointModel):
        raise ArgumentTypeError(f"`model` must be a FixedPointModel, got {type(model).__name__}: `quantize` makes one")
    if model.reset_interval is not None:
        raise ArgumentError("`model` clears its state every few steps (`reset_interval`), which SANA-FE cannot say")
    for conv in model.convolutions:
        if (conv.neuron.pull < 0).any() or (conv.neuron.pull.any() and not conv.neuron.floor):
            raise ArgumentError(
                f"`{conv.name}` moves without input (a bias, or a leak without a floor): in SANA-FE it would move "
                "before its input arrives, a step later for every layer"
            )
    size = size or (model.input_size if frames is None else (frames.shape[2], frames.shape[3]))
    if size is None:
        raise ArgumentError("`size` is needed: neither the model nor `frames` say how large the frames are")
    chip = small_cores(target if isinstance(target, Target) else get_target(target or model.target))
    payloads = np.zeros((0, model.input_channels, *size), np.int32) if frames is None else model.input.encode(frames)
    inputs = bit_planes(payloads)
    delay = len(payloads) + len(model.layers) + 1 if fire_once else 0
    lines, mappings, first_core = [], [], -(-len(inputs) // NEURONS_A_CORE)
    for stored, layer, below, tiling in stored_layers(model, size, chip):
        lines.append((group_lines(stored, layer, delay), list(edge_lines(stored, layer, below, inputs))))
        mappings += mapping_lines(stored, tiling, first_core)
        first_core += tiling.cores + len(border_of(stored))
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / ARCHITECTURE, _architecture(chip, first_core, len(inputs)))
    _write(out / NETWORK, network_lines(lines, inputs, payloads, mappings))
    return out / ARCHITECTURE, out / NETWORK


def read_sanafe_result(path: str | Path) -> dict[str, Any]:
    """SANA-FE's result, as `json.dump` writes what `chip.sim` returns; ArgumentError for another file."""
    try:
        found = json.loads(Path(path).read_text())
        _ = [float(found["energy"]["total"]), *(float(found[key]) for key in ("sim_time", "spikes", "neurons_fired"))]
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise ArgumentError(
            f"`{path}` is no result of SANA-FE (JSON with `energy`, `sim_time`, `spikes` and `neurons_fired`): "
            f"{type(problem).__name__} {problem}"
        ) from problem
    return found


def sanafe_table(result: Mapping[str, Any], report: Report) -> Table:
    """SANA-FE's result (of `chip.sim`) beside a report of the same run on `small_cores`, for its `further` tables."""
    times, energy = report.times, report.energy
    ours = None if energy is None else energy.total.low
    spent = None if times is None else float(times.microseconds.sum())
    done = report.activity
    rows = [
        ["dynamic energy (µJ)", ours, result["energy"]["total"] * 1e6],
        ["time of all steps (µs)", spent, result["sim_time"] * 1e6],
        ["synaptic operations", None if done is None else done.operations, result["spikes"]],
        ["spikes", None if done is None else done.spikes, result["neurons_fired"]],
    ]
    note = (
        "SANA-FE counts the spikes of input neurons too, one operation for every bit of a graded payload, and one for "
        "all planes of a weight; both use the same constants."
    )
    return Table("Beside SANA-FE, an independent simulator", ("quantity", "this report", "SANA-FE"), rows, note)


def small_cores(chip: Target) -> Target:
    """The chip with the 1024 neurons a core that SANA-FE holds: report on this one to compare times."""
    held = min(NEURONS_A_CORE, chip.neurons_per_core.value)
    return replace(chip, neurons_per_core=replace(chip.neurons_per_core, value=held))


def sanafe_record(
    model: FixedPointModel, trace: Sequence[Iterable[Any]], steps: int, size: Pair | None = None
) -> SpikeRecord:
    """A record of `steps` frames from the spike trace of a run, each layer moved back by the steps it is late.

    Args:
        trace: for every time step the neurons that fired, each of which prints as "group.number", as SANA-FE's
            `chip.sim(..., spike_trace=True)["spike_trace"]` holds them.
    """
    size = size or model.input_size or (0, 0)
    stored = {item.name: item for item, *_ in stored_layers(model, size, small_cores(get_target(model.target)))}
    late = {layer.name: 1 + k for k, layer in enumerate(model.layers)}
    rows: dict[str, list[tuple[int, int]]] = {name: [] for name in stored}
    for step, fired in enumerate(trace):
        for neuron in fired:
            name, _, number = str(neuron).rpartition(".")
            if name in rows:
                rows[name].append((step - late[name], int(number)))
    spikes = {}
    for name, found in rows.items():
        at, index = np.array(found, np.int64).reshape(-1, 2).T
        kept = (at >= 0) & (at < steps)
        spikes[name] = rows_in_order(np.stack([at[kept], *stored[name].place(index[kept])], axis=1).astype(np.int32))
    return SpikeRecord(spikes, {}, {"backend": "sanafe", "steps": steps})


def _architecture(chip: Target, cores: int, inputs: int) -> Iterator[str]:
    """A mesh of cores with the times and low energies of the report; the network between cores costs nothing."""
    costs, speeds = costs_of(chip), speeds_of(chip)
    scale = costs.calibration.value * 1e-12
    tiles, units = -(-cores // CORES_A_TILE), max(1, min(inputs, NEURONS_A_CORE))
    nothing = "energy_access_neuron: 0.0, latency_access_neuron: 0.0, energy_update_neuron: 0.0, "
    nothing += "latency_update_neuron: 0.0, energy_spike_out: 0.0, latency_spike_out: 0.0"
    hops = ", ".join(
        f"{kind}_{way}_hop: 0.0" for kind in ("energy", "latency") for way in ("north", "east", "south", "west")
    )
    yield from (
        f"# {chip.title}: constants of the report of spikeseg-lava, see its docs/stock-lowering.md",
        "architecture:",
        f"  name: {chip.name}",
        "  attributes:",
        "    topology: mesh",
        f"    width: {tiles}",
        "    height: 1",
        "    link_buffer_size: 16",
        "    sync_model: fixed",
        f"    latency_sync: {speeds.barrier_ns.value * 1e-9}",
        "  tile:",
        f"    - name: tile[0..{tiles - 1}]",
        f"      attributes: {{{hops}}}",
        "      core:",
        f"        - name: core[0..{CORES_A_TILE - 1}]",
        "          attributes: {buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: 1024}",
        "          axon_in:",
        "            - name: in",
        "              attributes: {energy_message_in: 0.0, latency_message_in: 0.0}",
        "          synapse:",
        "            - name: conv",
        f"              attributes: {{model: current_based, energy_process_spike: {costs.operation.low.value * scale}, "
        f"latency_process_spike: {speeds.operation_ns.value * 1e-9}}}",
        "          dendrite:",
        "            - name: sum",
        "              attributes: {model: accumulator, energy_update: 0.0, latency_update: 0.0}",
        "          soma:",
        "            - name: lif",
        "              attributes: {model: leaky_integrate_fire, "
        f"energy_access_neuron: {costs.update.low.value * scale}, "
        f"latency_access_neuron: {speeds.update_ns.value * 1e-9}, energy_update_neuron: 0.0, "
        "latency_update_neuron: 0.0, "
        f"energy_spike_out: {costs.spike.low.value * scale}, latency_spike_out: 0.0}}",
        f"            - name: inputs[0..{units - 1}]",
        f"              attributes: {{model: input, {nothing}}}",
        "          axon_out:",
        "            - name: out",
        "              attributes: {energy_message_out: 0.0, latency_message_out: 0.0}",
    )


def _write(path: Path, lines: Iterable[str]) -> None:
    from spikeseg_lava.files import writing

    with writing(path) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
