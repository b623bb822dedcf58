"""What a checkpoint says beside its tensors: pools, frame size, steps, epoch, and adapted thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.network import Pair


@dataclass(frozen=True)
class Config:
    """`config.model` and `config.data` of the training code, and its bookkeeping; all of it may be missing."""

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @classmethod
    def of(cls, contents: Mapping[str, Any]) -> Config:
        config = _mapping(contents.get("config"))
        return cls(_mapping(config.get("model")), _mapping(config.get("data")), _provenance(contents))

    @property
    def timesteps(self) -> int | None:
        """Steps per sample."""
        value = self.data.get("n_timesteps")
        return None if value is None else positive(value, "config.data.n_timesteps")

    @property
    def input_size(self) -> Pair | None:
        """(height, width) of the frames."""
        sizes = {key: self.data.get(f"input_{key}") for key in ("height", "width")}
        if None in sizes.values():
            return None
        height, width = (positive(value, f"config.data.input_{key}") for key, value in sizes.items())
        return height, width


def adapted_thresholds(contents: Mapping[str, Any]) -> dict[str, Any]:
    """Layer name -> adapted thresholds, as stored; CheckpointError where the checkpoint has none."""
    managers = _mapping(_mapping(contents.get("extra_state")).get("threshold_managers"))
    found = {str(name): _mapping(manager).get("thresholds") for name, manager in managers.items()}
    found = {name: values for name, values in found.items() if values is not None}
    if not found:
        raise CheckpointError(
            "holds no `extra_state.threshold_managers[convN].thresholds`, which `thresholds='adapted'` asks for; "
            "use 'buffers'"
        )
    return found


def positive(value: Any, label: str) -> int:
    """`value` as a whole number above zero; CheckpointError otherwise."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != int(value) or value < 1:
        raise CheckpointError(f"`{label}` is {value!r}, expected a whole number above zero")
    return int(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _provenance(contents: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if isinstance(contents.get("epoch"), (int, float)):
        facts["epoch"] = contents["epoch"]
    if isinstance(contents.get("pytorch_version"), str):
        facts["pytorch_version"] = str(contents["pytorch_version"])
    return facts
