"""Can a membrane leave 24 bit, and would it matter? Worst case over all inputs, against what a clip really does.

Per layer, with P the largest payload and w the kernel of all planes::

    drive     A in [-P sum|w-|, P sum w+]
    membrane  V <= Theta - 1 + A_max of a neuron that may fire;  without a floor V >= -(P sum|w-| + L) after every step

Saturation changes no spike ("harmless") where the neuron is floored (or cannot sink) and Theta + L <= 2**23 - 1: what
saturates above still fires, what saturates below is floored. Without a floor the membrane must not reach -2**23 at all;
`safe_steps` says for how many steps of the worst input it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.network.integers import DECAY_UNIT, STATE_MAX, STATE_MIN, FixedPointConv, FixedPointModel
from spikeseg_lava.quantization.calibration import Observed, observe
from spikeseg_lava.quantization.room import sinking_steps

Saturation = Literal["impossible", "harmless", "bounded", "harmful"]

MEANING = {
    "impossible": "no input makes the membrane leave 24 bit",
    "harmless": "saturation is possible and changes no spike (Theta + L <= 2**23 - 1, never below zero)",
    "bounded": "no floor: the membrane cannot leave 24 bit within the steps given",
    "harmful": "saturation can change spikes",
}


@dataclass(frozen=True)
class LayerRange:
    """Ranges of one layer in units of its integer membrane.

    Attributes:
        drive_min, drive_max: of A before saturation, for the worst input.
        firing_sum: largest Theta + L of a channel.
        membrane_min, membrane_max: for the worst input, before saturation, of a neuron that may fire; without a floor
            after `steps` steps.
        saturation: see `MEANING`.
        safe_steps: steps of the worst input without saturation below; None where there is no limit.
        observed: the same quantities on a clip; None where none was given.
    """

    name: str
    drive_min: int
    drive_max: int
    firing_sum: int
    membrane_min: int
    membrane_max: int
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
            f"{self.name}: drive {self.drive_min} to {self.drive_max}, membrane {self.membrane_min} to "
            f"{self.membrane_max}, largest Theta + L {self.firing_sum} of {STATE_MAX}{seen}; "
            f"saturation {self.saturation}: {self.meaning}{steps}"
        )


def analyse_ranges(
    model: FixedPointModel, frames: NDArray[Any] | None = None, *, fire_once: bool = True, steps: int | None = None
) -> tuple[LayerRange, ...]:
    """Static worst-case ranges of every convolution, beside those observed on `frames` Float[T, C, H, W].

    `steps` (default: those of the frames, else of the model) is how long a sample may be; it matters only for neurons
    without a floor.
    """
    observed = {} if frames is None else observe(model, frames, fire_once)
    steps = steps or (model.timesteps if frames is None else len(frames)) or 1
    ranges, payload = [], model.input.largest
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            ranges.append(layer_range(layer, payload, steps, observed.get(layer.name)))
        payload = 1
    return tuple(ranges)


def layer_range(layer: FixedPointConv, payload: int, steps: int, observed: Observed | None = None) -> LayerRange:
    """Worst-case ranges of one layer for unsigned input up to `payload`."""
    kernel, neuron = layer.kernel, layer.neuron
    highest = payload * np.maximum(kernel, 0).sum(axis=(1, 2, 3))
    lowest = payload * np.minimum(kernel, 0).sum(axis=(1, 2, 3))
    firing = neuron.threshold.astype(np.int64) + neuron.leak
    sinks = np.zeros_like(lowest) if neuron.floor else neuron.leak - lowest
    lost = neuron.decay / DECAY_UNIT
    safe = [_safe_steps(int(s), float(d)) for s, d in zip(sinks, lost, strict=True)]
    limits = [n for n in safe if n is not None]
    safe_steps = min(limits) if limits else None
    membrane_max = int((neuron.threshold - 1 + highest).max())
    return LayerRange(
        layer.name,
        int(lowest.min()),
        int(highest.max()),
        int(firing.max()),
        -int(np.ceil((sinks * sinking_steps(1 - lost, steps)).max())),
        membrane_max,
        _saturation(sinks, lowest, highest, firing, membrane_max, safe_steps, steps),
        safe_steps,
        observed,
    )


def check_saturation(ranges: Sequence[LayerRange]) -> None:
    """QuantisationError where saturation can change spikes."""
    for layer in ranges:
        if layer.saturation == "harmful":
            raise QuantisationError(
                f"`{layer.name}`: {MEANING['harmful']}: its largest Theta + L is {layer.firing_sum}, its drive runs "
                f"from {layer.drive_min} to {layer.drive_max}, and without a floor it is safe for {layer.safe_steps} "
                "steps; the limit is 2**23 - 1. Use fewer `input_bits`, one plane, shorter samples, or a floored neuron"
            )


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
    sinks: NDArray[np.int64],
    lowest: NDArray[np.int64],
    highest: NDArray[np.int64],
    firing: NDArray[np.int64],
    membrane_max: int,
    safe_steps: int | None,
    steps: int,
) -> Saturation:
    sinking = sinks > 0
    if firing.max() > STATE_MAX or (safe_steps is not None and safe_steps < steps):
        return "harmful"
    if sinking.any() and (highest[sinking].max() > STATE_MAX or lowest[sinking].min() < STATE_MIN):
        return "harmful"
    if safe_steps is not None:
        return "bounded"
    return "impossible" if membrane_max <= STATE_MAX and lowest.min() - firing.max() >= STATE_MIN else "harmless"
