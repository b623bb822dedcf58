"""The step of every neuron as pure functions: integrate, spike, reset.

    IF                  V = V + I
    LIF subtractive     V = V + I - lambda,   V = max(V, 0)
    LIF multiplicative  V = beta * V + I,     V = max(V, 0)
    all                 S = V >= theta,       V = reset value where S

All tensors of a step have one shape, for instance (batch, channels, H, W).
"""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import LeakMode


def spike_function(membrane: Tensor, threshold: float | Tensor) -> Tensor:
    """Spikes of `membrane`, elementwise: 1.0 where `membrane >= threshold`, else 0.0; same shape and float type.

    `threshold` is a number or broadcasts against `membrane`. Fires at equality (`>=`), unlike `lava.proc.lif.LIF`.
    """
    fires = membrane >= threshold
    return fires.to(membrane.dtype if membrane.is_floating_point() else torch.float32)


def spike_fn(membrane: Tensor, threshold: float | Tensor) -> Tensor:
    """`spike_function` under the name that SpikeSEG's functions have for it."""
    return spike_function(membrane, threshold)


def soft_spike_fn(membrane: Tensor, threshold: float | Tensor, temperature: float = 1.0) -> Tensor:
    """A differentiable spike in 0..1: `sigmoid((V - theta) / temperature)`, a step as `temperature` goes to 0.

    Raises ArgumentError unless `temperature` is positive.
    """
    if not temperature > 0:
        raise ArgumentError(f"`temperature` must be positive, got {temperature}")
    return torch.sigmoid((membrane - threshold) / temperature)


def subtractive(membrane: Tensor, input_current: Tensor, leak: float | Tensor, floor: bool = True) -> Tensor:
    """`V + I - lambda`, floored at 0 unless `floor` is False."""
    membrane = membrane + input_current - leak
    return torch.clamp(membrane, min=0) if floor else membrane


def multiplicative(membrane: Tensor, input_current: Tensor, beta: float | Tensor, floor: bool = True) -> Tensor:
    """`beta * V + I`, floored at 0 unless `floor` is False."""
    membrane = beta * membrane + input_current
    return torch.clamp(membrane, min=0) if floor else membrane


def if_step(
    membrane: Tensor, input_current: Tensor, threshold: float | Tensor, reset_value: float = 0.0
) -> tuple[Tensor, Tensor]:
    """One step of an integrate-and-fire neuron, which has no floor: (spikes, membrane after the reset)."""
    check_shapes(input_current, membrane)
    return fire(membrane + input_current, threshold, reset_value)


def lif_step_subtractive(
    membrane: Tensor,
    input_current: Tensor,
    threshold: float | Tensor,
    leak: float | Tensor,
    reset_value: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """One step with subtractive leak: (spikes, membrane after the reset). `leak` is lambda itself."""
    check_shapes(input_current, membrane)
    return fire(subtractive(membrane, input_current, leak), threshold, reset_value)


def lif_step_multiplicative(
    membrane: Tensor,
    input_current: Tensor,
    threshold: float | Tensor,
    beta: float | Tensor,
    reset_value: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """One step with multiplicative leak: (spikes, membrane after the reset)."""
    check_shapes(input_current, membrane)
    return fire(multiplicative(membrane, input_current, beta), threshold, reset_value)


def fire(membrane: Tensor, threshold: float | Tensor, reset_value: float = 0.0) -> tuple[Tensor, Tensor]:
    """Spikes of an integrated membrane, and the membrane after the reset."""
    spikes = spike_function(membrane, threshold)
    return spikes, torch.where(spikes > 0, reset_value, membrane)


def check_shapes(input_current: Tensor, membrane: Tensor) -> None:
    """ArgumentError unless both have the same shape."""
    if input_current.shape != membrane.shape:
        raise ArgumentError(
            f"`membrane` has shape {tuple(membrane.shape)}, expected that of `input_current`: "
            f"{tuple(input_current.shape)}"
        )


def check_leak_mode(leak_mode: str) -> None:
    """ArgumentError unless it is one of `LeakMode`."""
    if leak_mode not in get_args(LeakMode):
        raise ArgumentError(f"`leak_mode` must be one of {get_args(LeakMode)}, got {leak_mode!r}")
