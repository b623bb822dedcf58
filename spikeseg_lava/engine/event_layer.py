"""A layer of the event engine: its arrays and numbers, put into the record that the compiled kernels read."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.engine.division import reciprocal
from spikeseg_lava.engine.kinds import Kinds
from spikeseg_lava.engine.layer_record import layer_record
from spikeseg_lava.network import Shape


class EventLayer:
    """What convolutions and pools have in common.

    Attributes:
        kinds: of the output maps.
        inputs: number of places an input event can have.
        record: LAYER[1], what the kernels read and write; a LayerChain moves it to where several lie side by side.
    """

    def __init__(
        self, kinds: Kinds, input_shape: Shape, numbers: dict[str, int], arrays: dict[str, NDArray[Any]]
    ) -> None:
        self.kinds, line = kinds, input_shape[0] * input_shape[2]
        self.inputs = line * input_shape[1]
        self._numbers = {
            **numbers, **divider("over_line", line), **divider("over_kinds", len(kinds.first)),
            "line": line, "kinds": len(kinds.first), "copies": not kinds.trivial,
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


def divider(name: str, divisor: int) -> dict[str, int]:
    """The numbers of a record that stand for a division by `divisor`."""
    multiplier, shift = reciprocal(divisor)
    return {name: int(multiplier), f"{name}_shift": int(shift)}
