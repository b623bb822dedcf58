"""Run a stock network chip step by chip step: what Lava's own LIF, Conv and Sparse do, without a process for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.alignment import aligned_record
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import InputSource, KernelSynapse, PointSynapse
from spikeseg_lava.stock.steps import KernelState, PopulationState

Spikes = dict[str, NDArray[Any]]


class StockSimulator:
    """The state of a stock network; `step` is one chip step."""

    def __init__(self, network: StockNetwork) -> None:
        self.network = network
        shapes: dict[str, Shape] = {x.name: x.shape for x in (*network.sources, *network.populations)}
        self.states = {x.name: PopulationState(x) for x in network.populations}
        kernels = [s for s in network.synapses if isinstance(s, KernelSynapse)]
        self.kernels = [(s, KernelState(s, shapes[s.source], shapes[s.target])) for s in kernels]
        self.points = [s for s in network.synapses if isinstance(s, PointSynapse)]
        self.sent: Spikes = {name: np.zeros((s[1], s[2], s[0]), np.int32) for name, s in shapes.items()}
        self.chip_step = 0

    def step(self, payloads: Spikes) -> Spikes:
        """Spikes Bool[H, W, C] of every population; `payloads` Int32[H, W, C] are what the sources send now."""
        self.chip_step += 1
        delivered = self._delivered()
        spikes = {name: state.step(self.chip_step, delivered[name]) for name, state in self.states.items()}
        self.sent = {**payloads, **spikes}
        return spikes

    def _delivered(self) -> Spikes:
        sums: Spikes = {name: np.zeros_like(state.u) for name, state in self.states.items()}
        made: dict[int, NDArray[np.int64]] = {}
        for synapse, kernel in self.kernels:
            if kernel.key not in made:
                made[kernel.key] = kernel.deliver(self.sent[synapse.source])
            sums[synapse.target] += made[kernel.key]
        for point in self.points:
            sums[point.target] += np.int64(point.weight << point.exponent) * (self.sent[point.source] != 0)
        return sums


def source_payload(source: InputSource, payloads: NDArray[np.int32], steps_per_frame: int, chip_step: int) -> Any:
    """Int32[H, W, C] that a source sends at `chip_step`: frame t at chip step 1 + delay + K t, else nothing."""
    frame, rest = divmod(chip_step - 1 - source.delay, steps_per_frame)
    if rest or not 0 <= frame < len(payloads):
        return np.zeros((*source.shape[1:], source.shape[0]), np.int32)
    return np.ascontiguousarray(payloads[frame].transpose(1, 2, 0)) << source.shift


def run_stock(network: StockNetwork, frames: NDArray[Any]) -> SpikeRecord:
    """Run one sample of frames Float[T, C, H, W] from cleared state; spikes are aligned to frames again.

    `meta` also holds chip steps, latency of every layer, spikes of every population (`population_spikes`), and spikes
    of a layer's output that belong to no frame (`stray`: 0 unless an approximation makes some, or a bias that fires
    before the first frame).

    Raises:
        ClipError: more frames than the network was lowered for, or frames of another shape.
    """
    outputs = {signal.name for signal in network.outputs.values()}
    counts: Counter[str] = Counter()
    rows = run_populations(network, frames, outputs, counts)
    return aligned_record(network, rows, len(frames), "stock", population_spikes=dict(counts))


def run_populations(
    network: StockNetwork,
    frames: NDArray[Any],
    names: Collection[str] | None = None,
    counts: Counter[str] | None = None,
) -> dict[str, NDArray[np.int32]]:
    """Int32[N, 4] (chip step from 0, c, y, x) of populations and sources by name, those of `names` or all.

    `counts` adds up the spikes of every population.
    """
    payloads = checked_payloads(network, frames)
    simulator = StockSimulator(network)
    rows: dict[str, list[NDArray[np.int32]]] = {}
    for chip_step in range(1, network.chip_steps(len(frames)) + 1):
        sent = source_payloads(network, payloads, chip_step)
        spikes = simulator.step(sent)
        if counts is not None:
            counts.update({name: int(np.count_nonzero(fired)) for name, fired in spikes.items()})
        for name, fired in {**sent, **spikes}.items():
            if names is None or name in names:
                rows.setdefault(name, []).append(step_rows(fired, chip_step))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def step_rows(spikes: NDArray[Any], chip_step: int) -> NDArray[np.int32]:
    """Int32[N, 4] (chip step from 0, c, y, x) of the spikes Bool[H, W, C] of one chip step (from 1)."""
    y, x, c = np.nonzero(spikes)
    return np.stack([np.full(len(c), chip_step - 1), c, y, x], axis=1).astype(np.int32)


def source_payloads(network: StockNetwork, payloads: NDArray[np.int32], chip_step: int) -> Spikes:
    """What every source sends at a chip step, Int32[H, W, C]."""
    return {s.name: source_payload(s, payloads, network.steps_per_frame, chip_step) for s in network.sources}


def checked_payloads(network: StockNetwork, frames: NDArray[Any]) -> NDArray[np.int32]:
    """Int32[T, C, H, W] payloads; ClipError where the network was lowered for other frames."""
    frames = np.asarray(frames)
    expected = network.sources[0].shape
    if len(frames) > network.frames:
        raise ClipError(f"`frames` are {len(frames)}, the network was lowered for at most {network.frames} (`frames=`)")
    payloads = network.fitted.encode(frames)
    if payloads.shape[1:] != expected:
        raise ClipError(f"`frames` give payloads of shape {payloads.shape[1:]}, the network takes {expected}")
    return payloads
