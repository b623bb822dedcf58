"""What the numbers of a layer may be, checked in one place: the constructors of the network in floats and in integers.

No reader, quantizer or executor checks them again. Who builds a layer from a file puts its file and layer before the
one message with `errors.placed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError


@dataclass(frozen=True)
class Allowed:
    """Finite numbers from `least` to `most`; `least` itself only where `inclusive`. `words` say so in a message."""

    words: str
    least: float = -np.inf
    most: float = np.inf
    inclusive: bool = True

    def check(self, name: str, values: NDArray[Any]) -> None:
        """ArgumentError naming the parameter, its first value outside, and the channel where there are several."""
        # Both ends first, which is three times as fast: the quantizer constructs thousands of neurons.
        if all(self._within(float(end)) for end in (values.min(), values.max())):
            return
        below = values < self.least if self.inclusive else values <= self.least
        outside = np.flatnonzero(below | (values > self.most) | ~np.isfinite(values))
        if outside.size:
            channel = f" in channel {outside[0]}" if values.size > 1 else ""
            raise ArgumentError(f"`{name}` must be {self.words}, got {values.flat[outside[0]]:g}{channel}")

    def _within(self, value: float) -> bool:
        """NaN is within nothing, and neither is infinity."""
        above = self.least <= value if self.inclusive else self.least < value
        return above and value <= self.most and abs(value) < np.inf


ANY = Allowed("finite")
POSITIVE = Allowed("positive and finite", 0, inclusive=False)
NOT_NEGATIVE = Allowed("zero or more, and finite", 0)
SHARE = Allowed("from 0 to 1", 0, 1)


def check_neuron(allowed: dict[str, Allowed], neuron: Any) -> None:
    """ArgumentError unless every parameter of `neuron` is a vector over the channels of `threshold`, and as allowed."""
    if neuron.threshold.ndim != 1 or not neuron.threshold.size:
        raise ArgumentError(f"`threshold` has shape {neuron.threshold.shape}, expected one value per output channel")
    for name, values in allowed.items():
        given = getattr(neuron, name)
        if given.shape != neuron.threshold.shape:
            raise ArgumentError(
                f"`{name}` has shape {given.shape}, expected that of `threshold`: {neuron.threshold.shape}"
            )
        values.check(name, given)


def check_layer(name: str, weight: NDArray[Any], threshold: NDArray[Any]) -> None:
    """ArgumentError naming the layer unless `weight` is finite, [O, I, kh, kw], and `threshold` has O values."""
    if weight.ndim != 4 or not weight.size:
        raise ArgumentError(f"`{name}`: `weight` has shape {weight.shape}, expected (O, I, kh, kw)")
    if bad := int(np.sum(~np.isfinite(weight))):
        raise ArgumentError(f"`{name}`: `weight` holds {bad} value(s) that are NaN or infinite")
    if len(threshold) != len(weight):
        raise ArgumentError(f"`{name}`: `threshold` has {len(threshold)} value(s) for {len(weight)} output channel(s)")


def each_channel(bias: NDArray[Any], threshold: NDArray[Any]) -> NDArray[Any]:
    """A bias for every channel that has a threshold; one value stands for all."""
    return np.broadcast_to(bias, threshold.shape).copy() if np.shape(bias) == (1,) else bias


def check_reset_interval(steps: int | None) -> None:
    """ArgumentError unless it is None or a whole number of steps, 1 at least."""
    if steps is not None and (not isinstance(steps, (int, np.integer)) or isinstance(steps, bool) or steps < 1):
        raise ArgumentError(f"`reset_interval` must be a whole number of steps from 1, or None, got {steps!r}")
