"""The spike: a Heaviside step on the membrane, `S = 1 where V >= theta`."""

from __future__ import annotations

import torch
from torch import Tensor


def spike_function(membrane: Tensor, threshold: float | Tensor) -> Tensor:
    """Spikes of `membrane`, elementwise: 1.0 where `membrane >= threshold`, else 0.0; same shape and float type.

    `threshold` is a number or broadcasts against `membrane`. Fires at equality (`>=`), unlike `lava.proc.lif.LIF`.
    """
    fires = membrane >= threshold
    return fires.to(membrane.dtype if membrane.is_floating_point() else torch.float32)


def spike_fn(membrane: Tensor, threshold: float | Tensor = 0.0) -> Tensor:
    """`H(V - theta)` for a membrane from which the threshold was subtracted already, or for both given."""
    return spike_function(membrane, threshold)
