"""Everything of one network that a board needs, as files: manifest, parts, and test vectors of every layer.

The first hour on a board: rungs from one LIF to an encoder, each with the spikes it must fire.

Every rung adds one thing to the one before. Where the first hour goes wrong, the first rung that differs names the
part: neuron, kernel, reset cycle and floor, latch and pools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.step_time import GroupLoad
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.lower import Method, lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import KernelSynapse
from spikeseg_lava.stock.simulate import run_populations, run_stock

READ_BYTES = 4  # of one neuron and chip step that comes back to the host


def write_bundle(network: StockNetwork, frames: NDArray[Any], report: Report, folder: str | Path) -> Path:
    """Write `manifest.json`, `parts.npz` and `vectors.npz` to a folder; returns the manifest's path.

    The manifest names every core with its tile, neurons, axons and synapse memory, the time of every chip step, and the
    bytes that pass between host and chip a step. The parts are the weights and parameters of every population; the
    vectors what every population is sent and fires, chip step by chip step, for the clip.

    Args:
        frames: the clip Float[T, C, H, W] the report was made for.
        report: of `build_report` on that clip, with the network as its form.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with writing(out / "parts.npz") as file:
        parts: dict[str, Any] = _parts(network)
        np.savez_compressed(file, **parts)
    with writing(out / "vectors.npz") as file:
        arrays: dict[str, Any] = run_populations(network, frames)
        np.savez_compressed(file, **arrays)
    manifest = json.dumps(_manifest(network, frames, report), indent=1)
    with writing(out / "manifest.json") as file:
        file.write(manifest.encode())
    return out / "manifest.json"


def _manifest(network: StockNetwork, frames: NDArray[Any], report: Report) -> dict[str, Any]:
    record = run_stock(network, frames)
    loads = report.times.loads if report.times else ()
    sent = sum(np.prod(source.shape) * max(16, source.bits) // 8 for source in network.sources)
    read = sum(READ_BYTES * np.prod(signal.shape) for signal in network.outputs.values())
    return {
        "verdict": report.verdict,
        "target": report.target.name,
        "steps_per_frame": network.steps_per_frame,
        "chip_steps": network.chip_steps(len(frames)),
        "layers": {
            name: {"population": signal.name, "first_chip_step": signal.emitted, "spikes": record.counts[name]}
            for name, signal in network.outputs.items()
        },
        "populations": [_population(part) for part in network.populations],
        "synapses": [_synapse(part) for part in network.synapses],
        "cores": [core for load in loads for core in _cores(load)],
        "step_time_us": report.times.microseconds.tolist() if report.times else None,
        "host_bytes_a_step": {"to_chip": int(sent), "from_chip_all_layers": int(read)},
    }


def _population(part: Any) -> dict[str, Any]:
    reset = None if part.reset is None else {"interval": part.reset.interval, "offset": part.reset.offset}
    return {
        "name": part.name, "layer": part.layer, "role": part.role, "shape_chw": list(part.shape), "vth": part.threshold,
        "du": part.current_decay, "dv": part.voltage_decay, "reset": reset,
    }  # fmt: skip


def _synapse(part: Any) -> dict[str, Any]:
    facts = {"name": part.name, "source": part.source, "target": part.target}
    if isinstance(part, KernelSynapse):
        geometry = {"stride": list(part.stride), "padding": list(part.padding), "groups": part.groups}
        return {**facts, "kind": "Conv", **geometry, "message_bits": part.message_bits}
    return {**facts, "kind": "Sparse", "weight": part.weight, "weight_exp": part.exponent}


def _cores(load: GroupLoad) -> Iterator[dict[str, Any]]:
    """Every core of a group with the ranges of channels, rows and columns it holds."""
    tiling = load.tiling
    for place in np.ndindex(*tiling.grid):
        held = [tiling.edges(axis)[place[axis] : place[axis] + 2] for axis in range(3)]
        neurons = int(np.prod([end - start for start, end in held]))
        yield {
            "group": load.group.name, "layer": load.group.layer, "channels": held[0], "rows": held[1],
            "columns": held[2], "neurons": neurons, "axons_in": tiling.tile.axons_in,
            "synapse_bytes": tiling.tile.synapse_bytes,
        }  # fmt: skip


def _parts(network: StockNetwork) -> dict[str, NDArray[Any]]:
    """Weights and biases by name of the part."""
    arrays: dict[str, NDArray[Any]] = {f"{part.name}.bias": part.bias for part in network.populations}
    kernels = (part for part in network.synapses if isinstance(part, KernelSynapse))
    return arrays | {f"{part.name}.weight": part.weight for part in kernels}


STEPS = 6
BITS = 3


@dataclass(frozen=True, eq=False)
class Rung:
    """One network of the ladder: what it shows, what it is fed, and what it must fire."""

    name: str
    shows: str
    network: StockNetwork
    frames: NDArray[np.float32]
    expected: SpikeRecord


def ladder() -> list[Rung]:
    """One LIF, one Conv, one layer with a floor, and an encoder whose neurons fire once."""
    random = np.random.default_rng(2)
    kernel, deep = random.integers(-8, 16, (2, 1, 3, 2)), random.integers(1, 16, (2, 2, 3, 3))
    alone = _conv("lif", np.ones((1, 1, 1, 1)), 3, floor=False)
    kernels = _conv("conv", kernel, 20, padding=(1, 1), floor=False)
    layer = _conv("layer", kernel, 20, leak=4, padding=(1, 1))
    encoder = (_conv("conv1", kernel, 20, leak=4, padding=(1, 1)), PoolLayer("pool1", (2, 2), (2, 2)))
    return [
        _rung("one LIF", "a current, a threshold, a reset", (alone,), np.ones((STEPS, 1, 1, 1)), "exact", False),
        _rung("one Conv", "order of width, height and channels", (kernels,), _clip(random), "exact", False),
        _rung("one layer", "bias and LIFReset cycles: the floor", (layer,), _clip(random), "windows", False),
        _rung(
            "the encoder", "pools, several layers, the fire-once latch",
            (*encoder, _conv("conv2", deep, 18, leak=2, padding=(1, 1))), _clip(random), "windows", True,
        ),
    ]  # fmt: skip


def _rung(
    name: str, shows: str, layers: tuple[FixedPointLayer, ...], frames: NDArray[np.float64], method: Method, once: bool
) -> Rung:
    size = (frames.shape[2], frames.shape[3])
    model = FixedPointModel(layers, InputCode(BITS, 1.0), input_size=size, timesteps=len(frames))
    network = lower(model, method=method, frames=len(frames), fire_once=once)
    clip = frames.astype(np.float32)
    return Rung(name, shows, network, clip, run_stock(network, clip))


def _conv(
    name: str, weight: NDArray[np.generic], threshold: int, *, leak: int = 0, padding: Pair = (0, 0), floor: bool = True
) -> FixedPointConv:
    ones = np.ones(len(weight), np.int32)
    floats = Neuron(threshold * np.ones(len(ones)), leak * np.ones(len(ones)), np.ones(len(ones)), floor=floor)
    source = ConvLayer(name, weight.astype(np.float32), floats, padding=padding)
    neuron = FixedPointNeuron(threshold * ones, leak * ones, 0 * ones, floor=floor)
    plane = Plane(weight.astype(np.int8), 0)
    return FixedPointConv(name, (plane,), neuron, np.ones(len(weight)), source, padding=padding)


def _clip(random: np.random.Generator) -> NDArray[np.float64]:
    """Float[T, 1, 6, 9]: whole payloads on a frame that is no square."""
    shape = (STEPS, 1, 6, 9)
    return ((random.random(shape) < 0.5) * random.integers(1, 2**BITS, shape)).astype(np.float64)
