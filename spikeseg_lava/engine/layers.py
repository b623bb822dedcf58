"""The layers of the event engine: state arrays around the compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.conv_arrays import (
    LONG_AGO,
    fresh_state,
    lane_parameters,
    layout_of,
    reaches,
    synapses,
)
from spikeseg_lava.engine.conv_kernel import conv_steps, settle
from spikeseg_lava.engine.pool_kernel import pool_steps, windows
from spikeseg_lava.engine.sparse import SparseSteps
from spikeseg_lava.engine.twins import twins
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointConv, FixedPointLayer, FixedPointModel, FixedPointNeuron
from spikeseg_lava.network import Pair, PoolLayer, Shape


class EventConv:
    """A spiking convolution with event-driven state.

    Args:
        kernel: Int64[O, I, kh, kw], all planes summed.
        neuron: integer thresholds, leaks and decays.
        input_shape: (C, H, W); output_shape likewise.
        largest_payload: of the input, to choose an accumulator that cannot overflow.
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
        largest_payload: int = 1,
        fire_once: bool = True,
    ) -> None:
        check_lazy(neuron)
        self._twins = twins(kernel, neuron)
        kernel, neuron = kernel[self._twins.first], self._twins.neuron_of_kinds(neuron)
        shape: Shape = (len(kernel), output_shape[1], output_shape[2])
        dtype = accumulator_type(kernel, largest_payload)
        rows, columns = reaches(input_shape, shape, (kernel.shape[2], kernel.shape[3]), stride, padding)
        self._layout = layout_of(input_shape, shape, rows, columns, neuron, fire_once)
        self._synapses = synapses(kernel, rows, columns, stride, self._layout, dtype)
        self._neuron = lane_parameters(neuron, self._layout)
        self._state = fresh_state(self._layout, input_shape[1], dtype)
        self._shape = output_shape
        self._step, self._since = 0, 0

    def clear(self) -> None:
        """Forget membrane and fire-once state: tiles last updated before this step count as zero."""
        self._since = self._step

    def run(self, events: SparseSteps) -> SparseSteps:
        """Spikes of the next `events.steps` steps."""
        first, self._step = self._step, self._step + events.steps
        if not len(events.index):
            return SparseSteps.silent(events.steps)
        payload = events.payload.astype(self._synapses.taps.dtype, copy=False)
        offsets, index = conv_steps(
            events.offsets, events.index, payload, first, self._since,
            self._layout, self._synapses, self._neuron, self._state,
        )  # fmt: skip
        return self._twins.spread(SparseSteps.of_spikes(offsets, index))

    @property
    def touched_neurons(self) -> int:
        """Neurons brought up to date in the last step: those of whole tiles, equal maps once."""
        return int(np.count_nonzero(self._state.updated == self._step - 1)) * self._layout.lanes

    def settle(self) -> NDArray[np.int32]:
        """Int32[rows, columns, O]: every membrane after the last step."""
        settle(self._step - 1, self._since, self._layout, self._neuron, self._state)
        _, rows, columns = self._shape
        padded = self._state.membrane.reshape(rows, -1)
        kinds = padded[:, self._layout.lead :][:, : self._layout.used].reshape(rows, columns, -1)
        return kinds if self._twins.distinct else kinds[:, :, self._twins.kind]


class EventPool:
    """An OR-pool with event-driven state."""

    def __init__(self, layer: PoolLayer, input_shape: Shape, output_shape: Shape) -> None:
        channels, height, width = output_shape
        rows, columns = reaches(input_shape, output_shape, layer.kernel, layer.stride, (0, 0))
        self._layout, self._windows = windows(channels, input_shape[2], width, rows, columns)
        self._marked = np.full(height * width * channels, LONG_AGO, np.int64)
        self._step = 0

    def clear(self) -> None:
        """Nothing to forget: a pool has no state."""

    def run(self, events: SparseSteps) -> SparseSteps:
        """Pooled spikes of the next `events.steps` steps."""
        first, self._step = self._step, self._step + events.steps
        if not len(events.index):
            return SparseSteps.silent(events.steps)
        offsets, index = pool_steps(events.offsets, events.index, first, self._layout, self._windows, self._marked)
        return SparseSteps.of_spikes(offsets, index)


def event_layers(model: FixedPointModel, size: Pair, fire_once: bool) -> dict[str, EventConv | EventPool]:
    """The layers of a model for frames of `size` (height, width), cleared."""
    shape: Shape = (model.input_channels, *size)
    layers: dict[str, EventConv | EventPool] = {}
    largest = model.input.largest
    for layer in model.layers:
        output = layer.output_shape(shape)
        layers[layer.name] = event_layer(layer, shape, output, largest, fire_once)
        shape, largest = output, 1
    return layers


def event_layer(
    layer: FixedPointLayer, shape: Shape, output: Shape, largest_payload: int, fire_once: bool
) -> EventConv | EventPool:
    """One layer of the engine."""
    if not isinstance(layer, FixedPointConv):
        return EventPool(layer, shape, output)
    return EventConv(
        layer.kernel, layer.neuron, shape, output,
        stride=layer.stride, padding=layer.padding, largest_payload=largest_payload, fire_once=fire_once,
    )  # fmt: skip


def accumulator_type(kernel: NDArray[np.int64], largest_payload: int) -> Any:
    """Int32 where no sum of payload times weight can leave it, else Int64."""
    worst = int(np.abs(kernel).sum(axis=(1, 2, 3)).max()) * largest_payload
    return np.int32 if worst < 2**31 else np.int64


def check_lazy(neuron: FixedPointNeuron) -> None:
    """Leaking an idle neuron later is exact only if it cannot fire by itself: leak >= 0 and threshold > 0."""
    negative: Sequence[str] = [n for n in ("leak", "decay") if getattr(neuron, n).min() < 0]
    if negative or neuron.threshold.min() < 1:
        raise ArgumentError(
            f"the event engine needs `threshold` >= 1, `leak` >= 0 and `decay` >= 0, got a smallest threshold of "
            f"{neuron.threshold.min()}, leak {neuron.leak.min()}, decay {neuron.decay.min()}"
        )
