"""Weights in the order of the output, and tables of where an input event lands."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.record import aligned
from spikeseg_lava.engine.kernels.vectors import VECTOR
from spikeseg_lava.engine.layout import Layout, ReceptiveField, kernel_elements
from spikeseg_lava.network.floats import Pair

SLOT_SHIFT = 32
ZEROS = VECTOR  # before the first weights


class Synapses(NamedTuple):
    """Weights, and where an input event lands.

    A *landing* is a number of lanes, the first one that the event adds to, and in the upper 32 bits where its weights
    begin; those of row and column are added.

    Attributes:
        taps: [VECTOR zeros, slots * tap rows * run]; a slot is a phase of the stride and an input channel, a run the
            weights of one kernel row, taps x O in the order of the output, filled up with zeros to whole vectors.
        row: UInt64[input rows], landing of each.
        first_row, last_row: Int64[input rows], the output rows that see each.
        column: UInt64[input columns * I], landing of each.
        tile_mask: UInt64[input columns * I]: the tiles of a row that see each, a bit each.
    """

    taps: NDArray[Any]
    row: NDArray[np.uint64]
    first_row: NDArray[np.int64]
    last_row: NDArray[np.int64]
    column: NDArray[np.uint64]
    tile_mask: NDArray[np.uint64]


def synapses(
    kernel: NDArray[np.int64], rows: ReceptiveField, columns: ReceptiveField, stride: Pair, layout: Layout, dtype: Any
) -> Synapses:
    """Weights and tables of a layer with `kernel` Int64[O, I, kh, kw], O being the drives."""
    pixels, channels = layout.lanes // layout.drives, kernel.shape[1]
    row = landing(
        rows.start * layout.pitch + layout.margin - layout.overhang,
        rows.phase * stride[1] * channels * layout.slot + ZEROS,
    )
    lane, slots = columns.start * layout.drives, columns.phase[:, None] * channels + np.arange(channels)
    shift = lane % alignment(columns.taps * layout.drives, layout)
    column = landing((lane + layout.overhang - shift)[:, None], slots * layout.slot - shift[:, None])
    taps = np.pad(ordered_taps(kernel, stride, layout.run), (ZEROS, 0)).astype(dtype)
    tile_mask = np.repeat(tile_bits(columns, pixels), channels)
    return Synapses(aligned(taps), row, rows.first, rows.last, column.ravel(), tile_mask)


def alignment(used: int, layout: Layout) -> int:
    """Lanes to a multiple of which every landing can be moved down: the zeros behind a row of taps take its place.

    Then events next to each other mostly add to the very same vectors, which the core has at hand, and fewer of them
    straddle two cache lines.
    """
    choices = (VECTOR >> k for k in range(VECTOR.bit_length()))
    return next(a for a in choices if a - math.gcd(a, layout.drives) <= layout.run - used)


def landing(lane: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.uint64]:
    """First lane, and begin of the weights in the upper 32 bits."""
    return (lane + (slot << SLOT_SHIFT)).astype(np.uint64)


def tile_bits(columns: ReceptiveField, pixels: int) -> NDArray[np.uint64]:
    """UInt64[input columns]: which of a row's tiles see a column, a bit each."""
    first, last = ((pixel // pixels).tolist() for pixel in (columns.first, columns.last))
    spans = zip(first, last, columns.count > 0, strict=True)
    return np.array([(1 << end + 1) - (1 << begin) if is_seen else 0 for begin, end, is_seen in spans], np.uint64)


def ordered_taps(kernel: NDArray[np.int64], stride: Pair, run: int) -> NDArray[np.int64]:
    """[phases * I * rows of taps * run]: kernel elements in the order of the outputs that use them."""
    row, column = (kernel_elements(k, s) for k, s in zip(kernel.shape[2:], stride, strict=True))
    row, column = row[:, None, :, None], column[None, :, None, :]
    picked = np.where((row < 0) | (column < 0), 0, kernel[:, :, row, column])
    ordered = picked.transpose(2, 3, 1, 4, 5, 0)  # phase y, phase x, I, tap row, tap column, O
    runs = ordered.reshape(*ordered.shape[:4], -1)
    return np.pad(runs, [(0, 0)] * 4 + [(0, run - runs.shape[-1])]).ravel()
