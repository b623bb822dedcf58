"""What a clip makes a network do: spikes, synaptic operations, neuron updates.

A synaptic operation is one addition of one (spike, weight) pair to a neuron inside the borders; a graded event is one
spike, and every weight plane adds for itself. A neuron update is one neuron in one time step: every neuron of the chip
is updated in every step, whether it received anything or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordError
from spikeseg_lava.network import counting
from spikeseg_lava.network.counting import CountedLayer
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True)
class LayerActivity:
    """What one layer did in one sample.

    Attributes:
        input_events: spikes (or events of the frames) that reached it; None where no frames were given.
        operations: synaptic operations they caused; None where no frames were given.
        updates: neuron updates.
        dense_operations: operations if every input were active in every step.
        spikes: of the layer itself; `active`: neurons that fired at least once.
    """

    name: str
    is_pool: bool
    input_events: int | None
    operations: int | None
    updates: int
    dense_operations: int
    spikes: int
    active: int


@dataclass(frozen=True, eq=False)
class Activity:
    """What all layers did in one sample of `steps` time steps."""

    steps: int
    layers: tuple[LayerActivity, ...]

    @property
    def spikes(self) -> int:
        return sum(layer.spikes for layer in self.layers)

    @property
    def updates(self) -> int:
        return sum(layer.updates for layer in self.layers)

    @property
    def operations(self) -> int | None:
        """Of all layers; None where no frames were given."""
        parts = [layer.operations for layer in self.layers]
        return None if None in parts else sum(part for part in parts if part is not None)


def activity(
    network: SpikingNetwork | FixedPointModel,
    record: SpikeRecord,
    frames: NDArray[Any] | None = None,
    size: Pair | None = None,
) -> Activity:
    """Activity of a run from its record; `frames` Float[T, C, H, W] tell the events of the first layer.

    Raises:
        RecordError: the record lacks a layer, or says nothing about its steps while no frames are given.
        ArgumentError: no frame size known.
    """
    if frames is not None:
        size = (int(frames.shape[2]), int(frames.shape[3]))
    steps = len(frames) if frames is not None else _steps(record)
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    shape: Shape = (network.input_channels, height, width)
    incoming = None if frames is None else input_events(network, frames)
    found = []
    for layer in network.layers:
        rows = _rows(record, layer.name)
        found.append(_layer(layer, shape, steps, incoming, rows))
        incoming, shape = rows, shapes[layer.name]
    return Activity(steps, tuple(found))


def input_events(network: SpikingNetwork | FixedPointModel, frames: NDArray[Any]) -> NDArray[np.int64]:
    """Int64[N, 4] (t, c, y, x): what of the frames reaches the first layer; payloads that round to 0 do not."""
    payload = network.input.encode(frames) if isinstance(network, FixedPointModel) else frames
    return np.argwhere(np.asarray(payload) != 0)


def _layer(
    layer: CountedLayer, shape: Shape, steps: int, incoming: NDArray[Any] | None, rows: NDArray[np.int32]
) -> LayerActivity:
    return LayerActivity(
        layer.name, isinstance(layer, PoolLayer),
        None if incoming is None else len(incoming),
        None if incoming is None else counting.synaptic_operations(layer, shape, incoming),
        counting.neurons(layer, shape) * steps,
        counting.synapses(layer, shape) * counting.planes(layer) * steps,
        len(rows), len(np.unique(rows[:, 1:], axis=0)),
    )  # fmt: skip


def _rows(record: SpikeRecord, name: str) -> NDArray[np.int32]:
    if name not in record.spikes:
        raise RecordError(f"the record holds no layer `{name}`, only {', '.join(record.spikes)}")
    return record.spikes[name]


def _steps(record: SpikeRecord) -> int:
    if "steps" not in record.meta:
        raise RecordError("the record does not say how many steps it ran: give `frames`, or `steps` in its meta")
    return int(record.meta["steps"])
