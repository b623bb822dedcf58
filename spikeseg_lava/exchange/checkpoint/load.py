"""From a checkpoint file to the network as plain numbers."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, CheckpointError
from spikeseg_lava.exchange.checkpoint import state as buffers
from spikeseg_lava.exchange.checkpoint.config import Config, Seen, adapted_thresholds, find_pools, pools_from_argument
from spikeseg_lava.exchange.checkpoint.file import read_torch_file
from spikeseg_lava.exchange.checkpoint.state import LayerState, convolution_from, find_layers
from spikeseg_lava.network.floats import ConvLayer, Layer, Pair, PoolLayer, SpikingNetwork

THRESHOLDS = ("buffers", "adapted")
logger = logging.getLogger(__name__)


def load_checkpoint(
    path: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    thresholds: str = "buffers",
    pools: Sequence[Any] | None = None,
) -> SpikingNetwork:
    """Read a trained SpikeSEG checkpoint; nothing in the file is executed, and torch is not needed afterwards.

    Every convolution has stride 1 and padding k//2 (per side of the kernel), so that odd kernels keep the size.

    Args:
        path: a `.pt`/`.pth` of `torch.save`: a dictionary with `model_state_dict` (and `config`), or a bare state dict.
        threshold: fire at this in every layer; each layer keeps its ratio leak / threshold.
        thresholds: "buffers", or "adapted" for the per-channel thresholds that training left in `extra_state`; the
            leak stays that of the buffers, and so do the thresholds of layers that have no adapted ones.
        pools: (kernel, stride) between each two convolutions, each a number or a (height, width), instead of those of
            `config.model`; one number stands for both. Where nothing says otherwise: kernel 2, stride 2.

    Returns:
        The network; its `provenance` names file, digest, epoch, torch version, and what was overridden.

    Raises:
        CheckpointError: no checkpoint, or one that this package does not understand.
        ArgumentError: `threshold`, `thresholds` or `pools` are impossible.
    """
    path = Path(path)
    _check_arguments(threshold, thresholds)
    contents, digest = read_torch_file(path)
    try:
        network = _network(contents, thresholds, pools)
    except CheckpointError as error:
        raise CheckpointError(f"`{path}`: {error}") from error
    network = replace(network, provenance={"checkpoint": path.name, "sha256": digest, **network.provenance})
    return network if threshold is None else network.with_threshold(float(threshold))


def _check_arguments(threshold: Any, thresholds: str) -> None:
    if thresholds not in THRESHOLDS:
        raise ArgumentError(f"`thresholds` must be one of {', '.join(THRESHOLDS)}, got {thresholds!r}")
    if threshold is None:
        return
    if not isinstance(threshold, Real) or isinstance(threshold, bool):
        raise ArgumentTypeError(f"`threshold` must be a number, got {type(threshold).__name__}")
    if thresholds == "adapted":
        raise ArgumentError("`threshold` would replace the adapted `thresholds`: give one of them, not both")


def _network(contents: Any, thresholds: str, pools: Sequence[Any] | None) -> SpikingNetwork:
    states = find_layers(contents)
    config = Config.of(contents)
    adapted = adapted_thresholds(contents, [s.name for s in states]) if thresholds == "adapted" else {}
    convolutions = [convolution_from(state, adapted.get(state.name)) for state in states]
    _check_chain(convolutions)
    if pools is None:
        between, sources = find_pools(config, _seen(states, convolutions))
    else:
        between = pools_from_argument(pools, len(states) - 1)
        sources = ["argument"] * len(between)
    provenance = {**config.provenance, "thresholds": thresholds, "pools": sources}
    provenance |= {"adapted_layers": list(adapted)} if adapted else {}
    size = _input_size(states[0], convolutions[0], config)
    return SpikingNetwork(_interleaved(convolutions, between), size, config.timesteps, provenance)


def _check_chain(convolutions: Sequence[ConvLayer]) -> None:
    for below, above in pairwise(convolutions):
        given, taken = below.weight.shape[0], above.weight.shape[1]
        if given != taken:
            raise CheckpointError(f"`{above.name}` takes {taken} channel(s), but `{below.name}` gives {given}")


def _seen(states: Sequence[LayerState], convolutions: Sequence[ConvLayer]) -> list[Seen | None]:
    below = map(buffers.output_size, states[:-1])
    above = map(buffers.input_size, states[1:], convolutions[1:])
    return [(b, a) if b and a else None for b, a in zip(below, above, strict=True)]


def _input_size(state: LayerState, convolution: ConvLayer, config: Config) -> Pair | None:
    trained, seen = config.input_size, buffers.input_size(state, convolution)
    if trained and seen and trained != seen:
        logger.warning(
            f"frame size (height, width): config.data says {trained}, the state buffers {seen}; the former is kept"
        )
    return trained or seen


def _interleaved(convolutions: Sequence[ConvLayer], pools: Sequence[PoolLayer]) -> tuple[Layer, ...]:
    pairs = zip(pools, convolutions[1:], strict=True)
    return (convolutions[0], *(layer for pair in pairs for layer in pair))
