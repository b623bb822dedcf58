"""Tensors of a checkpoint as plain, finite NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikeseg_lava.errors import CheckpointError


def weights_from(value: Any, label: str) -> NDArray[np.float32]:
    """Float32[O, I, kh, kw] of a weight tensor of any float type."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        raise CheckpointError(f"`{label}` is {_kind(value)}, expected a float tensor of shape (O, I, kh, kw)")
    if value.ndim != 4 or not value.numel():
        raise CheckpointError(f"`{label}` has shape {tuple(value.shape)}, expected (O, I, kh, kw)")
    return np.ascontiguousarray(_finite(value.to(torch.float32), label))


def channel_values(value: Any, channels: int, label: str) -> NDArray[np.float64]:
    """Float64[O], one value a channel, of a 0-dim tensor, a number, or a vector over the channels."""
    numbers = _numbers(value, label)
    if numbers.size not in (1, channels) or numbers.size != max(numbers.shape, default=1):
        raise CheckpointError(f"`{label}` has shape {numbers.shape}, expected one value or {channels}, one per channel")
    return np.array(np.broadcast_to(numbers.reshape(-1), (channels,)))


def _numbers(value: Any, label: str) -> NDArray[np.float64]:
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise CheckpointError(f"`{label}` is {_kind(value)}, expected a number or a tensor of numbers") from None
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise CheckpointError(f"`{label}` is {_kind(tensor)}, expected real numbers")
    return _finite(tensor.to(torch.float64), label)


def _finite(tensor: torch.Tensor, label: str) -> NDArray[Any]:
    try:
        values = tensor.detach().cpu().numpy()
    except (TypeError, RuntimeError):
        raise CheckpointError(f"`{label}` is {_kind(tensor)}, expected an ordinary dense tensor") from None
    if bad := int(np.sum(~np.isfinite(values))):
        raise CheckpointError(f"`{label}` holds {bad} value(s) that are NaN or infinite, expected finite numbers")
    return values


def _kind(value: Any) -> str:
    return f"a tensor of {value.dtype}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
