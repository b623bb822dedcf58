"""Pools and frame size: from the configuration, checked against the sizes of the stored state buffers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from spikeseg_lava.checkpoint.config import Config
from spikeseg_lava.checkpoint.state import LayerState
from spikeseg_lava.errors import ArgumentError, CheckpointError
from spikeseg_lava.network import ConvLayer, Pair

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pool:
    """Kernel and stride of one pool, (height, width) each."""

    kernel: Pair
    stride: Pair


PRESETS = (Pool((2, 2), (2, 2)), Pool((7, 7), (6, 6)))  # IGARSS 2023, SpikeSEG 2020


def checked_pools(pools: Sequence[Any], count: int) -> list[Pool]:
    """The pools a caller asked for: `count` of (kernel, stride) or of one number for both."""
    if not isinstance(pools, (list, tuple)) or len(pools) != count:
        raise ArgumentError(
            f"`pools` must be {count} of (kernel, stride), one after each layer but the last, got {pools!r}"
        )
    try:
        return [_pool(*(pool if isinstance(pool, (list, tuple)) else (pool, pool))) for pool in pools]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"`pools` must hold (kernel, stride) of whole numbers above zero or pairs of them, got {pools!r}"
        ) from None


def find_pools(states: Sequence[LayerState], convs: Sequence[ConvLayer], config: Config) -> tuple[list[Pool], str]:
    """The pools between the layers, and where they were found: "config", "state buffers" or "default"."""
    seen = [_sizes(below, above, conv) for (below, above), conv in zip(pairwise(states), convs[1:], strict=True)]
    configured = [_configured(config, number) for number in range(1, len(states))]
    pools = [given or _guessed(sizes, k) for k, (given, sizes) in enumerate(zip(configured, seen, strict=True), 1)]
    for number, (pool, sizes) in enumerate(zip(pools, seen, strict=True), start=1):
        if sizes and not _fits(pool, sizes):
            logger.warning(f"pool{number}: config.model says {_text(pool)}, the state buffers went {_arrow(sizes)}")
    return pools, "config" if all(configured) else "state buffers" if all(seen) else "default"


def find_input_size(state: LayerState, conv: ConvLayer, config: Config) -> Pair | None:
    """(height, width) of the frames by the configuration, else by the state buffers of conv1."""
    output = _size(state)
    seen = _before(output, conv) if output else None
    configured = config.input_size
    if seen and configured and seen != configured:
        logger.warning(f"frame size: config.data says {configured}, the state buffers were last used at {seen}")
    return configured or seen


def _configured(config: Config, number: int) -> Pool | None:
    kernel, stride = (_either(config, f"pool{number}_{part}") for part in ("kernel", "stride"))
    kernel = kernel if kernel is not None else _either(config, f"pool{number}_kernel_size")
    if kernel is None:
        return None
    try:
        return _pool(kernel, stride if stride is not None else kernel)
    except (TypeError, ValueError):
        raise CheckpointError(
            f"`config.model`: pool{number} has kernel {kernel!r} and stride {stride!r}, expected whole numbers above zero"
        ) from None


def _either(config: Config, key: str) -> Any:
    return config.model.get(key)


def _guessed(sizes: tuple[Pair, Pair] | None, number: int) -> Pool:
    if sizes is None:
        return PRESETS[0]
    fitting = [pool for pool in PRESETS if _fits(pool, sizes)]
    if not fitting:
        raise CheckpointError(
            f"pool{number} is not configured, and {_arrow(sizes)} of the state buffers fits none of "
            f"{', '.join(map(_text, PRESETS))}; pass `pools=[(kernel, stride), ...]`"
        )
    return fitting[0]


def _pool(kernel: Any, stride: Any) -> Pool:
    return Pool(_pair(kernel), _pair(stride))


def _pair(value: Any) -> Pair:
    height, width = value if isinstance(value, (list, tuple)) else (value, value)
    for side in (height, width):
        if not isinstance(side, int) or isinstance(side, bool) or side < 1:
            raise ValueError(side)
    return height, width


def _sizes(below: LayerState, above: LayerState, conv: ConvLayer) -> tuple[Pair, Pair] | None:
    before, after = _size(below), _size(above)
    return (before, _before(after, conv)) if before and after else None


def _size(state: LayerState) -> Pair | None:
    membrane = state.tensors.get("membrane")
    if not isinstance(membrane, torch.Tensor) or membrane.ndim not in (3, 4):
        return None
    return int(membrane.shape[-2]), int(membrane.shape[-1])


def _before(output: Pair, conv: ConvLayer) -> Pair:
    height, width = (n + k - 1 - 2 * p for n, k, p in zip(output, conv.weight.shape[2:], conv.padding, strict=True))
    return height, width


def _fits(pool: Pool, sizes: tuple[Pair, Pair]) -> bool:
    before, after = sizes
    return all((b - k) // s + 1 == a for b, a, k, s in zip(before, after, pool.kernel, pool.stride, strict=True))


def _text(pool: Pool) -> str:
    return f"kernel {pool.kernel} stride {pool.stride}"


def _arrow(sizes: tuple[Pair, Pair]) -> str:
    (h0, w0), (h1, w1) = sizes
    return f"{h0}x{w0} -> {h1}x{w1}"
