"""Small checkpoints made to measure, with the keys of the training code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Save = Callable[..., Path]


def layer(
    prefix: str, shape: tuple[int, ...], threshold: Any = 0.5, leak: Any = 0.25, beta: Any = 1.0
) -> dict[str, Any]:
    """State of one spiking convolution with distinct weights, none of them symmetric."""
    weight = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float32).reshape(shape) / 64
    parts = {"threshold": threshold, "leak": leak, "beta": beta}
    return {f"{prefix}conv.weight": weight} | {f"{prefix}neuron.{k}": torch.as_tensor(v) for k, v in parts.items()}


def two_layers(prefix: str = "encoder.") -> dict[str, Any]:
    """State dict of conv1 (3, 2, 5, 5) and conv2 (4, 3, 3, 3)."""
    return layer(f"{prefix}conv1.", (3, 2, 5, 5)) | layer(f"{prefix}conv2.", (4, 3, 3, 3), threshold=1.0, leak=0.0)


def changed(key: str, value: Any) -> dict[str, Any]:
    """Two layers with one tensor replaced; without it where `value` is None."""
    state = two_layers() | {f"encoder.{key}": value}
    return {name: tensor for name, tensor in state.items() if tensor is not None}


def used_at(*sizes: tuple[int, int]) -> dict[str, Any]:
    """Two layers with the state buffers they have after a run: the sizes of conv1 and conv2."""
    buffers = {f"encoder.conv{k}.membrane": torch.zeros(1, 2 + k, *size) for k, size in enumerate(sizes, start=1)}
    return two_layers() | buffers
