"""The neuron models of SpikeSEG as stateless PyTorch modules: the definition everything else is checked against.

    IF               V = V + I
    LIF subtractive  V = V + I - lambda,   V = max(V, 0)
    LIF multiplicative  V = beta * V + I,  V = max(V, 0)
    all              S = V >= theta, not where fired before (fire-once),   V = 0 where S

Sources: Kheradpisheh et al. 2018 (fire-once, multiplicative leak), Kirkland et al. 2023 (IGARSS, subtractive leak).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real

import torch
from torch import Tensor, nn

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from torch_reference.functional import spike_function

LEAK_MODES = ("subtractive", "multiplicative")


class SpikingNeuron(nn.Module, ABC):
    """Common part of the neurons: the threshold, the spike and the hard reset."""

    threshold: Tensor

    def __init__(self, threshold: float | Tensor) -> None:
        super().__init__()
        self.register_buffer("threshold", _positive("threshold", threshold))

    @abstractmethod
    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        """The membrane after this step's current and leak, before the spike."""

    def forward(
        self, input_current: Tensor, membrane: Tensor, has_fired: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            input_current: I(t), any shape, e.g. (batch, C, H, W).
            membrane: V(t-1), same shape.
            has_fired: 1 where the neuron may not fire any more (fire-once), same shape.

        Returns:
            spikes (0.0 or 1.0), membrane after the reset, membrane before the reset; all of the input's shape.

        Raises:
            ArgumentError: when the shapes differ.
        """
        if input_current.shape != membrane.shape:
            raise ArgumentError(
                f"`membrane` has shape {tuple(membrane.shape)}, expected that of `input_current`: "
                f"{tuple(input_current.shape)}"
            )
        pre_reset = self.integrate(input_current, membrane)
        spikes = spike_function(pre_reset, self.threshold)
        if has_fired is not None:
            spikes = spikes * (1 - has_fired)
        return spikes, torch.where(spikes > 0, torch.zeros_like(pre_reset), pre_reset), pre_reset


class IFNeuron(SpikingNeuron):
    """Integrate and fire: `V = V + I`. No leak and no floor."""

    def __init__(self, threshold: float | Tensor = 10.0) -> None:
        super().__init__(threshold)

    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        return membrane + input_current


class LIFNeuron(SpikingNeuron):
    """Leaky integrate and fire with a floor at zero.

    Args:
        threshold: theta > 0; a number, or a tensor that broadcasts against the membrane.
        leak_factor: lambda itself for subtractive leak (>= 0); for multiplicative leak `beta = 1 - leak_factor`,
            so 0 <= leak_factor <= 1.
        leak_mode: "subtractive" or "multiplicative".
        floor: False leaves out `V = max(V, 0)`, as NIR's and snnTorch's LIF neurons do.

    Buffers `threshold`, `leak` and `beta` are named as in the checkpoints: beta is 1 for subtractive leak, leak is 0
    for multiplicative leak.
    """

    leak: Tensor
    beta: Tensor

    def __init__(
        self,
        threshold: float | Tensor = 10.0,
        leak_factor: float | Tensor = 9.0,
        leak_mode: str = "subtractive",
        floor: bool = True,
    ) -> None:
        super().__init__(threshold)
        if leak_mode not in LEAK_MODES:
            raise ArgumentError(f"`leak_mode` must be one of {LEAK_MODES}, got {leak_mode!r}")
        leak_factor = _not_negative("leak_factor", leak_factor)
        if leak_mode == "multiplicative" and bool((leak_factor > 1).any()):
            raise ArgumentError(f"`leak_factor` must lie in 0..1 for multiplicative leak, got {leak_factor.tolist()}")
        self.leak_mode, self.floor = leak_mode, floor
        subtractive = leak_mode == "subtractive"
        leak = leak_factor if subtractive else torch.zeros_like(leak_factor)
        beta = torch.ones_like(leak_factor) if subtractive else 1 - leak_factor
        self.register_buffer("leak", leak.to(torch.float32))
        self.register_buffer("beta", beta.to(torch.float32))

    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        if self.leak_mode == "subtractive":
            membrane = membrane + input_current - self.leak
        else:
            membrane = self.beta * membrane + input_current
        return torch.clamp(membrane, min=0) if self.floor else membrane


def create_neuron(
    neuron_type: str,
    threshold: float | Tensor = 10.0,
    leak_factor: float | Tensor = 9.0,
    leak_mode: str = "subtractive",
) -> SpikingNeuron:
    """A neuron by name: "if" or "lif" (any case); an IF neuron ignores the leak. ArgumentError for other names."""
    kinds = {"if": lambda: IFNeuron(threshold), "lif": lambda: LIFNeuron(threshold, leak_factor, leak_mode)}
    try:
        return kinds[str(neuron_type).lower()]()
    except KeyError:
        raise ArgumentError(f"`neuron_type` must be 'if' or 'lif', got {neuron_type!r}") from None


def _number(name: str, value: float | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().to(torch.float64)
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ArgumentTypeError(f"`{name}` must be a number or a tensor, got {type(value).__name__}")
    return torch.tensor(float(value), dtype=torch.float64)


def _positive(name: str, value: float | Tensor) -> Tensor:
    tensor = _number(name, value).to(torch.float32)
    if not bool(torch.isfinite(tensor).all() and (tensor > 0).all()):
        raise ArgumentError(f"`{name}` must be positive and finite, got {tensor.tolist()}")
    return tensor


def _not_negative(name: str, value: float | Tensor) -> Tensor:
    tensor = _number(name, value)
    if not bool(torch.isfinite(tensor).all() and (tensor >= 0).all()):
        raise ArgumentError(f"`{name}` must be zero or more, and finite, got {tensor.tolist()}")
    return tensor
