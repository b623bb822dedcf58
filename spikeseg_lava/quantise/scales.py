"""The scale of a layer: integer membrane units per unit of the float membrane.

    membrane scale S = weight scale * input scale * 2**exponent

bounded by Theta + L <= 2**23 - 1. The weight scale fills the weight planes; the exponent then gives the membrane more
resolution than the weights have, because lambda is small against theta (0.1 of it, often) and both must be integers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.network import ConvLayer
from spikeseg_lava.quantise.cutting import firing_level
from spikeseg_lava.quantise.setting import LayerSetting
from spikeseg_lava.quantise.state_room import highest_scale

ENOUGH = 2**16  # a threshold of this many units has a rounding error of 1.5e-5 of itself: no finer one is sought
TIE = 1 - 2.0**-22  # scale a hair smaller: sums equal to theta in float32 stay at or above ceil(theta * S)
CANDIDATES = 64  # weight scales tried below the largest one


@dataclass(frozen=True, eq=False)
class LayerScale:
    """Scales of one layer.

    Attributes:
        weight: Float64[O], integer weight units per unit of float weight, before the exponent.
        input: payload units per unit of the layer's float input; 1 for spikes.
        exponent: left shift of the (low) plane.
        limit: Float64[O], larger weights are cut to this (see `cutting`); inf where nothing is cut.
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
class Room:
    """What bounds a scale besides the layer itself.

    Attributes:
        input_scale: payload units per unit of the layer's float input.
        payload_bits: of the target; input bits and a plane's exponent share them.
        steps: time steps of a sample, for neurons without a floor.
    """

    input_scale: float
    payload_bits: int
    steps: int


def best_scale(layer: ConvLayer, setting: LayerSetting, room: Room) -> LayerScale:
    """The scale with the least squared rounding error of the weights; QuantisationError where none fits."""
    candidates, errors = _candidates(layer, setting, room)
    return with_exponent(layer, setting, room, candidates[np.argmin(errors, axis=0), np.arange(len(layer.weight))])


def good_scales(layer: ConvLayer, setting: LayerSetting, room: Room, count: int) -> list[LayerScale]:
    """The `count` scales of the least rounding error, best first (with `per_channel`: in every channel)."""
    candidates, errors = _candidates(layer, setting, room)
    order = np.argsort(errors, axis=0, kind="stable")[:count]
    return [with_exponent(layer, setting, room, s) for s in np.take_along_axis(candidates, order, axis=0)]


def with_exponent(layer: ConvLayer, setting: LayerSetting, room: Room, weight: NDArray[np.float64]) -> LayerScale:
    """The smallest exponent that gives every threshold `ENOUGH` units, as far as membrane and payload allow."""
    highest = highest_scale(layer, setting, room.input_scale, room.steps)
    threshold = (layer.neuron.threshold * weight * room.input_scale).min()
    wanted = np.ceil(np.log2(ENOUGH / threshold))
    state = np.floor(np.log2(highest / (weight * room.input_scale)).min() + 1e-12)
    payload = room.payload_bits - setting.input_bits - setting.shift
    exponent = int(np.clip(wanted, 0, max(0, min(state, payload))))
    return LayerScale(weight, room.input_scale, exponent, firing_level(layer, setting.input_bits))


def _candidates(layer: ConvLayer, setting: LayerSetting, room: Room) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight scales Float64[N, O] that make the largest weight a whole number, and the squared error of each."""
    limit = firing_level(layer, setting.input_bits)
    largest = np.minimum(np.abs(layer.weight).max(axis=(1, 2, 3)).astype(np.float64), limit)
    highest = highest_scale(layer, setting, room.input_scale, room.steps) / room.input_scale
    if not setting.per_channel:
        largest, highest = np.full_like(largest, largest.max()), np.full_like(highest, highest.min())
    finest = np.floor(np.minimum(setting.largest_weight, largest * highest))
    if (finest[largest > 0] < 1).any():
        raise _too_small(layer, room)
    finest = np.maximum(finest, 1)
    unit = np.where(largest > 0, np.where(largest > 0, largest, 1), finest / np.minimum(highest, 1))
    levels = np.maximum(finest - np.arange(CANDIDATES)[:, None], np.maximum(finest // 2, 1))
    scales = levels / unit * TIE
    return scales, _squared_errors(layer, limit, scales, setting.per_channel)


def _squared_errors(
    layer: ConvLayer, limit: NDArray[np.float64], scales: NDArray[np.float64], per_channel: bool
) -> NDArray[np.float64]:
    kept = np.minimum(layer.weight, limit[:, None, None, None]).reshape(len(limit), -1)
    errors = np.array([np.square(np.rint(kept * s[:, None]) / s[:, None] - kept).sum(axis=1) for s in scales])
    return errors if per_channel else np.broadcast_to(errors.sum(axis=1, keepdims=True), errors.shape)


def _too_small(layer: ConvLayer, room: Room) -> QuantisationError:
    largest, highest = np.abs(layer.weight).max(), (layer.neuron.threshold + layer.neuron.leak).max()
    return QuantisationError(
        f"`{layer.name}`: its weights (largest {largest:g}) round to zero at the scale at which threshold and leak "
        f"({highest:g} together) and {room.steps} steps fit 2**23 - 1 units, with {room.input_scale:g} units of "
        "payload per unit of input; use fewer `input_bits`, or rescale weights, threshold and leak of the layer"
    )


def at_exponent(scale: LayerScale, exponent: int) -> LayerScale:
    """The same weight scale with another exponent."""
    return replace(scale, exponent=exponent)
