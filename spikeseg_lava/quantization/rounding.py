"""The integers of one layer: weights at the best of many scales, threshold, leak and decay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError, placed
from spikeseg_lava.network.floats import ConvLayer, Neuron
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, byte_planes
from spikeseg_lava.quantization.compensation import Moments, compensated, polished, signed_groups
from spikeseg_lava.quantization.scales import LayerScale, ScaleLimits, candidate_scales, with_exponent
from spikeseg_lava.quantization.setting import ANY_WORD, LayerSetting, Registers


def decay_of(neuron: Neuron) -> NDArray[np.int32]:
    """Int32[O]: D = round((1 - beta) 4096) in multiplicative mode, else 0."""
    multiplicative = neuron.leak_mode == "multiplicative"
    lost = (1 - neuron.beta) * DECAY_UNIT if multiplicative else np.zeros_like(neuron.beta)
    return np.rint(lost).astype(np.int32)


def integer_neuron(neuron: Neuron, scale: NDArray[np.float64], registers: Registers = ANY_WORD) -> FixedPointNeuron:
    """Theta = ceil(theta S): with integer V, `V >= theta S` is `V >= ceil(theta S)`. L = round(lambda S).

    B = round(bias S).
    Where registers are narrower, Theta is the nearest m * 2**shift + 1, and L the nearest mantissa times a power of 2.
    """
    multiplicative = neuron.leak_mode == "multiplicative"
    leak = np.zeros_like(neuron.leak) if multiplicative else np.rint(neuron.leak * scale)
    threshold = np.ceil(neuron.threshold * scale)
    if registers.threshold_shift:
        unit = 2.0**registers.threshold_shift
        threshold = np.maximum(np.rint((neuron.threshold * scale - 1) / unit), 0) * unit + 1
    if registers.leak_bits:
        largest = 2**registers.leak_bits - 1
        power = 2.0 ** np.ceil(np.log2(np.maximum(leak / (largest + 0.499), 1)))
        leak = np.rint(neuron.leak * scale / power) * power * (not multiplicative)
    threshold, leak, bias = (a.astype(np.int32) for a in (threshold, leak, np.rint(neuron.bias * scale)))
    return FixedPointNeuron(threshold, leak, decay_of(neuron), neuron.leak_mode, neuron.floor, bias)


def rounded_layer(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, moments: Sequence[Moments]
) -> tuple[FixedPointConv, float]:
    """The integer layer at the scale of the least loss, and that loss: mean square error of V in parts of theta.

    Args:
        moments: of each output channel; those of channels of equal or opposite weights must be of the first of them.

    Raises:
        QuantizationError: no scale fits the words of the target.
    """
    scales = candidate_scales(layer, setting, limits)
    cuts = with_exponent(layer, setting, limits, scales[0]).limit
    groups, theta = signed_groups(layer), layer.neuron.threshold
    rounded = {o: _round_channel(layer, setting, cuts, moments[o], scales, o) for o in {o for o, _ in groups}}
    loss = np.stack([rounded[o][1] / theta[o] ** 2 for o, _ in groups], axis=1) + _register_loss(
        layer, setting, limits, scales
    )
    best = loss.argmin(axis=0) if setting.per_channel else np.full(len(groups), loss.sum(axis=1).argmin())
    weight = scales[best, np.arange(len(groups))]
    scale = with_exponent(layer, setting, limits, weight)
    whole = [_polish(layer, setting, scale, moments[o], rounded[o][0][best[o]], o) for o, _ in groups]
    integers = np.stack([sign * row for (_, sign), row in zip(groups, whole, strict=True)])
    found = float(loss[best, np.arange(len(groups))].mean())
    return assemble(layer, scale, integers.reshape(layer.weight.shape).astype(np.int64), limits.registers), found


def assemble(
    layer: ConvLayer, scale: LayerScale, weights: NDArray[np.int64], registers: Registers = ANY_WORD
) -> FixedPointConv:
    """The integer layer of integer weights Int64[O, I, kh, kw] at `scale`."""
    with placed(f"`{layer.name}` in integers", QuantizationError):
        neuron = integer_neuron(layer.neuron, scale.membrane, registers)
    return FixedPointConv(
        layer.name,
        byte_planes(weights << scale.exponent, scale.exponent),
        neuron,
        scale.membrane,
        layer,
        layer.stride,
        layer.padding,
    )


def _round_channel(
    layer: ConvLayer, setting: LayerSetting, cuts: NDArray[np.float64], moments: Moments, scales: NDArray, o: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whole weights Float64[N, D] of one channel at every scale, and the loss of each."""
    least, largest = _word(setting, cuts[o])
    fixed = _fixed(layer, cuts, scales[:, o], o)
    if setting.rounding == "nearest":
        weight = layer.weight[o].astype(np.float64).ravel()
        moments = replace(moments, second=np.eye(len(weight)), target=weight)
    return compensated(moments, scales[:, o], least, largest, fixed)


def _polish(
    layer: ConvLayer, setting: LayerSetting, scale: LayerScale, moments: Moments, whole: NDArray[np.float64], o: int
) -> NDArray[np.float64]:
    if setting.rounding == "nearest":
        return whole
    least, largest = _word(setting, scale.limit[o])
    fixed = _fixed(layer, scale.limit, scale.weight[o : o + 1], o)[0]
    return polished(whole, moments, float(scale.weight[o]), least, largest, fixed)


def _word(setting: LayerSetting, cut: float) -> tuple[int, int]:
    """Least and largest integer weight: cutting to the firing level rests on weights that are not negative."""
    return (0 if np.isfinite(cut) else -setting.largest_weight), setting.largest_weight


def _fixed(layer: ConvLayer, cuts: NDArray[np.float64], scales: NDArray[np.float64], o: int) -> NDArray[np.float64]:
    """Float64[N, D]: weights that were cut are whole already, at or above the level that fires alone; else NaN."""
    weight = layer.weight[o].astype(np.float64).ravel()
    with np.errstate(invalid="ignore"):
        return np.where(weight > cuts[o], np.ceil(cuts[o] * scales)[:, None], np.nan)


def _register_loss(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Float64[N, O]: square error, in parts of theta, of a threshold and a leak that narrow registers hold."""
    registers, neuron = limits.registers, layer.neuron
    if registers == ANY_WORD:
        return np.zeros(scales.shape)
    loss = np.empty(scales.shape)
    for row, weight in zip(loss, scales, strict=True):
        membrane = with_exponent(layer, setting, limits, weight).membrane
        made = integer_neuron(neuron, membrane, registers)
        errors = (made.threshold / membrane - neuron.threshold, made.leak / membrane - neuron.leak)
        row[:] = sum(np.square(error / neuron.threshold) for error in errors)
    return loss
