"""A layer of the event engine: its arrays and numbers in the record that the compiled kernels read; and the OR-pool."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.record import LONG_AGO, layer_record, reciprocal
from spikeseg_lava.engine.layout import ReceptiveField, receptive_fields
from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct
from spikeseg_lava.network.floats import PoolLayer, Shape


class EventLayer:
    """What convolutions and pools have in common.

    Attributes:
        shared: of the output maps.
        inputs: number of places an input event can have.
        record: LAYER[1], what the kernels read and write; a LayerChain moves it to where several lie side by side.
    """

    def __init__(
        self, shared: SharedMaps, input_shape: Shape, numbers: dict[str, int], arrays: dict[str, NDArray[Any]]
    ) -> None:
        self.shared, line = shared, input_shape[0] * input_shape[2]
        self.inputs = line * input_shape[1]
        self._numbers = {
            **numbers, **divider("over_line", line), **divider("over_distinct", len(shared.distinct)),
            "line": line, "distinct": len(shared.distinct), "copies": not shared.trivial,
        }  # fmt: skip
        self._arrays = {**arrays, "maps": shared.copies, "ends": shared.ends}
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


def divider(name: str, divisor: int) -> dict[str, int]:
    """The numbers of a record that stand for a division by `divisor`."""
    multiplier, shift = reciprocal(divisor)
    return {name: int(multiplier), f"{name}_shift": int(shift)}


NOWHERE = -(2**40)  # added to any place it stays negative


class Windows(NamedTuple):
    """Which windows of a pool see an input event.

    Attributes:
        first_row, last_row: Int64[input rows], rows of windows that see each.
        first_column, last_column: Int64[input columns], likewise.
        row_place, column_place: where at most one window sees an event, what they add to its flat place.
    """

    first_row: NDArray[np.int64]
    last_row: NDArray[np.int64]
    first_column: NDArray[np.int64]
    last_column: NDArray[np.int64]
    row_place: NDArray[np.int64]
    column_place: NDArray[np.int64]


def windows(channels: int, columns_out: int, rows: ReceptiveField, columns: ReceptiveField) -> Windows:
    """Tables of a pool over input of `channels` maps with `columns_out` columns of windows."""
    row_place = np.where(rows.count > 0, rows.first * columns_out * channels, NOWHERE)
    column_place = np.where(columns.count > 0, columns.first * channels, NOWHERE)
    return Windows(rows.first, rows.last, columns.first, columns.last, row_place, column_place)


class EventPool(EventLayer):
    """An OR-pool with event-driven state; of maps that fire alike it pools one."""

    def __init__(
        self, layer: PoolLayer, input_shape: Shape, output_shape: Shape, inputs: SharedMaps | None = None
    ) -> None:
        shared = inputs or all_distinct(input_shape[0])
        channels, height, width = len(shared.distinct), output_shape[1], output_shape[2]
        rows, columns = receptive_fields(input_shape, output_shape, layer.kernel, layer.stride, (0, 0))
        tables = windows(channels, width, rows, columns)
        marked = np.full(height * width * channels, LONG_AGO, np.int64)
        numbers = {"pools": 1, "columns": width, "most": rows.taps * columns.taps}
        seen: Shape = (channels, *input_shape[1:])
        super().__init__(shared, seen, numbers, tables._asdict() | {"marked": marked})
