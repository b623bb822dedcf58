"""Sizes a network was last used at, from the state buffer `membrane` that a checkpoint may hold of each layer."""

from __future__ import annotations

import torch

from spikeseg_lava.checkpoint.state import LayerState
from spikeseg_lava.network import ConvLayer, Pair


def output_size(state: LayerState) -> Pair | None:
    """(height, width) of the layer's neurons, where their membranes were saved."""
    membrane = state.tensors.get("membrane")
    if not isinstance(membrane, torch.Tensor) or membrane.ndim not in (3, 4):
        return None
    return int(membrane.shape[-2]), int(membrane.shape[-1])


def input_size(state: LayerState, convolution: ConvLayer) -> Pair | None:
    """(height, width) of what the layer saw; differs from its output where the kernel is even."""
    output = output_size(state)
    if output is None:
        return None
    kernel, padding = convolution.weight.shape[2:], convolution.padding
    height, width = (n + k - 1 - 2 * p for n, k, p in zip(output, kernel, padding, strict=True))
    return height, width
