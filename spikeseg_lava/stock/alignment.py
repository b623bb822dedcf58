"""Chip steps back to frames: which spikes of a layer's output belong to which frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ClipError
from spikeseg_lava.spikes.comparison import LayerComparison, compare
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import Population, ResetCycle

Rows = NDArray[np.int32]


def aligned_record(
    network: StockNetwork, rows: Mapping[str, Rows], frames: int, backend: str, lag: int = 0, **meta: Any
) -> SpikeRecord:
    """A record in frames from the spikes of the output populations in chip steps.

    A layer's spikes of frame t leave at chip step `emitted + lag + K t`. Spikes at other steps belong to no frame;
    `meta` counts them (`stray`), and `latency` holds by how many chip steps each layer runs behind the input.

    Args:
        rows: population -> Int32[N, 4] of (chip step from 0, c, y, x).
        lag: chip steps that everything came later than the network's own latency.
    """
    spikes, stray = {}, {}
    for layer, signal in network.outputs.items():
        spikes[layer], stray[layer] = _in_frames(
            rows[signal.name], signal.emitted - 1 + lag, network.steps_per_frame, frames
        )
    facts = {
        "backend": backend,
        "fire_once": network.fire_once,
        "steps": frames,
        "shapes": {layer: list(signal.shape) for layer, signal in network.outputs.items()},
        "chip_steps": network.chip_steps(frames) + lag,
        "latency": {layer: signal.emitted - 1 + lag for layer, signal in network.outputs.items()},
        "lag": lag,
        "exact": network.exact,
        "stray": stray,
    }
    return SpikeRecord(spikes, {}, {**facts, **meta})


def best_lag(network: StockNetwork, rows: Mapping[str, Rows], expected: SpikeRecord, most: int) -> tuple[int, float]:
    """(lag of 0..`most` chip steps at which most spikes are those expected, their share of both records together).

    `expected` is the record of the stock simulator on the same frames. Without any spike no lag can be found: (0, 0.0).
    """
    steps = int(expected.meta["steps"])
    shares = [_share(expected, aligned_record(network, rows, steps, "", lag)) for lag in range(most + 1)]
    best = int(np.argmax(shares))
    return best, shares[best]


def _share(expected: SpikeRecord, found: SpikeRecord) -> float:
    ratios = [
        layer.common_spikes / max(1, _union(layer))
        for layer in compare(expected, found, layers=list(found.spikes)).layers
    ]
    return float(np.mean(ratios))


def _union(layer: LayerComparison) -> int:
    return layer.reference_spikes + layer.other_spikes - layer.common_spikes


def _in_frames(rows: Rows, first: int, steps_per_frame: int, frames: int) -> tuple[Rows, int]:
    frame, rest = np.divmod(rows[:, 0] - first, steps_per_frame)
    kept = (rest == 0) & (frame >= 0) & (frame < frames)
    return rows_in_order(np.column_stack([frame[kept], rows[kept, 1:]])), int((~kept).sum())


def joined_samples(
    network: StockNetwork, samples: Sequence[NDArray[Any]], margin: int = 0
) -> tuple[StockNetwork, NDArray[np.float32]]:
    """Many samples as one: a network that clears itself before each, and the clip that holds them one after the other.

    So a graph is compiled once for all of them. Every population gets a reset cycle as long as the samples lie apart:
    the longest sample, the network's latency, `margin` chip steps for what adapters add, rounded up to whole cycles.

    Raises:
        ArgumentError: no sample.
        ClipError: a sample longer than the network was lowered for.
    """
    if not samples:
        raise ArgumentError("`samples` are none")
    longest = max(len(sample) for sample in samples)
    if longest > network.frames:
        raise ClipError(f"`samples` hold {longest} frames, the network was lowered for at most {network.frames}")
    period = sample_period(network, longest, margin)
    first = {signal.name: signal.emitted for signal in network.outputs.values()}
    populations = tuple(
        replace(x, reset=_each_sample(x, period, first.get(x.name, 1) if x.role == "fire" else 1))
        for x in network.populations
    )
    gap = period // network.steps_per_frame
    clip = np.zeros((gap * len(samples), *samples[0].shape[1:]), np.float32)
    for k, sample in enumerate(samples):
        clip[k * gap : k * gap + len(sample)] = sample
    return replace(network, populations=populations, frames=len(clip)), clip


def sample_period(network: StockNetwork, frames: int, margin: int = 0) -> int:
    """Chip steps from one sample to the next: whole frames, and whole cycles of populations that have short ones."""
    cycles = [x.reset.interval for x in network.populations if x.reset and not x.reset.once]
    whole = int(np.lcm.reduce([network.steps_per_frame, *cycles]))
    return whole * -(-(network.chip_steps(frames) + margin) // whole)


def split_samples(record: SpikeRecord, lengths: Sequence[int], gap: int) -> list[SpikeRecord]:
    """The record of every sample from the record of all; `gap`: frames from one sample to the next."""
    found = []
    for k, length in enumerate(lengths):
        spikes = {}
        for name, rows in record.spikes.items():
            own = rows[(rows[:, 0] >= k * gap) & (rows[:, 0] < k * gap + length)]
            spikes[name] = own - np.array([k * gap, 0, 0, 0], own.dtype)
        found.append(SpikeRecord(spikes, {}, {**record.meta, "steps": length}))
    return found


def _each_sample(population: Population, period: int, first: int) -> ResetCycle:
    """A cycle that is short already, or one a sample, at its chip step `first`.

    The stage that fires for a layer is cleared just before its first frame: what is still on its way from the sample
    before (a detector's spike without the one that takes it away) must not stay in its membrane.
    """
    reset = population.reset
    if reset is not None and not reset.once:
        return reset
    return ResetCycle(period, first if reset is None else reset.offset)
