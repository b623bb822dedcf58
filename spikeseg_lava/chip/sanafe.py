"""The network as SANA-FE reads it: an independent simulator of neuromorphic chips runs it as a second judge.

SANA-FE (GPL-3, `pip install sanafe`) is a tool that stands beside this package and is never imported by it. Its stock
soma is the contract's neuron when everything is written in 64ths of the integer membrane, as it truncates there::

    V = trunc(64 V decay) / 64 + bias + input ;  fires where V > threshold, then V = 0 ;  V = max(V, 0) by saturation

threshold = (Theta - 1) / 64, bias = (B - L) / 64, decay = (4096 - D) / 4096, the floor by `reverse_threshold: 0`,
fire-once by a refractory delay longer than the run. Graded input comes in bit planes: one input neuron for every bit of
a payload that is ever set. Spikes arrive a step later, so a layer answers as many steps late as layers stand before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.costs import costs_of
from spikeseg_lava.chip.groups import layer_group
from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.step_time import speeds_of
from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.chip.tiling import Tiling, tile
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointLayer
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

UNIT = 64  # SANA-FE truncates a decayed potential to 64ths
CORES_A_TILE = 4
ARCHITECTURE, NETWORK = "architecture.yaml", "network.yaml"
NEURONS_A_CORE = 1024  # as many as a core of SANA-FE holds, whatever its architecture says


@dataclass(frozen=True)
class _Stored:
    """A layer's neurons in SANA-FE: its own shape, and a border of silent neurons that the next kernel reads."""

    name: str
    shape: Shape
    border: Pair

    @property
    def neurons(self) -> int:
        channels, height, width = self._padded
        return channels * height * width

    @property
    def _padded(self) -> Shape:
        return self.shape[0], self.shape[1] + 2 * self.border[0], self.shape[2] + 2 * self.border[1]

    def index(self, c: Any, y: Any, x: Any) -> Any:
        """Number of the neuron at (c, y, x)."""
        _, height, width = self._padded
        return (c * height + y + self.border[0]) * width + x + self.border[1]

    def place(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(c, y, x) of neurons."""
        _, height, width = self._padded
        c, rest = np.divmod(index, height * width)
        return c, rest // width - self.border[0], rest % width - self.border[1]


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
    inputs = _bit_planes(payloads)
    delay = len(payloads) + len(model.layers) + 1 if fire_once else 0
    lines, mappings, first_core = [], [], -(-len(inputs) // NEURONS_A_CORE)
    for stored, layer, below, tiling in _layers(model, size, chip):
        lines.append((_group(stored, layer, delay), list(_edges(stored, layer, below, inputs))))
        mappings += _mappings(stored, tiling, first_core)
        first_core += tiling.cores + len(_border(stored))
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / ARCHITECTURE, _architecture(chip, first_core, len(inputs)))
    _write(out / NETWORK, _network(lines, inputs, payloads, mappings))
    return out / ARCHITECTURE, out / NETWORK


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
    stored = {item.name: item for item, *_ in _layers(model, size, small_cores(get_target(model.target)))}
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


def _layers(
    model: FixedPointModel, size: Pair, chip: Target
) -> Iterator[tuple[_Stored, FixedPointLayer, _Stored | None, Tiling]]:
    """Every layer as it is stored, with what stands below it (None: the input) and its cut into cores."""
    shape: Shape = (model.input_channels, *size)
    below: _Stored | None = None
    for layer, following in zip(model.layers, (*model.layers[1:], None), strict=True):
        border = following.padding if isinstance(following, FixedPointConv) and isinstance(layer, PoolLayer) else (0, 0)
        tiling = tile(layer_group(layer, shape), chip)
        if tiling is None:
            raise ArgumentError(f"`target` {chip.name} holds not even one neuron of `{layer.name}` on a core")
        shape = layer.output_shape(shape)
        stored = _Stored(layer.name, shape, border)
        yield stored, layer, below, tiling
        below = stored


def _bit_planes(payloads: NDArray[np.int32]) -> NDArray[np.int64]:
    """Int64[N, 4] (c, y, x, bit): every bit of a payload that is set in some frame, one input neuron each."""
    seen = np.bitwise_or.reduce(payloads, axis=0) if len(payloads) else np.zeros(payloads.shape[1:], np.int32)
    bits = np.arange(max(1, int(seen.max(initial=0)).bit_length()))
    return np.argwhere((seen[..., None] >> bits) & 1)


def _group(stored: _Stored, layer: FixedPointLayer, delay: int) -> str:
    each = stored.neurons // stored.shape[0]
    lines = [f"    - name: {stored.name}", "      attributes: [log_spikes: true]", "      neurons:"]
    for channel in range(stored.shape[0]):
        attributes = ", ".join(f"{key}: {value}" for key, value in _soma(layer, channel, delay).items())
        lines.append(f"        - {channel * each}..{(channel + 1) * each - 1}: [{attributes}]")
    return "\n".join(lines)


def _soma(layer: FixedPointLayer, channel: int, delay: int) -> dict[str, Any]:
    """Attributes of the neurons of a channel."""
    if isinstance(layer, PoolLayer):
        return {"threshold": 0.5 / UNIT, "leak_decay": 0.0}
    neuron = layer.neuron
    kept = DECAY_UNIT - int(neuron.decay[channel]) if neuron.leak_mode == "multiplicative" else DECAY_UNIT
    found: dict[str, Any] = {
        "threshold": (int(neuron.threshold[channel]) - 1) / UNIT,
        "leak_decay": kept / DECAY_UNIT,
        "bias": -int(neuron.pull[channel]) / UNIT,
    }
    if neuron.floor:
        found |= {"reverse_threshold": 0, "reverse_reset_mode": "saturate"}
    return found | ({"refractory_delay": delay} if delay else {})


def _edges(stored: _Stored, layer: FixedPointLayer, below: _Stored | None, inputs: NDArray[np.int64]) -> Iterator[str]:
    if below is None:
        assert isinstance(layer, FixedPointConv)
        yield from _from_inputs(stored, layer, inputs)
    elif isinstance(layer, PoolLayer):
        yield from _pool_edges(stored, layer, below)
    elif below.border == layer.padding:
        yield _hyperedge(stored, layer, below)
    else:
        c, y, x = np.indices(below.shape).reshape(3, -1)
        yield from _conv_edges(stored, layer, [f"{below.name}.{k}" for k in below.index(c, y, x)], np.stack([c, y, x]))


def _from_inputs(stored: _Stored, layer: FixedPointConv, inputs: NDArray[np.int64]) -> Iterator[str]:
    names = [f"input.{k}" for k in range(len(inputs))]
    return _conv_edges(stored, layer, names, inputs.T[:3], 2 ** inputs[:, 3])


def _conv_edges(
    stored: _Stored, layer: FixedPointConv, names: list[str], places: NDArray[np.int64], factor: Any = 1
) -> Iterator[str]:
    """One connection for every synapse whose weight is not 0."""
    kernel, (c, y, x) = layer.kernel, places
    factors, source = np.broadcast_to(factor, c.shape), np.arange(len(names))
    for o, ky, kx in np.ndindex(kernel.shape[0], *kernel.shape[2:]):
        top, left = y + layer.padding[0] - ky, x + layer.padding[1] - kx
        oy, ox = top // layer.stride[0], left // layer.stride[1]
        met = (top % layer.stride[0] == 0) & (left % layer.stride[1] == 0) & (top >= 0) & (left >= 0)
        met &= (oy < stored.shape[1]) & (ox < stored.shape[2])
        weight = kernel[o, c, ky, kx] * factors
        met &= weight != 0
        for k, target, w in zip(source[met], stored.index(o, oy, ox)[met], weight[met] / UNIT, strict=True):
            yield f"    - {names[k]} -> {stored.name}.{target}: [weight: {w}]"


def _pool_edges(stored: _Stored, layer: PoolLayer, below: _Stored) -> Iterator[str]:
    c, oy, ox = np.indices(stored.shape).reshape(3, -1)
    for ky, kx in np.ndindex(*layer.kernel):
        source = below.index(c, oy * layer.stride[0] + ky, ox * layer.stride[1] + kx)
        for k, target in zip(source, stored.index(c, oy, ox), strict=True):
            yield f"    - {below.name}.{k} -> {stored.name}.{target}: [weight: {1 / UNIT}]"


def _hyperedge(stored: _Stored, layer: FixedPointConv, below: _Stored) -> str:
    """The whole convolution as one line: SANA-FE moves kernels [ky, kx, c, o] over the padded neurons below."""
    kernel = layer.kernel
    height, width = (below.shape[k + 1] + 2 * below.border[k] for k in (0, 1))
    weights = ", ".join(str(w) for w in kernel.transpose(2, 3, 1, 0).ravel() / UNIT)
    return (
        f"    - {below.name} -> {stored.name}: [type: conv2d, input_width: {width}, input_height: {height}, "
        f"input_channels: {kernel.shape[1]}, kernel_width: {kernel.shape[3]}, kernel_height: {kernel.shape[2]}, "
        f"kernel_count: {kernel.shape[0]}, stride_width: {layer.stride[1]}, stride_height: {layer.stride[0]}, "
        f"weight: [{weights}]]"
    )


def _mappings(stored: _Stored, tiling: Tiling, first_core: int) -> Iterator[str]:
    """Rows of neurons to the cores of the tiling; the silent border to cores of its own behind them."""
    edges = [tiling.edges(axis) for axis in range(3)]
    core_of = [np.searchsorted(e[1:], np.arange(e[-1]), side="right") for e in edges]
    for c, y in np.ndindex(*stored.shape[:2]):
        for column, (low, high) in enumerate(zip(edges[2], edges[2][1:], strict=False)):
            core = first_core + (core_of[0][c] * tiling.grid[1] + core_of[1][y]) * tiling.grid[2] + column
            yield _mapping(stored, int(stored.index(c, y, low)), high - low, core)
    for k, neurons in enumerate(_border(stored)):
        for run in np.split(neurons, np.flatnonzero(np.diff(neurons) > 1) + 1):
            yield _mapping(stored, int(run[0]), len(run), first_core + tiling.cores + k)


def _mapping(stored: _Stored, start: int, count: int, core: int) -> str:
    where = f"{core // CORES_A_TILE}.{core % CORES_A_TILE}"
    return f"  - {stored.name}.{start}..{start + count - 1}: [core: {where}, soma: lif]"


def _border(stored: _Stored) -> list[NDArray[np.int64]]:
    """Neurons of the silent border, for one further core each."""
    inside = np.zeros(stored.neurons, bool)
    inside[stored.index(*np.indices(stored.shape)).ravel()] = True
    outside = np.flatnonzero(~inside)
    return [outside[k : k + NEURONS_A_CORE] for k in range(0, len(outside), NEURONS_A_CORE)]


def _network(
    layers: list[tuple[str, list[str]]], inputs: NDArray[np.int64], payloads: NDArray[np.int32], mappings: list[str]
) -> Iterator[str]:
    yield from ("network:", "  name: spikeseg", "  groups:")
    if len(inputs):
        yield from ("    - name: input", "      attributes: []", "      neurons:")
    for k, (c, y, x, bit) in enumerate(inputs):
        train = ", ".join(map(str, (payloads[:, c, y, x] >> bit) & 1))
        yield f"        - {k}: [spikes: [{train}]]"
    yield from (group for group, _ in layers)
    yield "  edges:"
    for _, edges in layers:
        yield from edges
    yield "mappings:"
    for k in range(len(inputs)):
        core, unit = divmod(k, NEURONS_A_CORE)
        yield f'  - input.{k}: [core: {core // CORES_A_TILE}.{core % CORES_A_TILE}, soma: "inputs[{unit}]"]'
    yield from mappings


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
