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
from spikeseg_lava.fixed_point import STATE_MAX, STATE_MIN, FixedPointNeuron
from spikeseg_lava.network import Pair, Shape

VECTOR = 8  # int32 lanes of a 256-bit register: runs and tiles are multiples of it
SMALLEST_TILE = 64  # lanes; smaller ones spend more on listing than on the neurons
LONG_AGO = -1
LEAK_MAX = 2**25  # leaks beyond take any membrane to its lower bound, as this one does


class Layout(NamedTuple):
    """Whole numbers the kernels need. Only numbers: an array inside a tuple costs a reference count at each use.

    Attributes:
        channels, width: of the input; `over_...` multiplier and shift to divide by them (see `division`).
        tap_rows, run: rows of taps of one slot, and weights in each.
        rows, tiles, lanes: of the state: rows, tiles a row, neurons a tile.
        lead, used: padding neurons at the beginning of a row, and true neurons after them.
        lower: smallest membrane, 0 with a floor.
    """

    channels: int
    width: int
    over_channels: Reciprocal
    over_width: Reciprocal
    tap_rows: int
    run: int
    rows: int
    tiles: int
    lanes: int
    lead: int
    used: int
    lower: int
    multiplicative: bool
    fire_once: bool


class Synapses(NamedTuple):
    """Weights, and where an input event lands.

    Attributes:
        taps: [slots * tap rows * run]; a slot is a phase of the stride and an input channel, a run the weights of one
            kernel row, taps x O in the order of the output, filled up with zeros to whole vectors.
        row: Int64[input rows, 4]: first and last output row, row of the first tap, first slot.
        column: Int64[input columns, 4]: first and last tile, lane of the first tap in its row, slot to add.
    """

    taps: NDArray[Any]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


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
        drive, membrane, fired: of every neuron; the drive is zero between steps.
        updated: of every tile, the step its membranes are at.
        seen, marked: the last step in which a place (input row, tile) held an event, and in which a tile was reached.
        sources, listed: this step's places and tiles; one entry more than there are, for the writing ahead.
        spiked: Of the neurons of one tile, which of them fire.
    """

    drive: NDArray[Any]
    membrane: NDArray[np.int32]
    fired: NDArray[np.uint8]
    updated: NDArray[np.int64]
    seen: NDArray[np.int64]
    marked: NDArray[np.int64]
    sources: NDArray[np.int64]
    listed: NDArray[np.int64]
    spiked: NDArray[np.uint8]


def reaches(shape: Shape, output: Shape, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Reach, Reach]:
    """The tables of rows and of columns."""
    rows, columns = (
        reach(n, m, k, s, p) for n, m, k, s, p in zip(shape[1:], output[1:], kernel, stride, padding, strict=True)
    )
    return rows, columns


def tile_pixels(channels: int) -> int:
    """The smallest power of two of pixels that fills whole vectors, and enough of them."""
    pixels = 1
    while channels * pixels % VECTOR or channels * pixels < SMALLEST_TILE:
        pixels *= 2
    return pixels


def layout_of(
    shape: Shape, output: Shape, rows: Reach, columns: Reach, neuron: FixedPointNeuron, fire_once: bool
) -> Layout:
    """The numbers of a layer from input `shape` to `output` (C, H, W), given which outputs see which input."""
    channels, lead = output[0], columns.taps - 1
    pixels = tile_pixels(channels)
    needed = max(lead + output[2], int(columns.start.max()) + lead + columns.taps)
    return Layout(
        channels=shape[0],
        width=shape[2],
        over_channels=reciprocal(shape[0]),
        over_width=reciprocal(shape[2]),
        tap_rows=rows.taps,
        run=-(-columns.taps * channels // VECTOR) * VECTOR,
        rows=output[1],
        tiles=-(-needed // pixels),
        lanes=pixels * channels,
        lead=lead * channels,
        used=output[2] * channels,
        lower=0 if neuron.floor else STATE_MIN,
        multiplicative=neuron.leak_mode == "multiplicative",
        fire_once=fire_once,
    )


def synapses(
    kernel: NDArray[np.int64], rows: Reach, columns: Reach, stride: Pair, layout: Layout, dtype: Any
) -> Synapses:
    """Weights and tables of a layer with `kernel` Int64[O, I, kh, kw]."""
    lead, pixels = columns.taps - 1, layout.lanes // len(kernel)
    row = rows.first, rows.last, rows.start, rows.phase * stride[1] * layout.channels
    column = (
        (columns.first + lead) // pixels,
        np.where(columns.count > 0, (columns.last + lead) // pixels, -1),
        (columns.start + lead) * len(kernel),
        columns.phase * layout.channels,
    )
    taps = ordered_taps(kernel, stride, layout.run).astype(dtype)
    return Synapses(taps, np.stack(row, axis=1), np.stack(column, axis=1))


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
    places, tiles = input_rows * layout.tiles, layout.rows * layout.tiles
    neurons = tiles * layout.lanes
    return State(
        drive=np.zeros(neurons + layout.run, dtype),
        membrane=np.zeros(neurons, np.int32),
        fired=np.zeros(neurons, np.uint8),
        updated=np.full(tiles, LONG_AGO, np.int64),
        seen=np.full(places, LONG_AGO, np.int64),
        marked=np.full(tiles, LONG_AGO, np.int64),
        sources=np.empty(places + 1, np.int64),
        listed=np.empty(tiles + 1, np.int64),
        spiked=np.zeros(layout.lanes, np.uint8),
    )
