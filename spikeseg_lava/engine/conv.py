"""A spiking convolution of the event engine: its parameters, which stay, and its state, which changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.conv import settle
from spikeseg_lava.engine.kernels.record import LONG_AGO, aligned
from spikeseg_lava.engine.kernels.vectors import BLOCK
from spikeseg_lava.engine.layers import EventLayer, divider
from spikeseg_lava.engine.layout import Layout, layout_of, receptive_fields
from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct, shared_maps_of
from spikeseg_lava.engine.synapses import synapses
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import STATE_MAX, STATE_MIN, FixedPointNeuron

BESIDE_THE_ROWS = {"overhang", "spare"}  # of the layout: needed to build the tables, not by the kernels
PULL_MAX = 2**25  # what pulls (or lifts) more takes any membrane to the end of its range, as this does


class Lanes(NamedTuple):
    """Neuron parameters, Int32[signs * lanes] each: those of the distinct maps, repeated over the pixels of a tile.

    Attributes:
        leak: less the bias, where the leak is subtractive.
        enough: steps after which the leak alone has taken any membrane to its lower bound.
        bias: where the leak is multiplicative.
    """

    threshold: NDArray[np.int32]
    leak: NDArray[np.int32]
    enough: NDArray[np.int32]
    decay: NDArray[np.int32]
    bias: NDArray[np.int32]


class State(NamedTuple):
    """Everything that changes.

    Attributes:
        drive: of every lane; zero between steps, margins apart.
        membrane: of every neuron.
        fired: of every neuron, a bit each.
        updated: of every piece of membrane, one for each sign of a tile, the step it is at.
        nonzero: of every piece, whether any membrane may be other than zero.
        seen, reached: of every input and every output row, the tiles its events reach, a bit each; 0 between steps.
        sources, listed: this step's input and output rows; one entry more than there are, for the writing ahead.
    """

    drive: NDArray[Any]
    membrane: NDArray[np.int32]
    fired: NDArray[np.uint16]
    updated: NDArray[np.int64]
    nonzero: NDArray[np.uint8]
    seen: NDArray[np.uint64]
    reached: NDArray[np.uint64]
    sources: NDArray[np.int64]
    listed: NDArray[np.int64]


def lane_parameters(neuron: FixedPointNeuron, layout: Layout) -> Lanes:
    """The parameters of the distinct maps, repeated over the pixels of a tile, one sign after the other."""
    threshold, leak = np.minimum(neuron.threshold, STATE_MAX + 1), np.clip(neuron.pull, -PULL_MAX, PULL_MAX)
    enough = np.where(leak > 0, -(-(STATE_MAX - STATE_MIN) // np.maximum(leak, 1)), 0)
    pixels = layout.lanes // layout.drives
    parameters = (threshold, leak, enough, neuron.decay, neuron.bias)
    each = (np.tile(a.reshape(layout.signs, layout.drives), pixels) for a in parameters)
    return Lanes(*(aligned(a.ravel().astype(np.int32)) for a in each))


def fresh_state(layout: Layout, input_rows: int, dtype: Any) -> State:
    """State of neurons that never received an event."""
    pieces = layout.rows * layout.tiles * layout.signs
    return State(
        drive=aligned(np.zeros(layout.margin + layout.rows * layout.pitch + layout.spare, dtype)),
        membrane=aligned(np.zeros(layout.neurons, np.int32)),
        fired=np.zeros(layout.neurons // BLOCK, np.uint16),
        updated=np.full(pieces, LONG_AGO, np.int64),
        nonzero=np.zeros(pieces, np.uint8),
        seen=np.zeros(input_rows, np.uint64),
        reached=np.zeros(layout.rows, np.uint64),
        sources=np.empty(input_rows + 1, np.int64),
        listed=np.empty(layout.rows + 1, np.int64),
    )


class EventConv(EventLayer):
    """A spiking convolution with event-driven state.

    Args:
        kernel: Int64[O, I, kh, kw], all planes summed.
        neuron: integer thresholds, leaks, decays and biases.
        input_shape: (C, H, W); output_shape likewise.
        accumulator: integer type that no sum of payload times weight overflows.
        inputs: shared maps of the input, where it has one event for all maps that fire alike.
        share: whether equal maps are computed once; not where their membranes may be set one by one.
        reset_interval: steps after which all state is cleared, counted from the last clear; None: never.
    """

    def __init__(
        self,
        kernel: NDArray[np.int64],
        neuron: FixedPointNeuron,
        input_shape: Shape,
        output_shape: Shape,
        *,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        accumulator: Any = np.int64,
        fire_once: bool = True,
        inputs: SharedMaps | None = None,
        share: bool = True,
        reset_interval: int | None = None,
    ) -> None:
        shared = shared_maps_of(kernel, neuron) if share else all_distinct(len(kernel))
        kernel, neuron = shared.kernel_of_drives(kernel), shared.neuron_of_distinct(neuron)
        kernel = kernel if inputs is None else inputs.kernel_on_distinct(kernel)
        rows, columns = receptive_fields(input_shape, output_shape, (kernel.shape[2], kernel.shape[3]), stride, padding)
        self._layout = layout_of(output_shape, rows, columns, shared, neuron, fire_once)
        self._state = fresh_state(self._layout, input_shape[1], accumulator)
        numbers = {name: int(value) for name, value in asdict(self._layout).items() if name not in BESIDE_THE_ROWS}
        tables = synapses(kernel, rows, columns, stride, self._layout, accumulator)
        arrays = tables._asdict() | lane_parameters(neuron, self._layout)._asdict() | self._state._asdict()
        numbers |= divider("over_drives", shared.drives) | {"interval": reset_interval or 0}
        seen: Shape = (kernel.shape[1], *input_shape[1:])
        super().__init__(shared, seen, numbers, arrays)

    @property
    def touched_neurons(self) -> int:
        """Neurons updated in the last step: whole tiles, of equal maps one."""
        layout, last = self._layout, int(self.record["step"][0]) - 1
        return int(np.count_nonzero(self._state.updated == last)) * layout.lanes

    def settle(self) -> NDArray[np.int32]:
        """Int32[rows, columns, O]: every membrane after the last step."""
        distinct = self.settle_distinct()
        return distinct if self.shared.trivial else distinct[:, :, self.shared.source]

    def settle_distinct(self) -> NDArray[np.int32]:
        """Int32[rows, columns, U]: the same for the distinct maps."""
        settle(self.record[0])
        return np.concatenate(self._of_distinct(self._state.membrane), axis=-1)

    def fired(self) -> NDArray[np.uint8]:
        """UInt8[rows, columns, O]: which neurons have fired since the last clear."""
        settle(self.record[0])
        bits = self._of_distinct(np.unpackbits(self._state.fired.view(np.uint8), bitorder="little"))
        return np.concatenate(bits, axis=-1)[:, :, self.shared.source]

    def put(self, membrane: NDArray[Any], fired: NDArray[Any]) -> None:
        """Replace the state, both [rows, columns, O]; only of a layer that does not share."""
        settle(self.record[0])
        last = self.record["step"] - 1
        self.record["since"] = np.minimum(self.record["since"], last)  # or what is put would count as before the clear
        self._state.updated[...] = last
        bits = np.zeros(self._layout.neurons, np.uint8)
        self._of_distinct(bits)[...] = fired
        self._of_distinct(self._state.membrane)[...] = membrane
        self._state.fired[...] = np.packbits(bits, bitorder="little").view(np.uint16)
        self._state.nonzero[...] = 1

    def _of_distinct(self, values: NDArray[Any]) -> NDArray[Any]:
        """[signs, rows, columns, drives] of values of every neuron, padding left away."""
        layout = self._layout
        signs = values.reshape(layout.rows, layout.tiles, layout.signs, layout.lanes).transpose(2, 0, 1, 3)
        used = signs.reshape(layout.signs, layout.rows, -1)[:, :, : layout.used]
        return used.reshape(layout.signs, layout.rows, -1, layout.drives)


def accumulator_type(kernel: NDArray[np.int64], largest_payload: int) -> Any:
    """Int32 where no sum of payload times weight can leave it, else Int64."""
    worst = int(np.abs(kernel).sum(axis=(1, 2, 3)).max()) * largest_payload
    return np.int32 if worst < 2**31 else np.int64
