"""The scale of a layer: integer membrane units per unit of the float membrane.

    membrane scale S = weight scale * input scale * 2**exponent

bounded by Theta + L <= 2**23 - 1. The weight scale fills the weight planes; the exponent then gives the membrane more
resolution than the weights have, because lambda is small against theta (0.1 of it, often) and both must be integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.maps import firing_level
from spikeseg_lava.quantization.limits import ROUNDING, drive_levels, highest_scale, one_sided_sum
from spikeseg_lava.quantization.setting import LayerSetting

MARGIN = 2.0**-6  # above the level, for the rounding of weights, Theta and L


def cut_level(layer: ConvLayer, input_bits: int) -> NDArray[np.float64]:
    """Float64[O]: larger weights are cut to this, the level that fires alone; inf where the input is graded."""
    return firing_level(layer, MARGIN) if input_bits == 1 else np.full(len(layer.weight), np.inf)


ENOUGH = 2**16  # a threshold of this many units has a rounding error of 1.5e-5 of itself: no finer one is sought
FINE_EXPONENT = 5  # membrane units of 1/32 of a weight unit: leak and threshold are rounded far finer than the weights
FINE_WEIGHT = 2**10 - 1  # levels that are not given up for a drive that cannot leave the accumulator
TIE = 1 - 2.0**-22  # scale a hair smaller: sums equal to theta in float32 stay at or above ceil(theta * S)
SYNAPSE_EXPONENTS = 14  # weight exponents of Loihi 1 run from -7 to 7 (nengo-loihi builder/validate.py)
CANDIDATES = 64  # weight scales tried below the largest one


@dataclass(frozen=True, eq=False)
class LayerScale:
    """Scales of one layer.

    Attributes:
        weight: Float64[O], integer weight units per unit of float weight, before the exponent.
        input: payload units per unit of the layer's float input; 1 for spikes.
        exponent: left shift of the (low) plane.
        limit: Float64[O], larger weights are cut to this (see `cut_level`); inf where nothing is cut.
    """

    weight: NDArray[np.float64]
    input: float
    exponent: int
    limit: NDArray[np.float64]

    @property
    def membrane(self) -> NDArray[np.float64]:
        """Float64[O]: integer membrane units per unit of the float membrane."""
        return self.weight * self.input * 2.0**self.exponent


@dataclass(frozen=True)
class ScaleLimits:
    """What bounds a scale besides the layer itself.

    Attributes:
        input_scale: payload units per unit of the layer's float input.
        target: whose payload, accumulator and exponents bound the scale.
        steps: time steps of a sample, for neurons without a floor.
    """

    input_scale: float
    target: Target
    steps: int

    def largest_exponent(self, setting: LayerSetting) -> int:
        """Of the low plane: it shares the graded payload with the input, or sits in the synapse without payloads."""
        bits = self.target.payload_bits.value
        return (bits - setting.input_bits if bits > 1 else SYNAPSE_EXPONENTS) - setting.shift

    @property
    def accumulator_max(self) -> int:
        """Largest sum of one step's synapses."""
        return 2 ** (self.target.accumulator_bits.value - 1) - 1


def best_scale(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits) -> LayerScale:
    """The scale with the least squared rounding error of the weights; QuantisationError where none fits."""
    candidates, errors = _candidates(layer, setting, limits)
    return with_exponent(layer, setting, limits, candidates[np.argmin(errors, axis=0), np.arange(len(layer.weight))])


def good_scales(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, count: int) -> list[LayerScale]:
    """The `count` scales of the least rounding error, best first (with `per_channel`: in every channel)."""
    candidates, errors = _candidates(layer, setting, limits)
    order = np.argsort(errors, axis=0, kind="stable")[:count]
    return [with_exponent(layer, setting, limits, s) for s in np.take_along_axis(candidates, order, axis=0)]


def with_exponent(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, weight: NDArray[np.float64]
) -> LayerScale:
    """The smallest exponent that gives every threshold `ENOUGH` units, as far as membrane and payload allow.

    A smaller one that is still fine is preferred where the drive of the worst input then fits the accumulator.
    """
    largest = limits.largest_exponent(setting)
    if largest < 0:
        raise _payload_too_long(layer, setting, limits)
    limit = cut_level(layer, setting.input_bits)
    highest = highest_scale(layer, setting, limits.input_scale, limits.steps)
    unit = weight * limits.input_scale
    drive = (one_sided_sum(layer, limit) * weight).max() * (2**setting.input_bits - 1) * ROUNDING
    wanted, fits = (
        np.ceil(_log2(ENOUGH / layer.neuron.threshold / unit).max()),
        np.floor(_log2(limits.accumulator_max / max(drive, 1e-300))),
    )
    most = min(np.floor(_log2(highest / unit).min()), largest)
    exponent = int(max(0, min(wanted, most, max(fits, FINE_EXPONENT - setting.shift))))
    return LayerScale(weight, limits.input_scale, exponent, limit)


def _candidates(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight scales Float64[N, O] that make the largest weight a whole number, and the squared error of each."""
    limit = cut_level(layer, setting.input_bits)
    largest = np.minimum(np.abs(layer.weight).max(axis=(1, 2, 3)).astype(np.float64), limit)
    highest = highest_scale(layer, setting, limits.input_scale, limits.steps) / limits.input_scale
    if not setting.per_channel:
        largest, highest = np.full_like(largest, largest.max()), np.full_like(highest, highest.min())
    finest = np.floor(np.minimum(_levels(layer, setting, limits, limit), largest * highest))
    if (finest[largest > 0] < 1).any():
        raise _too_small(layer, limits)
    finest = np.maximum(finest, 1)
    unit = np.where(largest > 0, np.where(largest > 0, largest, 1), finest / np.minimum(highest, 1))
    levels = np.maximum(finest - np.arange(CANDIDATES)[:, None], np.maximum(finest // 2, 1))
    scales = levels / unit * TIE
    return scales, _squared_errors(layer, limit, scales, setting.per_channel)


def _levels(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, limit: NDArray[np.float64]) -> float:
    """Weight levels of the planes; no more than let the drive of the worst input fit, where those are fine."""
    fits = drive_levels(layer, limit, setting, limits.accumulator_max)
    return min(setting.largest_weight, max(fits, FINE_WEIGHT))


def _log2(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log2(np.maximum(value, 1e-300)) + 1e-12


def _squared_errors(
    layer: ConvLayer, limit: NDArray[np.float64], scales: NDArray[np.float64], per_channel: bool
) -> NDArray[np.float64]:
    kept = np.minimum(layer.weight, limit[:, None, None, None]).reshape(len(limit), -1)
    errors = np.array([np.square(np.rint(kept * s[:, None]) / s[:, None] - kept).sum(axis=1) for s in scales])
    return errors if per_channel else np.broadcast_to(errors.sum(axis=1, keepdims=True), errors.shape)


def _payload_too_long(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits) -> QuantisationError:
    return QuantisationError(
        f"`{layer.name}`: {setting.input_bits} input bits shifted by {setting.shift} for the high plane leave the "
        f"{limits.target.payload_bits.value} payload bits of {limits.target.name}; use fewer `input_bits`, or one plane"
    )


def _too_small(layer: ConvLayer, limits: ScaleLimits) -> QuantisationError:
    largest, highest = np.abs(layer.weight).max(), (layer.neuron.threshold + np.abs(layer.neuron.pull)).max()
    return QuantisationError(
        f"`{layer.name}`: its weights (largest {largest:g}) round to zero at the scale at which threshold and leak "
        f"({highest:g} together) and {limits.steps} steps fit 2**23 - 1 units, with {limits.input_scale:g} units of "
        "payload per unit of input; use fewer `input_bits`, or rescale weights, threshold and leak of the layer"
    )
