"""The layers of a model, as the event engine runs them."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikeseg_lava.engine.conv import EventConv, accumulator_type
from spikeseg_lava.engine.layers import EventPool
from spikeseg_lava.engine.shared_maps import Kinds
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, FixedPointModel


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
