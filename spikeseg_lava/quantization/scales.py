"""The scale of a layer: integer membrane units per unit of the float membrane, and what bounds it.

    membrane scale S = weight scale * input scale * 2**exponent

S is bounded by Theta + L <= 2**23 - 1 and by the accumulator, which must hold the drive of one step. The weight scale
fills the weight planes as far as S allows; the exponent then gives the membrane more resolution than the weights have,
because lambda is small against theta (0.1 of it, often) and both must be integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.bounds import sinking_steps
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.integers import STATE_MAX
from spikeseg_lava.network.maps import firing_level
from spikeseg_lava.quantization.setting import ANY_WORD, LayerSetting, Registers

MARGIN = 2.0**-6  # above the level that fires alone, for the rounding of weights, Theta and L
ROUNDING = 1 + 2.0**-6  # what rounding may add to sums of weights
UNSEEN = 1.25  # how much larger than on the clips given the drive of new clips may be
ENOUGH = 2**16  # a threshold of this many units has a rounding error of 1.5e-5 of itself: no finer one is sought
TIE = 1 - 2.0**-22  # scale a hair smaller: sums equal to theta in float32 stay at or above ceil(theta * S)
TRIED = 2**18  # weights rounded in search of a good scale, over all scales tried
MOST_SCALES = 1024
COARSEST = 0.5  # of the finest scale: coarser ones are not tried


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


@dataclass(frozen=True, eq=False)
class ScaleLimits:
    """What bounds a scale besides the layer itself.

    Attributes:
        input_scale: payload units per unit of the layer's float input.
        target: whose payload, accumulator and exponents bound the scale.
        steps: time steps of a sample, for neurons without a floor.
        seen_drive: Float64[O], the largest drive of one step on the inputs seen, in float units; None: none seen.
        registers: what the neuron holds.
    """

    input_scale: float
    target: Target
    steps: int
    seen_drive: NDArray[np.float64] | None = None
    registers: Registers = ANY_WORD

    def largest_exponent(self, setting: LayerSetting) -> int:
        """Of the low plane: it shares the graded payload with the input, or sits in the synapse without payloads."""
        bits = self.target.payload_bits.value
        return (bits - setting.input_bits if bits > 1 else self.target.synapse_shift_max.value) - setting.shift

    @property
    def accumulator_max(self) -> int:
        """Largest sum of one step's synapses."""
        return 2 ** (self.target.accumulator_bits.value - 1) - 1


def cut_level(layer: ConvLayer, input_bits: int) -> NDArray[np.float64]:
    """Float64[O]: larger weights are cut to this, the level that fires alone; inf where the input is graded."""
    return firing_level(layer, MARGIN) if input_bits == 1 else np.full(len(layer.weight), np.inf)


def candidate_scales(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits) -> NDArray[np.float64]:
    """Weight scales Float64[N, O]: those that make the largest weight a whole number, and others between them.

    Which of them rounds best is a matter of luck, and luck is worth half the error: many are tried.
    """
    cut = cut_level(layer, setting.input_bits)
    largest = np.minimum(np.abs(layer.weight).max(axis=(1, 2, 3)).astype(np.float64), cut)
    highest = highest_scale(layer, setting, limits) / limits.input_scale
    if not setting.per_channel:
        largest, highest = np.full_like(largest, largest.max()), np.full_like(highest, highest.min())
    finest = np.floor(np.minimum(setting.largest_weight, largest * highest / 2.0 ** (limits.registers.exponent or 0)))
    if (finest[largest > 0] < 1).any():
        raise _too_small(layer, limits)
    finest = np.maximum(finest, 1)
    unit = np.where(largest > 0, np.where(largest > 0, largest, 1), finest / np.minimum(highest, 1))
    count = int(np.clip(TRIED // layer.weight.size, 8, MOST_SCALES))
    shares = finest * np.linspace(1, COARSEST, count)[:, None]
    whole = np.unique(np.maximum(np.floor(shares), 1), axis=0)[::-1]
    between = np.maximum(shares, 1) if len(whole) < count else whole[:0]  # few levels: room for others between them
    return np.concatenate([whole, between]) / unit * TIE


def with_exponent(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, weight: NDArray[np.float64]
) -> LayerScale:
    """The smallest exponent that gives every threshold `ENOUGH` units, as far as state and payload allow."""
    largest = limits.largest_exponent(setting)
    if largest < 0:
        raise _payload_too_long(layer, setting, limits)
    cut, unit = cut_level(layer, setting.input_bits), weight * limits.input_scale
    if limits.registers.exponent is not None:
        return LayerScale(weight, limits.input_scale, limits.registers.exponent, cut)
    wanted = np.ceil(_log2(ENOUGH / layer.neuron.threshold / unit).max()) + limits.registers.threshold_shift
    most = np.floor(_log2(highest_scale(layer, setting, limits) / unit).min())
    return LayerScale(weight, limits.input_scale, int(max(0, min(wanted, most, largest))), cut)


def highest_scale(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits) -> NDArray[np.float64]:
    """Float64[O]: the largest membrane scale at which Theta + |L - B| and the drive of one step fit their words.

    A neuron that can sink below zero (no floor) must moreover stay above -2**23 for all steps of its worst input, and
    the drive of the worst input must fit, because saturation would change what it does later. Of a floored neuron the
    `room` of the setting says what must fit: what saturates beyond Theta + L fires, or is floored, all the same.
    Odd weights among weights of both signs are written as 2 w on the chip, with twice Theta and L: these must fit too.
    """
    neuron, registers = layer.neuron, limits.registers
    firing = (neuron.threshold + np.abs(neuron.pull)) * (2 if _mixed(layer) else 1)
    demand = firing / (STATE_MAX - 2 - 2**registers.threshold_shift)
    if registers.leak_bits:
        largest_leak = (2**registers.leak_bits - 1) * 2**registers.leak_shift
        demand = np.maximum(demand, neuron.leak / largest_leak)
    if registers.threshold_shift:
        demand = np.maximum(
            demand, neuron.threshold / (2 ** (registers.threshold_bits + registers.threshold_shift) - 64)
        )
    worst = one_sided_sums(layer, setting) * (2**setting.input_bits - 1) / limits.input_scale * ROUNDING
    if not neuron.floor:
        sinks = worst[0] + neuron.pull
        state = np.maximum(sinks * sinking_steps(neuron.beta, limits.steps), worst[1]) / (STATE_MAX - 2)
        demand = np.where(sinks > 0, np.maximum(demand, state), demand)
    drive = worst.max(axis=0)
    if setting.room == "firing":
        drive = np.zeros_like(drive)
    elif setting.room == "seen" and limits.seen_drive is not None:
        drive = np.minimum(drive, UNSEEN * limits.seen_drive)
    return 1 / np.maximum(demand, drive / limits.accumulator_max)


def _mixed(layer: ConvLayer) -> bool:
    return bool((layer.weight < 0).any() and (layer.weight > 0).any())


def one_sided_sums(layer: ConvLayer, setting: LayerSetting) -> NDArray[np.float64]:
    """Float64[2, O]: minus the sum of the negative weights, and the sum of the positive ones (cut to their level)."""
    cut = cut_level(layer, setting.input_bits)[:, None, None, None]
    weight = np.minimum(layer.weight.astype(np.float64), cut)
    return np.stack([-np.minimum(weight, 0).sum(axis=(1, 2, 3)), np.maximum(weight, 0).sum(axis=(1, 2, 3))])


def _log2(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log2(np.maximum(value, 1e-300)) + 1e-12


def _payload_too_long(layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits) -> QuantizationError:
    return QuantizationError(
        f"`{layer.name}`: {setting.input_bits} input bits shifted by {setting.shift} for the high plane leave the "
        f"{limits.target.payload_bits.value} payload bits of {limits.target.name}; use fewer `input_bits`, or one plane"
    )


def _too_small(layer: ConvLayer, limits: ScaleLimits) -> QuantizationError:
    largest, highest = np.abs(layer.weight).max(), (layer.neuron.threshold + np.abs(layer.neuron.pull)).max()
    return QuantizationError(
        f"`{layer.name}`: its weights (largest {largest:g}) round to zero at the scale at which threshold and leak "
        f"({highest:g} together), the drive of one step and {limits.steps} steps fit the words of "
        f"{limits.target.name}, with {limits.input_scale:g} units of payload per unit of input; use fewer "
        "`input_bits`, or rescale weights, threshold and leak of the layer"
    )
