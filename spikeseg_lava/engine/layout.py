"""How the state of a convolution lies in memory.

Memory runs (row, column, channel), so one event adds to one contiguous run per kernel row. Padding after each row
absorbs weights that overhang its right border or the next row's left border. It is never read.

A *tile* is a short piece of a row that is updated at once: all its neurons share one time stamp, and its `lanes` fill
the vector registers. Where a layer has maps of opposite weights, a tile has one drive and two pieces of membrane, one
behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikeseg_lava.engine.kernels.vectors import BLOCK, MASK, VECTOR
from spikeseg_lava.engine.receptive_field import ReceptiveField
from spikeseg_lava.engine.shared_maps import SharedMaps
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import STATE_MIN, FixedPointNeuron

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
