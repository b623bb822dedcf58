"""Receptive fields and memory: which outputs an input reaches, and how the state of a convolution lies in memory.

Receptive fields are tables of the length of a row or column, one axis at a time: output y of a window of `kernel`
inputs covers input n where `0 <= n + padding - y * stride < kernel`.

Memory runs (row, column, channel), so one event adds to one contiguous run per kernel row. Padding after each row
absorbs weights that overhang its right border or the next row's left border. It is never read.

A *tile* is a short piece of a row that is updated at once: all its neurons share one time stamp, and its `lanes` fill
the vector registers. Where a layer has maps of opposite weights, a tile has one drive and two pieces of membrane, one
behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.vectors import BLOCK, MASK, VECTOR
from spikeseg_lava.engine.shared_maps import SharedMaps
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import STATE_MIN, FixedPointNeuron


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The outputs that see each input position of one axis.

    Attributes:
        first, last: Int64[inputs], the outputs that see it, within the borders; none where first > last.
        start: Int64[inputs], the first of `taps` consecutive outputs, borders ignored: it may be negative.
        phase: Int64[inputs], (n + padding) mod stride: which of the kernel's elements those outputs use.
        taps: ceil(kernel / stride), the most outputs that see one input.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    start: NDArray[np.int64]
    phase: NDArray[np.int64]
    taps: int

    @property
    def count(self) -> NDArray[np.int64]:
        """Int64[inputs]: how many outputs see each input."""
        return np.maximum(self.last - self.first + 1, 0)


def receptive_field(inputs: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> ReceptiveField:
    """The tables of one axis."""
    shifted = np.arange(inputs, dtype=np.int64) + padding
    newest, phase = np.divmod(shifted, stride)
    taps = -(-kernel // stride)
    first = np.maximum(-((kernel - 1 - shifted) // stride), 0)
    return ReceptiveField(first, np.minimum(newest, outputs - 1), newest - taps + 1, phase, taps)


def receptive_fields(
    shape: Shape, output: Shape, kernel: Pair, stride: Pair, padding: Pair
) -> tuple[ReceptiveField, ReceptiveField]:
    """The tables of rows and of columns, for input `shape` and `output` (C, H, W)."""
    rows, columns = (
        receptive_field(n, m, k, s, p)
        for n, m, k, s, p in zip(shape[1:], output[1:], kernel, stride, padding, strict=True)
    )
    return rows, columns


def kernel_elements(kernel: int, stride: int) -> NDArray[np.int64]:
    """Int64[stride, taps]: kernel element that output `start + j` uses for an input of each phase; -1: none."""
    taps = -(-kernel // stride)
    element = np.arange(stride)[:, None] + stride * np.arange(taps)[::-1]
    return np.where(element < kernel, element, -1)


SMALLEST_TILE = 48  # lanes; smaller ones spend more on listing than on the neurons
# Bounds that no int32 drive exceeds, and that every one does. An int64 drive may pass them: a needless update, never a
# wrong one.
NEVER, ALWAYS = 2**31 - 1, -(2**31)


@dataclass(frozen=True)
class Layout:
    """Whole numbers of a layer.

    Attributes:
        tap_rows, vectors: the weights of an event are that many rows of that many whole vectors.
        rows, tiles, lanes: of the state: rows, tiles a row, lanes of the drive a tile.
        signs, drives: pieces of membrane a tile, and drives a pixel.
        used, pitch: lanes of a row that are true ones, and from one row to the next.
        overhang: lanes by which the weights of an event may begin left of a row.
        margin, spare: lanes of the drive before and behind all others: weights beyond the borders go there.
        lower: smallest membrane, 0 with a floor.
        above, below: a drive between them leaves a membrane of zero at zero.
        biased: some neuron has a bias, and a multiplicative leak beside which it is added.
        restless: some membrane rises without input, so that every tile is updated in every step.
    """

    tap_rows: int
    vectors: int
    rows: int
    tiles: int
    lanes: int
    signs: int
    drives: int
    used: int
    pitch: int
    overhang: int
    margin: int
    spare: int
    lower: int
    above: int
    below: int
    multiplicative: bool
    fire_once: bool
    biased: bool
    restless: bool

    @property
    def run(self) -> int:
        """Weights of one row of taps, filled up with zeros to whole vectors."""
        return self.vectors * VECTOR

    @property
    def slot(self) -> int:
        """Weights of an event."""
        return self.tap_rows * self.run

    @property
    def neurons(self) -> int:
        """Membranes, those in the padding included."""
        return self.rows * self.tiles * self.lanes * self.signs


def tile_pixels(channels: int, columns: int) -> int:
    """The smallest power of two of pixels that fills whole blocks, enough of them, and a row with at most 64 tiles."""
    pixels = 1
    while channels * pixels % BLOCK or pixels * MASK < columns or channels * pixels < min(SMALLEST_TILE, columns):
        pixels *= 2
    return pixels


def whole_blocks(lanes: int) -> int:
    """At least so many lanes: a whole number of blocks, so that all rows begin at a cache line."""
    return -(-lanes // BLOCK) * BLOCK


def layout_of(
    output: Shape,
    rows: ReceptiveField,
    columns: ReceptiveField,
    shared: SharedMaps,
    neuron: FixedPointNeuron,
    fire_once: bool,
) -> Layout:
    """The numbers of a layer with output (O, H, W); `neuron` holds the parameters of the distinct maps."""
    drives, overhang = shared.drives, columns.taps - 1
    needed = max(output[2] + overhang, int(columns.start.max()) + columns.taps)
    pixels = tile_pixels(drives, output[2])
    tiles = -(-output[2] // pixels)
    pitch, left = whole_blocks(max(tiles * pixels, needed) * drives), whole_blocks(overhang * drives)
    above, below = quiet_range(neuron, shared)
    return Layout(
        tap_rows=rows.taps,
        vectors=-(-columns.taps * drives // VECTOR),
        rows=output[1],
        tiles=tiles,
        lanes=pixels * drives,
        signs=shared.signs,
        drives=drives,
        used=output[2] * drives,
        pitch=pitch,
        overhang=left,
        margin=(rows.taps - 1) * pitch + left,
        spare=(max(int(rows.start.max()) + rows.taps - output[1], 0) + 1) * pitch,
        lower=0 if neuron.floor else STATE_MIN,
        above=above,
        below=below,
        multiplicative=neuron.leak_mode == "multiplicative",
        fire_once=fire_once,
        biased=neuron.leak_mode == "multiplicative" and bool(neuron.bias.any()),
        restless=bool((neuron.pull < 0).any()),
    )


def quiet_range(neuron: FixedPointNeuron, shared: SharedMaps) -> tuple[int, int]:
    """The drives between which no membrane leaves zero: `0 + A + B - L <= 0`, and the floor keeps it there."""
    if not neuron.floor:
        return ALWAYS, NEVER
    least = np.clip(neuron.pull, ALWAYS + 1, NEVER)
    above = int(least[: shared.drives].min())
    return above, (-int(least[shared.drives :].min()) if shared.signs == 2 else ALWAYS)
