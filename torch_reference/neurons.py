"""The neuron models of SpikeSEG as stateless PyTorch modules: the definition everything else is checked against.

    IF               V = V + I
    LIF subtractive  V = V + I - lambda,   V = max(V, 0)
    LIF multiplicative  V = beta * V + I,  V = max(V, 0)
    all              S = V >= theta, not where fired before (fire-once),   V = 0 where S

Sources: Kheradpisheh et al. 2018 (fire-once, multiplicative leak), Kirkland et al. 2023 (IGARSS, subtractive leak).
The names are those of the original program (`spikeseg.core`), so that code moves here by a change of its imports. One
meaning differs, see `FractionOfThetaWarning`.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from numbers import Real

import torch
from torch import Tensor, nn

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.network.floats import LeakMode
from spikeseg_lava.network.parameters import NOT_NEGATIVE, POSITIVE, SHARE
from torch_reference.functional import (
    check_leak_mode,
    check_shapes,
    fire,
    multiplicative,
    spike_function,
    subtractive,
)


class FractionOfThetaWarning(UserWarning):
    """A subtractive `leak_factor` looks like a fraction of the threshold, which the original program means by it.

    There `LIFNeuron(10, 0.9)` leaks 0.9 * 10 = 9 a step; here `leak_factor` is the leak itself, 0.9 a step, as on the
    page about the neurons. The warning comes where a number between 0 and 1 meets a threshold above 1.
    """


class BaseNeuron(nn.Module, ABC):
    """Common part of the neurons: the threshold, the spike and the hard reset.

    Args:
        threshold: theta > 0; a number, or a tensor that broadcasts against the membrane.
    """

    threshold: Tensor

    def __init__(self, threshold: float | Tensor) -> None:
        super().__init__()
        self.register_buffer("threshold", _positive("threshold", threshold))

    @abstractmethod
    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        """The membrane after this step's current and leak, before the spike."""

    def reset_state(self, shape: tuple[int, ...], device: torch.device | str | None = None) -> Tensor:
        """An empty membrane (zeros) of `shape` for a new sample, on `device`; default: that of the threshold."""
        return torch.zeros(shape, device=self.threshold.device if device is None else device)

    def forward(
        self,
        input_current: Tensor,
        membrane: Tensor,
        has_fired: Tensor | None = None,
        dynamic_threshold: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step.

        Args:
            input_current: I(t), any shape, e.g. (batch, C, H, W).
            membrane: V(t-1), same shape.
            has_fired: 1 where the neuron may not fire any more (fire-once), same shape.
            dynamic_threshold: (C,) thresholds for this step instead of the neuron's own, one for each entry of the
                second axis.

        Returns:
            spikes (0.0 or 1.0), membrane after the reset, membrane before the reset; all of the input's shape.

        Raises:
            ArgumentError: when the shapes differ.
        """
        check_shapes(input_current, membrane)
        threshold = self.threshold if dynamic_threshold is None else _on_second_axis(dynamic_threshold, membrane)
        pre_reset = self.integrate(input_current, membrane)
        spikes = spike_function(pre_reset, threshold)
        if has_fired is not None:
            spikes = spikes * (1 - has_fired)
        return spikes, torch.where(spikes > 0, torch.zeros_like(pre_reset), pre_reset), pre_reset

    def extra_repr(self) -> str:
        """Parameters as PyTorch shows them in `repr`."""
        return f"threshold={_shown(self.threshold)}"


class IFNeuron(BaseNeuron):
    """Integrate and fire: `V = V + I`. No leak and no floor."""

    def __init__(self, threshold: float | Tensor = 10.0) -> None:
        super().__init__(threshold)

    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        return membrane + input_current


class LIFNeuron(BaseNeuron):
    """Leaky integrate and fire with a floor at zero.

    Args:
        threshold: theta > 0; a number, or a tensor that broadcasts against the membrane.
        leak_factor: lambda itself for subtractive leak (>= 0); for multiplicative leak `beta = 1 - leak_factor`,
            so 0 <= leak_factor <= 1. It stays readable as the attribute of that name.
        leak_mode: "subtractive" or "multiplicative".
        floor: False leaves out `V = max(V, 0)`, as NIR's and snnTorch's LIF neurons do.

    Buffers `threshold`, `leak` and `beta` are named as in the checkpoints: beta is 1 for subtractive leak, leak is 0
    for multiplicative leak.

    Warns:
        FractionOfThetaWarning: a subtractive `leak_factor` between 0 and 1 meets a threshold above 1.
    """

    leak: Tensor
    beta: Tensor

    def __init__(
        self,
        threshold: float | Tensor = 10.0,
        leak_factor: float | Tensor = 9.0,
        leak_mode: LeakMode = "subtractive",
        floor: bool = True,
    ) -> None:
        super().__init__(threshold)
        check_leak_mode(leak_mode)
        values = _not_negative("leak_factor", leak_factor)
        if leak_mode == "multiplicative":
            SHARE.check("leak_factor", values.numpy())
        if leak_mode == "subtractive" and isinstance(leak_factor, Real) and isinstance(threshold, Real):
            warn_of_fraction(float(threshold), float(leak_factor))
        self.leak_mode, self.floor = leak_mode, floor
        leak = values if leak_mode == "subtractive" else torch.zeros_like(values)
        beta = torch.ones_like(values) if leak_mode == "subtractive" else 1 - values
        self.leak_factor: float | Tensor = values.item() if values.ndim == 0 else values.to(torch.float32)
        self.register_buffer("leak", leak.to(torch.float32))
        self.register_buffer("beta", beta.to(torch.float32))

    def integrate(self, input_current: Tensor, membrane: Tensor) -> Tensor:
        if self.leak_mode == "subtractive":
            return subtractive(membrane, input_current, self.leak, self.floor)
        return multiplicative(membrane, input_current, self.beta, self.floor)

    def extra_repr(self) -> str:
        own = f"leak={_shown(self.leak)}" if self.leak_mode == "subtractive" else f"beta={_shown(self.beta)}"
        floor = "" if self.floor else ", floor=False"
        return f"{super().extra_repr()}, {own}, leak_mode={self.leak_mode!r}{floor}"


def warn_of_fraction(threshold: float, leak_factor: float) -> None:
    """Warn where a subtractive leak is more likely meant as a fraction of theta; see FractionOfThetaWarning."""
    if 0 < leak_factor < 1 < threshold:
        warnings.warn(
            f"`leak_factor` {leak_factor:g} is the subtractive leak itself, {leak_factor:g} a step. The original "
            f"SpikeSEG program means a fraction of the threshold: write leak_factor={leak_factor * threshold:g} for "
            f"{leak_factor:g} * {threshold:g}",
            FractionOfThetaWarning,
            stacklevel=3,
        )


def create_neuron(
    neuron_type: str,
    threshold: float | Tensor = 10.0,
    leak_factor: float | Tensor = 9.0,
    leak_mode: LeakMode = "subtractive",
) -> BaseNeuron:
    """A neuron by name: "if" or "lif", in any case and with blanks around; an IF neuron ignores the leak.

    ArgumentError for other names.
    """
    kinds = {"if": lambda: IFNeuron(threshold), "lif": lambda: LIFNeuron(threshold, leak_factor, leak_mode)}
    try:
        return kinds[str(neuron_type).strip().lower()]()
    except KeyError:
        raise ArgumentError(f"`neuron_type` must be 'if' or 'lif', got {neuron_type!r}") from None


def lif_step(
    membrane: Tensor,
    input_current: Tensor,
    threshold: float | Tensor,
    leak_factor: float | Tensor,
    leak_mode: LeakMode = "subtractive",
    reset_value: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """One step of a leaky neuron: (spikes, membrane after the reset); parameters as of `LIFNeuron`.

    Raises:
        ArgumentError: for parameters that `LIFNeuron` refuses, and where the shapes differ.

    Warns:
        FractionOfThetaWarning: as `LIFNeuron` does.
    """
    neuron = LIFNeuron(threshold, leak_factor, leak_mode)
    check_shapes(input_current, membrane)
    return fire(neuron.integrate(input_current, membrane), neuron.threshold, reset_value)


def _number(name: str, value: float | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().to(torch.float64)
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ArgumentTypeError(f"`{name}` must be a number or a tensor, got {type(value).__name__}")
    return torch.tensor(float(value), dtype=torch.float64)


def _positive(name: str, value: float | Tensor) -> Tensor:
    tensor = _number(name, value).to(torch.float32)
    POSITIVE.check(name, tensor.numpy())
    return tensor


def _not_negative(name: str, value: float | Tensor) -> Tensor:
    tensor = _number(name, value)
    NOT_NEGATIVE.check(name, tensor.numpy())
    return tensor


def _on_second_axis(values: Tensor, membrane: Tensor) -> Tensor:
    """(C,) shaped to broadcast over a membrane (batch, C, ...); any other shape stays as it is."""
    if values.ndim != 1:
        return values
    if membrane.ndim < 2 or len(values) != membrane.shape[1]:
        raise ArgumentError(
            f"`dynamic_threshold` has {len(values)} value(s), expected one for each entry of the second axis of "
            f"`membrane` {tuple(membrane.shape)}"
        )
    return values.reshape(-1, *(1,) * (membrane.ndim - 2))


def _shown(value: Tensor) -> str:
    return f"{value.item():g}" if value.ndim == 0 else str([float(f"{x:g}") for x in value.flatten().tolist()])
