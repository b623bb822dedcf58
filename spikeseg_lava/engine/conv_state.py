"""What the neurons of a convolution hold: parameters that stay, and state that changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.addresses import aligned
from spikeseg_lava.engine.conv_layout import Layout
from spikeseg_lava.engine.layer_record import LONG_AGO
from spikeseg_lava.engine.vectors import BLOCK
from spikeseg_lava.fixed_point import STATE_MAX, STATE_MIN, FixedPointNeuron

LEAK_MAX = 2**25  # leaks beyond take any membrane to its lower bound, as this one does


class Lanes(NamedTuple):
    """Neuron parameters, Int32[signs * lanes] each: those of the kinds, repeated over the pixels of a tile.

    `enough`: steps after which the leak alone has taken any membrane to its lower bound.
    """

    threshold: NDArray[np.int32]
    leak: NDArray[np.int32]
    enough: NDArray[np.int32]
    decay: NDArray[np.int32]


class State(NamedTuple):
    """Everything that changes.

    Attributes:
        drive: of every lane; zero between steps, margins apart.
        membrane: of every neuron.
        fired: of every neuron, a bit each.
        updated: of every piece of membrane, one for each sign of a tile, the step it is at.
        charged: of every piece, whether any membrane may be other than zero.
        seen, reached: of every input and every output row, the tiles its events reach, a bit each; 0 between steps.
        sources, listed: this step's input and output rows; one entry more than there are, for the writing ahead.
    """

    drive: NDArray[Any]
    membrane: NDArray[np.int32]
    fired: NDArray[np.uint16]
    updated: NDArray[np.int64]
    charged: NDArray[np.uint8]
    seen: NDArray[np.uint64]
    reached: NDArray[np.uint64]
    sources: NDArray[np.int64]
    listed: NDArray[np.int64]


def lane_parameters(neuron: FixedPointNeuron, layout: Layout) -> Lanes:
    """The parameters of the kinds, repeated over the pixels of a tile, one sign after the other."""
    threshold, leak = np.minimum(neuron.threshold, STATE_MAX + 1), np.minimum(neuron.leak, LEAK_MAX)
    enough = np.where(leak > 0, -(-(STATE_MAX - STATE_MIN) // np.maximum(leak, 1)), 0)
    pixels = layout.lanes // layout.bases
    each = (np.tile(a.reshape(layout.signs, layout.bases), pixels) for a in (threshold, leak, enough, neuron.decay))
    return Lanes(*(aligned(a.ravel().astype(np.int32)) for a in each))


def fresh_state(layout: Layout, input_rows: int, dtype: Any) -> State:
    """State of neurons that never saw anything."""
    pieces = layout.rows * layout.tiles * layout.signs
    return State(
        drive=aligned(np.zeros(layout.margin + layout.rows * layout.pitch + layout.spare, dtype)),
        membrane=aligned(np.zeros(layout.neurons, np.int32)),
        fired=np.zeros(layout.neurons // BLOCK, np.uint16),
        updated=np.full(pieces, LONG_AGO, np.int64),
        charged=np.zeros(pieces, np.uint8),
        seen=np.zeros(input_rows, np.uint64),
        reached=np.zeros(layout.rows, np.uint64),
        sources=np.empty(input_rows + 1, np.int64),
        listed=np.empty(layout.rows + 1, np.int64),
    )
