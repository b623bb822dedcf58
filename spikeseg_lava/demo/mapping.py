"""From the neurons of a layer back to the pixels of the sensor, for pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.record import SpikeRecord

Size = tuple[int, int]


def shown_layers(record: SpikeRecord, layers: Sequence[str] | None = None) -> list[str]:
    """The layers asked for, or all but pools (`pool1`, ...); ArgumentError for one the record does not hold."""
    if layers is None:
        return [name for name in record.spikes if not name.startswith("pool")] or list(record.spikes)
    for name in layers:
        if name not in record.spikes:
            raise ArgumentError(f"`layers` names `{name}`; the record holds {', '.join(record.spikes) or 'no layer'}")
    return list(layers)


def layer_size(record: SpikeRecord, name: str) -> Size:
    """(height, width) of a layer: from its membrane, the record's `shapes`, or at the least what its spikes reach."""
    if name in record.membranes:
        height, width = record.membranes[name].shape[-2:]
    elif name in record.meta.get("shapes", {}):
        height, width = record.meta["shapes"][name][-2:]
    else:
        rows = record.spikes[name]
        height, width = rows[:, 2:].max(axis=0) + 1 if len(rows) else (1, 1)
    return int(height), int(width)


def sensor_positions(
    rows: NDArray[np.integer], size: Size, sensor: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel (x, y) under the middle of each neuron of `rows` (t, c, y, x) in a layer of `size` (height, width).

    A neuron stands for an equal share of the sensor: exact for OR pools 2/2, to a pixel or two for others.
    """
    y, x = ((rows[:, 2 + i] + 0.5) * sensor[i] / size[i] - 0.5 for i in (0, 1))
    return x, y
