"""An OR-pool of the event engine."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.engine.event_layer import EventLayer
from spikeseg_lava.engine.kinds import Kinds, all_distinct
from spikeseg_lava.engine.layer_record import LONG_AGO
from spikeseg_lava.engine.pool_windows import windows
from spikeseg_lava.engine.reach import reaches
from spikeseg_lava.network import PoolLayer, Shape


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
        super().__init__(kinds, seen, numbers, tables._asdict() | {"marked": marked})
