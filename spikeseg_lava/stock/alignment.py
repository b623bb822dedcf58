"""Chip steps back to frames: which spikes of a layer's output belong to which frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.spikes.comparison import LayerComparison, compare
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order
from spikeseg_lava.stock.network import StockNetwork

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
