"""What a checkpoint holds beside its tensors: pools, frame size, steps, epoch, and adapted thresholds.

The pools between the layers are those of the caller's argument, else of `config.model`, else those that the sizes of
the state buffers show.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeseg_lava.errors import ArgumentError, CheckpointError, printable
from spikeseg_lava.network.floats import Pair, PoolLayer

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


PRESETS = ((2, 2), (7, 6))  # kernel, stride: IGARSS 2023, SpikeSEG 2020
Seen = tuple[Pair, Pair]  # sizes below and above a pool that the state buffers show
logger = logging.getLogger(__name__)


def pools_from_argument(pools: Any, count: int) -> list[PoolLayer]:
    """`count` pools of (kernel, stride), each a number or a (height, width), or of one number for both."""
    if not isinstance(pools, (list, tuple)) or len(pools) != count:
        raise ArgumentError(f"`pools` must be {count} of (kernel, stride), one between each two layers, got {pools!r}")
    try:
        pairs = [pool if isinstance(pool, (list, tuple)) else (pool, pool) for pool in pools]
        return [_pool(number, kernel, stride) for number, (kernel, stride) in enumerate(pairs, start=1)]
    except (TypeError, ValueError):
        raise ArgumentError(f"`pools` must hold (kernel, stride) of whole numbers above zero, got {pools!r}") from None


def find_pools(config: Config, seen: Sequence[Seen | None]) -> tuple[list[PoolLayer], list[str]]:
    """The pools, and where each was found: "config", "state buffers" or "default" (kernel 2, stride 2).

    `seen` holds the sizes around each pool, where known. A configured pool that contradicts them is kept and logged;
    without configuration the first preset that fits them is taken, and CheckpointError raised where none does.
    """
    found = [_find(config, number, sizes) for number, sizes in enumerate(seen, start=1)]
    return [pool for pool, _ in found], [source for _, source in found]


def _find(config: Config, number: int, seen: Seen | None) -> tuple[PoolLayer, str]:
    configured = _configured(config, number)
    if configured is None:
        return (_pool(number, *PRESETS[0]), "default") if seen is None else (_fitting(number, seen), "state buffers")
    if seen and not _fits(configured, seen):
        text = f"`pool{number}`: config.model says {_text(configured)}, the state buffers show {_arrow(seen)}"
        logger.warning(f"{text}; the former is used")
    return configured, "config"


def _configured(config: Config, number: int) -> PoolLayer | None:
    kernel, stride = (config.model.get(f"pool{number}_{part}") for part in ("kernel", "stride"))
    if kernel is None:
        return None
    try:
        return _pool(number, kernel, kernel if stride is None else stride)
    except (TypeError, ValueError):
        raise CheckpointError(
            f"`config.model` gives pool{number} kernel {kernel!r} and stride {stride!r}, expected numbers above zero"
        ) from None


def _fitting(number: int, seen: Seen) -> PoolLayer:
    presets = [_pool(number, *preset) for preset in PRESETS]
    fitting = [pool for pool in presets if _fits(pool, seen)]
    if not fitting:
        raise CheckpointError(
            f"`pool{number}` is not in `config.model`, and none of {', '.join(map(_text, presets))} goes from "
            f"{_arrow(seen)} as the state buffers do; pass `pools=[(kernel, stride), ...]`"
        )
    return fitting[0]


def _pool(number: int, kernel: Any, stride: Any) -> PoolLayer:
    return PoolLayer(f"pool{number}", _pair(kernel), _pair(stride))


def _pair(value: Any) -> Pair:
    height, width = value if isinstance(value, (list, tuple)) else (value, value)
    for side in (height, width):
        if not isinstance(side, int) or isinstance(side, bool) or side < 1:
            raise ValueError(side)
    return height, width


def _fits(pool: PoolLayer, seen: Seen) -> bool:
    below, above = seen
    sides = zip(below, pool.kernel, pool.stride, strict=True)
    return above == tuple((n - k) // s + 1 for n, k, s in sides)


def _text(pool: PoolLayer) -> str:
    return f"kernel {pool.kernel} stride {pool.stride}"


def _arrow(seen: Seen) -> str:
    (height, width), (pooled_height, pooled_width) = seen
    return f"{height}x{width} to {pooled_height}x{pooled_width}"
