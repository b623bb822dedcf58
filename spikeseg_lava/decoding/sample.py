"""What is known about the sample behind a spike record: frame size, steps, and that its spikes fit the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.network.floats import ConvLayer, Pair, Shape, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


def frame_size(record: SpikeRecord, network: SpikingNetwork | FixedPointModel, first: ConvLayer) -> Pair:
    """(height, width) of the frames of a record, from the shape of its first layer or else the network's own.

    A first layer of stride 1 tells the size exactly. With another stride several sizes give the same layer: the
    network's own is taken where it fits, else the smallest.
    """
    shape = _recorded_shape(record, first.name)
    if shape is None:
        if network.input_size is None:
            raise ArgumentError(
                f"`size` is needed: the record has neither shape nor membrane of `{first.name}`, and the network does "
                "not say which frame size it was trained at"
            )
        return network.input_size
    own = network.input_size
    if own is not None and first.output_shape((first.weight.shape[1], *own))[1:] == shape:
        return own
    height, width = (
        max((n - 1) * s - 2 * p + k, 1)
        for n, s, p, k in zip(shape, first.stride, first.padding, first.weight.shape[2:], strict=True)
    )
    return height, width


def _recorded_shape(record: SpikeRecord, name: str) -> Pair | None:
    shapes = {**record.meta.get("shapes", {}), **{key: value.shape for key, value in record.membranes.items()}}
    shape = shapes.get(name)
    return None if shape is None else (int(shape[-2]), int(shape[-1]))


def step_count(record: SpikeRecord, timesteps: int | None, trained: int | None) -> int:
    """Steps of the sample: as given, as the record's `meta` says, or those trained with; never fewer than it holds."""
    last = max((int(rows[:, 0].max()) + 1 for rows in record.spikes.values() if len(rows)), default=1)
    steps: Any = timesteps if timesteps is not None else record.meta.get("steps")
    if steps is None:
        return max(trained or 1, last)
    if int(steps) < last:
        raise ArgumentError(f"`timesteps` is {steps}, but the record holds spikes of step {last - 1} (counted from 0)")
    return int(steps)


def check_spikes(record: SpikeRecord, shapes: Mapping[str, Shape]) -> None:
    """RecordError where a spike lies outside its layer, or spikes are not in order of time."""
    for name, shape in shapes.items():
        rows = record.spikes.get(name)
        if rows is None or not len(rows):
            continue
        if np.any(np.diff(rows[:, 0]) < 0):
            raise RecordError(f"spikes of `{name}` are not in order of time: rows must be sorted by t, c, y, x")
        outside = (rows[:, 1:] < 0).any(axis=1) | (rows[:, 1:] >= np.array(shape)).any(axis=1)
        if outside.any():
            site = tuple(int(n) for n in rows[np.argmax(outside)])
            raise RecordError(
                f"the record does not fit the network: `{name}` has shape {shape}, a spike is at (t, c, y, x) = {site}"
            )


def layer_rows(record: SpikeRecord, name: str) -> NDArray[np.int32]:
    """Int32[N, 4] of (t, c, y, x): the spikes of a layer; RecordError where the record has none of that name."""
    if name not in record.spikes:
        raise RecordError(f"the record holds no layer `{name}`; it holds {', '.join(record.spikes) or 'none'}")
    return record.spikes[name]


def rows_of_step(record: SpikeRecord, name: str, step: int) -> NDArray[np.int32]:
    """Int32[N, 3] of (c, y, x): the spikes of a layer in one step."""
    rows = layer_rows(record, name)
    first, last = np.searchsorted(rows[:, 0], [step, step + 1])
    return rows[first:last, 1:]
