"""The layers of the event engine: arrays and numbers, put into the records that the compiled kernels read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.conv_kernel import settle
from spikeseg_lava.engine.conv_layout import layout_of, reaches
from spikeseg_lava.engine.conv_state import LONG_AGO, fresh_state, lane_parameters
from spikeseg_lava.engine.conv_synapses import synapses
from spikeseg_lava.engine.division import reciprocal
from spikeseg_lava.engine.kinds import Kinds, all_distinct, kinds_of
from spikeseg_lava.engine.layer_record import NUMBERS, layer_record
from spikeseg_lava.engine.pool_windows import windows
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointConv, FixedPointLayer, FixedPointModel, FixedPointNeuron
from spikeseg_lava.network import Pair, PoolLayer, Shape


class EventLayer:
    """What convolutions and pools have in common.

    Attributes:
        kinds: of the output maps.
        inputs: number of places an input event can have.
        record: LAYER[1], what the kernels read and write; a LayerChain moves it to where several lie side by side.
    """

    def __init__(
        self, kinds: Kinds, input_shape: Shape, channels: int, numbers: dict[str, int], arrays: dict[str, NDArray[Any]]
    ) -> None:
        self.kinds, line = kinds, input_shape[0] * input_shape[2]
        self.inputs = line * input_shape[1]
        self._numbers = {
            **numbers, **_divider("over_line", line), **_divider("over_kinds", len(kinds.first)),
            "line": line, "kinds": channels, "copies": not kinds.trivial,
        }  # fmt: skip
        self._arrays = {**arrays, "maps": kinds.maps, "ends": kinds.ends}
        self.record = layer_record(self._numbers, self._arrays)

    def clear(self) -> None:
        """Forget all state, as between samples: nothing that was last updated before this step counts."""
        self.record["since"] = self.record["step"]

    def settle(self) -> Any:
        """Bring all state up to date; a pool has none."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_time": (self.record["step"], self.record["since"])}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        self.record = layer_record(self._numbers, self._arrays)  # the arrays of a copy lie elsewhere
        self.record["step"], self.record["since"] = self.__dict__.pop("_time")


class EventConv(EventLayer):
    """A spiking convolution with event-driven state.

    Args:
        kernel: Int64[O, I, kh, kw], all planes summed.
        neuron: integer thresholds, leaks and decays.
        input_shape: (C, H, W); output_shape likewise.
        accumulator: integer type that no sum of payload times weight overflows.
        inputs: kinds of the input maps, where the input has one event for all maps of a kind.
        share: compute maps that do the same only once; not where their membranes may be set one by one.
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
        inputs: Kinds | None = None,
        share: bool = True,
    ) -> None:
        check_lazy(neuron)
        kinds = kinds_of(kernel, neuron) if share else all_distinct(len(kernel))
        kernel, neuron = kinds.kernel_of_bases(kernel), kinds.neuron_of_kinds(neuron)
        kernel = kernel if inputs is None else inputs.kernel_on_kinds(kernel)
        rows, columns = reaches(input_shape, output_shape, (kernel.shape[2], kernel.shape[3]), stride, padding)
        self._layout = layout_of(output_shape, rows, columns, kinds, neuron, fire_once)
        self._state = fresh_state(self._layout, input_shape[1], accumulator)
        numbers = {name: int(number) for name, number in asdict(self._layout).items() if name in NUMBERS}
        tables = synapses(kernel, rows, columns, stride, self._layout, accumulator)
        arrays = tables._asdict() | lane_parameters(neuron, self._layout)._asdict() | self._state._asdict()
        numbers |= _divider("over_bases", kinds.bases)
        seen: Shape = (kernel.shape[1], *input_shape[1:])
        super().__init__(kinds, seen, len(kinds.first), numbers, arrays)

    @property
    def touched_neurons(self) -> int:
        """Neurons brought up to date in the last step: those of whole tiles, maps that do the same once."""
        layout, last = self._layout, int(self.record["step"][0]) - 1
        return int(np.count_nonzero(self._state.updated == last)) * layout.lanes

    def settle(self) -> NDArray[np.int32]:
        """Int32[rows, columns, O]: every membrane after the last step."""
        kinds = self.settle_kinds()
        return kinds if self.kinds.trivial else kinds[:, :, self.kinds.kind]

    def settle_kinds(self) -> NDArray[np.int32]:
        """Int32[rows, columns, kinds]: the same for one map of each kind."""
        settle(self.record[0])
        return np.concatenate(self._of_kinds(self._state.membrane), axis=-1)

    def fired(self) -> NDArray[np.uint8]:
        """UInt8[rows, columns, O]: which neurons have fired since the last clear."""
        settle(self.record[0])
        bits = self._of_kinds(np.unpackbits(self._state.fired.view(np.uint8), bitorder="little"))
        return np.concatenate(bits, axis=-1)[:, :, self.kinds.kind]

    def put(self, membrane: NDArray[Any], fired: NDArray[Any]) -> None:
        """Replace the state, both [rows, columns, O]; only of a layer that does not share."""
        settle(self.record[0])
        self.record["since"] = self.record["step"] - 1  # so that even a layer that never ran keeps what it gets
        bits = np.zeros(self._layout.neurons, np.uint8)
        self._of_kinds(bits)[...] = fired
        self._of_kinds(self._state.membrane)[...] = membrane
        self._state.fired[...] = np.packbits(bits, bitorder="little").view(np.uint16)
        self._state.charged[...] = 1

    def _of_kinds(self, values: NDArray[Any]) -> NDArray[Any]:
        """[signs, rows, columns, bases] of values of every neuron, padding left away."""
        layout = self._layout
        signs = values.reshape(layout.rows, layout.tiles, layout.signs, layout.lanes).transpose(2, 0, 1, 3)
        used = signs.reshape(layout.signs, layout.rows, -1)[:, :, : layout.used]
        return used.reshape(layout.signs, layout.rows, -1, layout.bases)


class EventPool(EventLayer):
    """An OR-pool with event-driven state; of maps that do the same it pools one."""

    def __init__(self, layer: PoolLayer, input_shape: Shape, output_shape: Shape, inputs: Kinds | None = None) -> None:
        kinds = inputs or all_distinct(input_shape[0])
        channels, height, width = len(kinds.first), output_shape[1], output_shape[2]
        rows, columns = reaches(input_shape, output_shape, layer.kernel, layer.stride, (0, 0))
        tables = windows(channels, width, rows, columns)
        marked = np.full(height * width * channels, LONG_AGO, np.int64)
        numbers = {"pools": 1, "columns": width, "most": rows.taps * columns.taps}
        seen: Shape = (channels, *input_shape[1:])
        super().__init__(kinds, seen, channels, numbers, tables._asdict() | {"marked": marked})


def event_layers(model: FixedPointModel, size: Pair, fire_once: bool) -> dict[str, EventConv | EventPool]:
    """The layers of a model for frames of `size` (height, width), cleared; between them travel the spikes of kinds."""
    shape: Shape = (model.input_channels, *size)
    layers: dict[str, EventConv | EventPool] = {}
    accumulator, kinds = accumulator_of(model), None
    for layer in model.layers:
        output = layer.output_shape(shape)
        made = event_layer(layer, shape, output, accumulator, fire_once, kinds)
        shape, kinds = output, made.kinds
        layers[layer.name] = made
    return layers


def event_layer(
    layer: FixedPointLayer, shape: Shape, output: Shape, accumulator: Any, fire_once: bool, inputs: Kinds | None
) -> EventConv | EventPool:
    """One layer of the engine."""
    if not isinstance(layer, FixedPointConv):
        return EventPool(layer, shape, output, inputs)
    return EventConv(
        layer.kernel, layer.neuron, shape, output,
        stride=layer.stride, padding=layer.padding, accumulator=accumulator, fire_once=fire_once, inputs=inputs,
    )  # fmt: skip


def accumulator_of(model: FixedPointModel) -> Any:
    """The integer type for all drives of a model."""
    largest, types = model.input.largest, []
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            types.append(accumulator_type(layer.kernel, largest))
            largest = 1
    return max(types, key=lambda kind: np.dtype(kind).itemsize, default=np.int32)


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


def _divider(name: str, divisor: int) -> dict[str, int]:
    multiplier, shift = reciprocal(divisor)
    return {name: int(multiplier), f"{name}_shift": int(shift)}
