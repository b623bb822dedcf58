"""What a checkpoint says beside its tensors: pools, frame size, steps, epoch, and adapted thresholds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from spikeseg_lava.errors import CheckpointError, printable
from spikeseg_lava.network.floats import Pair

MOST = 2**20  # steps of a sample, pixels of a side: no camera and no network has more


@dataclass(frozen=True)
class Config:
    """`config.model` and `config.data` of the training code, and its bookkeeping; all of it may be missing."""

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @classmethod
    def of(cls, contents: Mapping[str, Any]) -> Config:
        config = _mapping(contents.get("config"))
        return cls(_mapping(config.get("model")), _mapping(config.get("data")), _bookkeeping(contents))

    @property
    def timesteps(self) -> int | None:
        """Steps per sample."""
        return self._count("n_timesteps")

    @property
    def input_size(self) -> Pair | None:
        """(height, width) of the frames."""
        height, width = self._count("input_height"), self._count("input_width")
        return None if height is None or width is None else (height, width)

    def _count(self, key: str) -> int | None:
        value = self.data.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST):
            raise CheckpointError(f"`config.data.{key}` is {printable(repr(value))}, expected 1 to {MOST}")
        return value


def adapted_thresholds(contents: Mapping[str, Any], layers: Collection[str]) -> dict[str, Any]:
    """Layer name -> adapted thresholds as stored, of those `layers` that have them; CheckpointError where none has."""
    managers = _mapping(_mapping(contents.get("extra_state")).get("threshold_managers"))
    stored = {
        str(name).removeprefix("encoder."): _mapping(manager).get("thresholds") for name, manager in managers.items()
    }
    found = {name: stored[name] for name in layers if stored.get(name) is not None}
    if not found:
        raise CheckpointError(
            "holds no `extra_state.threshold_managers[convN].thresholds`, which `thresholds='adapted'` asks for; "
            "use 'buffers'"
        )
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _bookkeeping(contents: Mapping[str, Any]) -> dict[str, Any]:
    epoch, version = contents.get("epoch"), contents.get("pytorch_version")
    facts = {"epoch": epoch if isinstance(epoch, int) and abs(epoch) < 2**63 else None}
    facts |= {"pytorch_version": printable(version) if isinstance(version, str) else None}
    return {key: value for key, value in facts.items() if value is not None}
