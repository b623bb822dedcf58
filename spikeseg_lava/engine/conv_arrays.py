"""What the convolution kernels work on: weights in the order of the output, state in tiles, tables per row and column.

Memory runs (row, column, channel), so one event adds to one contiguous run per kernel row. Columns are padded so that
no run is cut at the borders; what falls into the padding is never read. A *tile* is a short piece of a row that is
updated at once: all its neurons share one time stamp, and its `lanes` fill the vector registers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.division import Reciprocal, reciprocal
from spikeseg_lava.engine.reach import Reach, kernel_elements, reach
from spikeseg_lava.engine.vectors import MASK, VECTOR
from spikeseg_lava.fixed_point import STATE_MAX, STATE_MIN, FixedPointNeuron
from spikeseg_lava.network import Pair, Shape

SMALLEST_TILE = 64  # lanes; smaller ones spend more on listing than on the neurons
LONG_AGO = -1
LEAK_MAX = 2**25  # leaks beyond take any membrane to its lower bound, as this one does


class Layout(NamedTuple):
    """Whole numbers the kernels need. Only numbers: an array inside a tuple costs a reference count at each use.

    Attributes:
        channels, width: of the input; `over_...` multiplier and shift to divide by them (see `division`).
        run, slot: weights of one row of taps, filled up to whole vectors, and of all of them.
        rows, tiles, lanes: of the state: rows, tiles a row, neurons a tile.
        lead, used: padding neurons at the beginning of a row, and true neurons after them.
        margin, spare: neurons of the drive before and behind all others: weights beyond the borders go there.
        lower: smallest membrane, 0 with a floor.
    """

    channels: int
    width: int
    over_channels: Reciprocal
    over_width: Reciprocal
    run: int
    slot: int
    rows: int
    tiles: int
    lanes: int
    lead: int
    used: int
    margin: int
    spare: int
    lower: int
    multiplicative: bool
    fire_once: bool


class Synapses(NamedTuple):
    """Weights, and where an input event lands.

    Attributes:
        taps: [slots * tap rows * run]; a slot is a phase of the stride and an input channel, a run the weights of one
            kernel row, taps x O in the order of the output, filled up with zeros to whole vectors.
        offset: UInt64[vectors of a slot]: lanes from the first one of the first tap to each vector of weights.
        row: Int64[input rows, 4]: lane of the first tap, begin of the slot; first and last output row.
        column: Int64[input columns, 2]: lane and begin of the slot to add.
        reach: UInt64[input columns]: the tiles of a row that see it, a bit each.
    """

    taps: NDArray[Any]
    offset: NDArray[np.uint64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    reach: NDArray[np.uint64]


class Lanes(NamedTuple):
    """Neuron parameters, Int32[lanes] each: those of the channels, repeated over the pixels of a tile.

    `enough`: steps after which the leak alone has taken any membrane to its lower bound.
    """

    threshold: NDArray[np.int32]
    leak: NDArray[np.int32]
    enough: NDArray[np.int32]
    decay: NDArray[np.int32]


class State(NamedTuple):
    """Everything that changes.

    Attributes:
        drive, membrane, fired: of every neuron; the drive (margins apart) is zero between steps.
        updated: of every tile, the step its membranes are at.
        seen, reached: of every input and every output row, the tiles its events reach, a bit each; 0 between steps.
        sources, listed: this step's input and output rows; one entry more than there are, for the writing ahead.
        spiked: of the neurons of one tile, which of them fire; filled up to whole masks.
    """

    drive: NDArray[Any]
    membrane: NDArray[np.int32]
    fired: NDArray[np.uint8]
    updated: NDArray[np.int64]
    seen: NDArray[np.uint64]
    reached: NDArray[np.uint64]
    sources: NDArray[np.int64]
    listed: NDArray[np.int64]
    spiked: NDArray[np.uint8]


def reaches(shape: Shape, output: Shape, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Reach, Reach]:
    """The tables of rows and of columns."""
    rows, columns = (
        reach(n, m, k, s, p) for n, m, k, s, p in zip(shape[1:], output[1:], kernel, stride, padding, strict=True)
    )
    return rows, columns


def tile_pixels(channels: int, needed: int) -> int:
    """The smallest power of two of pixels that fills whole vectors, enough of them, and `needed` in at most 64."""
    pixels = 1
    while channels * pixels % VECTOR or channels * pixels < SMALLEST_TILE or pixels * MASK < needed:
        pixels *= 2
    return pixels


def layout_of(
    shape: Shape, output: Shape, rows: Reach, columns: Reach, neuron: FixedPointNeuron, fire_once: bool
) -> Layout:
    """The numbers of a layer from input `shape` to `output` (C, H, W), given which outputs see which input."""
    channels, lead = output[0], columns.taps - 1
    needed = max(lead + output[2], int(columns.start.max()) + lead + columns.taps)
    pixels = tile_pixels(channels, needed)
    tiles = -(-needed // pixels)
    pitch = tiles * pixels * channels
    run = -(-columns.taps * channels // VECTOR) * VECTOR
    return Layout(
        channels=shape[0],
        width=shape[2],
        over_channels=reciprocal(shape[0]),
        over_width=reciprocal(shape[2]),
        run=run,
        slot=rows.taps * run,
        rows=output[1],
        tiles=tiles,
        lanes=pixels * channels,
        lead=lead * channels,
        used=output[2] * channels,
        margin=(rows.taps - 1) * pitch,
        spare=max(int(rows.start.max()) + rows.taps - output[1], 0) * pitch + run,
        lower=0 if neuron.floor else STATE_MIN,
        multiplicative=neuron.leak_mode == "multiplicative",
        fire_once=fire_once,
    )


def synapses(
    kernel: NDArray[np.int64], rows: Reach, columns: Reach, stride: Pair, layout: Layout, dtype: Any
) -> Synapses:
    """Weights and tables of a layer with `kernel` Int64[O, I, kh, kw]."""
    lead, pixels = columns.taps - 1, layout.lanes // len(kernel)
    pitch = layout.tiles * layout.lanes
    slot = rows.phase * stride[1] * layout.channels * layout.slot
    row = rows.start * pitch + layout.margin, slot, rows.first, rows.last
    offset = np.arange(rows.taps)[:, None] * pitch + np.arange(0, layout.run, VECTOR)
    column = (columns.start + lead) * len(kernel), columns.phase * layout.channels * layout.slot
    taps = ordered_taps(kernel, stride, layout.run).astype(dtype)
    return Synapses(
        taps,
        offset.ravel().astype(np.uint64),
        np.stack(row, axis=1),
        np.stack(column, axis=1),
        tile_bits(columns, lead, pixels),
    )


def tile_bits(columns: Reach, lead: int, pixels: int) -> NDArray[np.uint64]:
    """UInt64[input columns]: which of a row's tiles see a column, a bit each."""
    first, last = (((pixel + lead) // pixels).tolist() for pixel in (columns.first, columns.last))
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


def lane_parameters(neuron: FixedPointNeuron, layout: Layout) -> Lanes:
    """The neuron parameters repeated over the pixels of a tile."""
    threshold, leak = np.minimum(neuron.threshold, STATE_MAX + 1), np.minimum(neuron.leak, LEAK_MAX)
    enough = np.where(leak > 0, -(-(STATE_MAX - STATE_MIN) // np.maximum(leak, 1)), 0)
    each = (threshold, leak, enough, neuron.decay)
    return Lanes(*(np.tile(a, layout.lanes // len(a)).astype(np.int32) for a in each))


def fresh_state(layout: Layout, input_rows: int, dtype: Any) -> State:
    """State of neurons that never saw anything."""
    tiles = layout.rows * layout.tiles
    neurons = tiles * layout.lanes
    return State(
        drive=np.zeros(layout.margin + neurons + layout.spare, dtype),
        membrane=np.zeros(neurons, np.int32),
        fired=np.zeros(neurons, np.uint8),
        updated=np.full(tiles, LONG_AGO, np.int64),
        seen=np.zeros(input_rows, np.uint64),
        reached=np.zeros(layout.rows, np.uint64),
        sources=np.empty(input_rows + 1, np.int64),
        listed=np.empty(layout.rows + 1, np.int64),
        spiked=np.zeros(-(-layout.lanes // MASK) * MASK, np.uint8),
    )
