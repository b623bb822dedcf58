"""The scale of a layer: integer membrane units per unit of the float membrane.

    membrane scale S = weight scale * input scale * 2**exponent

bounded by Theta + L <= 2**23 - 1. The weight scale fills the weight planes; the exponent then gives the membrane more
resolution than the weights have, because lambda is small against theta (0.1 of it, often) and both must be integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.fixed_point import STATE_MAX
from spikeseg_lava.network import ConvLayer
from spikeseg_lava.quantise.setting import LayerSetting

ENOUGH = 2**16  # a threshold of this many units has a rounding error of 1.5e-5 of itself: no finer one is sought
CLIP_MARGIN = 2.0**-6  # above the level at which one spike fires alone; covers the rounding of Theta and L
TIE = 1 - 2.0**-22  # scale a hair smaller: sums equal to theta in float32 stay at or above ceil(theta * S)
CANDIDATES = 64  # weight scales tried below the largest one


@dataclass(frozen=True, eq=False)
class LayerScale:
    """Attributes:
    weight: Float64[O], integer weight units per unit of float weight, before the exponent.
    input: payload units per unit of the layer's float input; 1 for spikes.
    exponent: left shift of the (low) plane.
    limit: Float64[O], larger weights are cut to this (see `firing_level`); inf where nothing is cut.
    """

    weight: NDArray[np.float64]
    input: float
    exponent: int
    limit: NDArray[np.float64]

    @property
    def membrane(self) -> NDArray[np.float64]:
        """Float64[O]: integer membrane units per unit of the float membrane."""
        return self.weight * self.input * 2.0**self.exponent


def firing_level(layer: ConvLayer, input_bits: int) -> NDArray[np.float64]:
    """Float64[O]: a weight at which one spike fires the neuron alone, whatever came before; inf where there is none.

    With 0/1 input, no negative weight and a membrane that is never negative, V + w - lambda >= theta holds for every
    w >= theta + lambda (multiplicative: w >= theta). Larger weights may be cut to it: no spike changes.
    """
    neuron = layer.neuron
    alone = neuron.threshold + (neuron.leak if neuron.leak_mode == "subtractive" else 0)
    never_negative = neuron.floor | (neuron.leak == 0)
    safe = (input_bits == 1) & never_negative & (layer.weight.min(axis=(1, 2, 3)) >= 0)
    return np.where(safe, alone * (1 + CLIP_MARGIN), np.inf)


def choose_scale(
    layer: ConvLayer, setting: LayerSetting, input_scale: float, largest_exponent: int, steps: int
) -> LayerScale:
    """The finest weight scale the planes and the membrane allow, then the exponent; QuantisationError if none does."""
    limit = firing_level(layer, setting.input_bits)
    largest = np.minimum(np.abs(layer.weight).max(axis=(1, 2, 3)).astype(np.float64), limit)
    highest = highest_scale(layer, input_scale, setting, steps) / input_scale
    if not setting.per_channel:
        largest, highest = np.full_like(largest, largest.max()), np.full_like(highest, highest.min())
    finest = np.floor(np.minimum(setting.largest_weight, largest * highest))
    if (finest[largest > 0] < 1).any():
        raise _too_small(layer, input_scale)
    weight = np.where(largest > 0, finest / np.where(largest > 0, largest, 1), np.minimum(highest, 1))
    weight = _least_error(layer, setting, weight, finest, limit) * TIE
    return LayerScale(weight, input_scale, _exponent(layer, weight, input_scale, highest, largest_exponent), limit)


def highest_scale(layer: ConvLayer, input_scale: float, setting: LayerSetting, steps: int) -> NDArray[np.float64]:
    """Float64[O]: the largest membrane scale at which Theta + L fits, and a neuron without floor cannot fall below.

    Without a floor the membrane may sink by the negative weights and the leak for `steps` steps.
    """
    neuron = layer.neuron
    demand = neuron.threshold + neuron.leak
    if not neuron.floor:
        payload = (2**setting.input_bits - 1) / input_scale
        sinks = -np.minimum(layer.weight, 0).sum(axis=(1, 2, 3), dtype=np.float64) * payload + neuron.leak
        demand = np.maximum(demand, sinks * steps * (1 + CLIP_MARGIN))
    return (STATE_MAX - 2) / demand


def _least_error(
    layer: ConvLayer,
    setting: LayerSetting,
    weight: NDArray[np.float64],
    finest: NDArray[np.float64],
    limit: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Of the scales that make the largest weight a whole number, the one with the least squared rounding error."""
    kept = np.minimum(layer.weight, limit[:, None, None, None]).reshape(len(limit), -1)
    best, least = weight, np.full(len(limit), np.inf)
    for back in range(CANDIDATES):
        level = finest - back
        scale = np.where(level >= np.maximum(finest // 2, 1), weight * level / np.maximum(finest, 1), weight)
        error = np.square(np.rint(kept * scale[:, None]) / scale[:, None] - kept).sum(axis=1)
        error = error if setting.per_channel else np.full_like(error, error.sum())
        better = error < least * (1 - 1e-9)
        best, least = np.where(better, scale, best), np.where(better, error, least)
    return best


def _exponent(
    layer: ConvLayer, weight: NDArray[np.float64], input_scale: float, highest: NDArray[np.float64], largest: int
) -> int:
    """The smallest exponent that gives every threshold `ENOUGH` units, as far as the membrane allows."""
    threshold = (layer.neuron.threshold * weight * input_scale).min()
    room = np.log2(highest / weight).min()
    wanted = np.ceil(np.log2(ENOUGH / threshold))
    return int(np.clip(wanted, 0, max(0, min(np.floor(room), largest))))


def _too_small(layer: ConvLayer, input_scale: float) -> QuantisationError:
    largest, highest = np.abs(layer.weight).max(), layer.neuron.threshold.max() + layer.neuron.leak.max()
    return QuantisationError(
        f"`{layer.name}`: its weights (largest {largest:g}) round to zero beside threshold and leak ({highest:g} "
        f"together), which must fit 2**23 - 1 units at {input_scale:g} units of payload per unit of input; "
        "use fewer `input_bits`, or rescale weights, threshold and leak"
    )
