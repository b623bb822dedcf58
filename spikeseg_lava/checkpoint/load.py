"""From a checkpoint file to the network as plain numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal

from spikeseg_lava.checkpoint.config import Config, adapted_thresholds
from spikeseg_lava.checkpoint.geometry import Pool, checked_pools, find_input_size, find_pools
from spikeseg_lava.checkpoint.neuron import neuron_from
from spikeseg_lava.checkpoint.state import LayerState, find_layers
from spikeseg_lava.checkpoint.tensors import weights_from
from spikeseg_lava.checkpoint.torch_file import read_torch_file, sha256
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, CheckpointError
from spikeseg_lava.network import ConvLayer, Layer, PoolLayer, SpikingNetwork

THRESHOLDS = ("buffers", "adapted")


def load_checkpoint(
    path: str | os.PathLike[str],
    *,
    threshold: float | None = None,
    thresholds: Literal["buffers", "adapted"] | str = "buffers",
    pools: Sequence[Any] | None = None,
) -> SpikingNetwork:
    """Read a trained SpikeSEG checkpoint; nothing in the file is executed, and torch is not needed afterwards.

    Args:
        path: a `.pt`/`.pth` of `torch.save`: a dictionary with `model_state_dict` (and `config`), or a bare state dict.
        threshold: fire at this in every layer; each layer keeps its ratio leak / threshold.
        thresholds: "buffers", or "adapted" for the per-channel thresholds that training left in `extra_state`; their
            layers keep the leak of the buffers.
        pools: (kernel, stride) between each two convolutions, each a number or a (height, width); instead of those
            of `config.model`. A single number is both. Where neither says, 2 and 2.

    Returns:
        The network; its `provenance` names file, digest, epoch, torch version and what was overridden.

    Raises:
        CheckpointError: no checkpoint, or one this package does not understand.
        ArgumentError: `threshold`, `thresholds` or `pools` are impossible.
    """
    path = Path(path)
    _check_arguments(threshold, thresholds)
    contents = read_torch_file(path)
    try:
        network = _network(contents, thresholds, pools)
    except CheckpointError as error:
        raise CheckpointError(f"`{path}`: {error}") from error
    provenance = {"checkpoint": path.name, "sha256": sha256(path), **network.provenance}
    network = SpikingNetwork(network.layers, network.input_size, network.timesteps, provenance)
    return network if threshold is None else network.with_threshold(float(threshold))


def _check_arguments(threshold: Any, thresholds: str) -> None:
    if thresholds not in THRESHOLDS:
        raise ArgumentError(f"`thresholds` must be one of {', '.join(THRESHOLDS)}, got {thresholds!r}")
    if threshold is None:
        return
    if not isinstance(threshold, Real) or isinstance(threshold, bool):
        raise ArgumentTypeError(f"`threshold` must be a number, got {type(threshold).__name__}")
    if thresholds == "adapted":
        raise ArgumentError("`threshold` would replace the adapted thresholds: give one of them, not both")


def _network(contents: Any, thresholds: str, pools: Sequence[Any] | None) -> SpikingNetwork:
    states, config = find_layers(contents), Config.of(contents)
    adapted = adapted_thresholds(contents) if thresholds == "adapted" else {}
    convolutions = [_convolution(state, adapted.get(state.name)) for state in states]
    _check_chain(convolutions)
    if pools is not None:
        between, source = checked_pools(pools, len(states) - 1), "argument"
    else:
        between, source = find_pools(states, convolutions, config)
    provenance = {**config.provenance, "thresholds": thresholds, "pools": source}
    size = find_input_size(states[0], convolutions[0], config)
    return SpikingNetwork(_interleaved(convolutions, between), size, config.timesteps, provenance)


def _convolution(state: LayerState, adapted: Any) -> ConvLayer:
    if extra := [key for key in state.tensors if _changes_the_current(key)]:
        raise CheckpointError(
            f"`{state.name}` has {', '.join(extra)}; expected a convolution without bias and normalisation: "
            "fold them into the weights and thresholds before saving, or train without"
        )
    weight = weights_from(state.tensors["conv.weight"], f"{state.name}.conv.weight")
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return ConvLayer(state.name, weight, neuron_from(state, len(weight), adapted), padding=padding)


def _changes_the_current(key: str) -> bool:
    return key.endswith(("bias", "running_mean", "running_var"))


def _check_chain(convolutions: Sequence[ConvLayer]) -> None:
    for below, above in zip(convolutions, convolutions[1:], strict=False):
        if above.weight.shape[1] != below.weight.shape[0]:
            raise CheckpointError(
                f"`{above.name}` takes {above.weight.shape[1]} channel(s), but `{below.name}` gives "
                f"{below.weight.shape[0]}"
            )


def _interleaved(convolutions: Sequence[ConvLayer], pools: Sequence[Pool]) -> tuple[Layer, ...]:
    layers: list[Layer] = [convolutions[0]]
    for number, (pool, convolution) in enumerate(zip(pools, convolutions[1:], strict=True), start=1):
        layers += [PoolLayer(f"pool{number}", pool.kernel, pool.stride), convolution]
    return tuple(layers)
