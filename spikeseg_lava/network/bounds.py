"""Can a membrane leave 24 bit, and would that change a spike? The worst case of any input, beside what was observed.

Per channel, with P the largest payload, w the kernel of all planes and d = D / 4096 the part lost to the decay::

    drive     A in [P * sum(w < 0), P * sum(w > 0)]
    membrane  V <= Theta - 1 + A_max - L                       floored, or reset at every crossing
              V >= A_min - L                                   floored: one step below zero
              V >= (A_min - L) * (1 + (1 - d) + (1 - d)**2 ..) without a floor, one term for each step of a sample

where L is the leak less the bias. Where the bias is the larger it lifts V, and below L counts by its magnitude.

Saturation changes no spike ("harmless") where the neuron is floored, or cannot sink, and Theta + L <= 2**23 - 1: what
saturates above still fires, what saturates below is floored. Without a floor the membrane must not reach -2**23 at all,
because what is lost there would be missing later; `safe_steps` says for how many steps of the worst input it cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.integers import DECAY_UNIT, STATE_MAX, STATE_MIN, FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.observation import Interval, Observed

STEPS = 100  # of a sample, where neither the model nor a clip says how many
Saturation = Literal["impossible", "harmless", "bounded", "harmful"]

MEANING = {
    "impossible": "no input makes the membrane leave 24 bit",
    "harmless": "saturation is possible and changes no spike (Theta + L <= 2**23 - 1, never below zero)",
    "bounded": "no floor: the membrane cannot leave 24 bit within the steps given",
    "harmful": "saturation can change spikes",
}


@dataclass(frozen=True)
class LayerRange:
    """Ranges of one convolution in units of its integer membrane.

    Attributes:
        payload: largest payload of its input (1 for spikes).
        weight_sum: largest `sum of |w|` of a channel, all planes together.
        drive: of A before saturation, for the worst input.
        membrane: of V before floor, reset and saturation, of a neuron that may fire, for the worst input.
        firing_sum: largest Theta + L of a channel.
        saturation: see `MEANING`.
        safe_steps: steps of the worst input without saturation below; None where there is no limit.
        observed: drive and membrane in a run; None where none was given.
    """

    name: str
    payload: int
    weight_sum: int
    drive: Interval
    membrane: Interval
    firing_sum: int
    saturation: Saturation
    safe_steps: int | None
    observed: Observed | None = None

    @property
    def meaning(self) -> str:
        return MEANING[self.saturation]

    def __str__(self) -> str:
        seen = "" if self.observed is None else f"; {self.observed}"
        steps = "" if self.safe_steps is None else f" (for {self.safe_steps} steps of the worst input)"
        return (
            f"{self.name}: drive {self.drive}, membrane {self.membrane}, largest Theta + L {self.firing_sum} of "
            f"{STATE_MAX}{seen}; saturation {self.saturation}: {self.meaning}{steps}"
        )


def layer_ranges(
    model: FixedPointModel, steps: int | None = None, observed: Mapping[str, Observed] | None = None
) -> dict[str, LayerRange]:
    """Ranges of every convolution, by name.

    Args:
        steps: time steps of a sample, default those of the model, else `STEPS`; they matter only without a floor.
        observed: what was seen in a run, by name (see `spikeseg_lava.network.observation.observe`).
    """
    seen, ranges, payload = observed or {}, {}, model.input.largest
    steps = min(steps or model.timesteps or STEPS, model.reset_interval or 2**63)
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            ranges[layer.name] = layer_range(layer, payload, steps, seen.get(layer.name))
        payload = 1
    return ranges


def layer_range(layer: FixedPointConv, payload: int, steps: int, observed: Observed | None = None) -> LayerRange:
    """Ranges of one convolution for unsigned input up to `payload`."""
    bounds = _ChannelBounds.of(layer, payload)
    sinking = bounds.sinks * (1 if layer.neuron.floor else sinking_steps(1 - bounds.lost, steps))
    peak = layer.neuron.threshold.astype(np.int64) - 1 + bounds.highest - layer.neuron.pull
    safe_steps = None if layer.neuron.floor else bounds.safe_steps()
    membrane = Interval(-int(np.ceil(max(sinking.max(), 0))), int(max(peak.max(), 0)))
    return LayerRange(
        layer.name,
        payload,
        int(np.abs(layer.kernel).sum(axis=(1, 2, 3)).max()),
        Interval(int(bounds.lowest.min()), int(bounds.highest.max())),
        membrane,
        int(bounds.firing.max()),
        _saturation(bounds, membrane, layer.neuron.floor, safe_steps, steps),
        safe_steps,
        observed,
    )


def check_saturation(ranges: Iterable[LayerRange]) -> None:
    """QuantizationError where saturation can change spikes."""
    for layer in ranges:
        if layer.saturation == "harmful":
            raise QuantizationError(
                f"`{layer.name}`: {MEANING['harmful']}: its largest Theta + L is {layer.firing_sum}, its drive runs "
                f"from {layer.drive}, and without a floor it is safe for {layer.safe_steps} steps; the limit is "
                "2**23 - 1. Use fewer `input_bits`, one plane, shorter samples, or a floored neuron"
            )


def sinking_steps(kept: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Float64[O]: `1 + kept + kept**2 + ...` over `steps` steps, how many worst inputs can add up."""
    lost = np.where(kept < 1, 1 - kept, 1)
    return np.where(kept < 1, (1 - kept**steps) / lost, steps)


@dataclass(frozen=True, eq=False)
class _ChannelBounds:
    """Worst cases of every channel: arrays [O] of the drive, what one step can sink, Theta + L and the part lost."""

    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    sinks: NDArray[np.int64]
    firing: NDArray[np.int64]
    lost: NDArray[np.float64]

    @classmethod
    def of(cls, layer: FixedPointConv, payload: int) -> _ChannelBounds:
        kernel, neuron = layer.kernel, layer.neuron
        lowest = payload * np.minimum(kernel, 0).sum(axis=(1, 2, 3))
        highest = payload * np.maximum(kernel, 0).sum(axis=(1, 2, 3))
        firing = neuron.threshold.astype(np.int64) + np.abs(neuron.pull)
        sinks = np.maximum(neuron.pull - lowest, 0)
        return cls(lowest, highest, sinks, firing, neuron.decay / DECAY_UNIT)

    def safe_steps(self) -> int | None:
        """The least over the channels; None where no channel ever gets below -2**23."""
        steps = [_safe_steps(int(sinks), float(lost)) for sinks, lost in zip(self.sinks, self.lost, strict=True)]
        return min((n for n in steps if n is not None), default=None)


def _safe_steps(sinks: int, lost: float) -> int | None:
    """Steps in which a membrane that sinks by at most `sinks` and loses the part `lost` a step stays above -2**23.

    After n steps it is at `-sinks * (1 - (1 - lost)**n) / lost`, `-sinks * n` without loss. None: it never gets there.
    """
    if sinks <= -STATE_MIN * lost:
        return None
    if lost == 0:
        return -STATE_MIN // sinks
    return int(np.log1p(STATE_MIN * lost / sinks) / np.log1p(-lost)) if lost < 1 else 0


def _saturation(
    bounds: _ChannelBounds, membrane: Interval, floor: bool, safe_steps: int | None, steps: int
) -> Saturation:
    sinking = (bounds.sinks > 0) & (not floor)
    if bounds.firing.max() > STATE_MAX or (safe_steps is not None and safe_steps < steps):
        return "harmful"
    if sinking.any() and (bounds.highest[sinking].max() > STATE_MAX or bounds.lowest[sinking].min() < STATE_MIN):
        return "harmful"
    if safe_steps is not None:
        return "bounded"
    drives = Interval(int(bounds.lowest.min()), int(bounds.highest.max()))
    within = min(membrane.low, drives.low) >= STATE_MIN and max(membrane.high, drives.high) <= STATE_MAX
    return "impossible" if within else "harmless"
