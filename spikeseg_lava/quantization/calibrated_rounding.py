"""Rounding each weight up or down so that the close decisions of the calibration clip stay what they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.quantization.close_calls import Decisions, joined
from spikeseg_lava.quantization.rounding import exact_weights
from spikeseg_lava.quantization.scales import LayerScale, ScaleLimits, good_scales, with_exponent
from spikeseg_lava.quantization.setting import LayerSetting

SCALES = 8  # scales tried, those of the least plain rounding error
FLIPS = 300
MARGIN = 0.01  # part of the threshold by which a decision should stay clear of it, where the float weights do


def calibrated_weights(
    layer: ConvLayer, setting: LayerSetting, limits: ScaleLimits, decisions: Sequence[Decisions], paired: bool = False
) -> tuple[LayerScale, NDArray[np.int64]]:
    """The scale and the integers that keep the decisions best: of least loss, in every channel or in all together.

    `paired`: channels of opposite weights stay opposites, which leaves less limits but lets them share their work.
    """
    scales = good_scales(layer, setting, limits, SCALES)
    tried = [_round_all(layer, scale, decisions, paired) for scale in scales]
    losses = np.array([[loss for _, loss in row] for row in tried])
    choice = losses.argmin(axis=0) if setting.per_channel else np.full(len(decisions), losses.sum(axis=1).argmin())
    weight = np.array([scales[i].weight[o] for o, i in enumerate(choice)])
    integers = np.stack([tried[i][o][0] for o, i in enumerate(choice)])
    return with_exponent(layer, setting, limits, weight), integers.reshape(layer.weight.shape)


def _round_all(
    layer: ConvLayer, scale: LayerScale, decisions: Sequence[Decisions], paired: bool
) -> list[tuple[NDArray[np.int64], float]]:
    """Integers and loss of every channel; if `paired`, one that is the opposite of an earlier one follows it."""
    rounded: dict[int, tuple[NDArray[np.int64], float]] = {}
    for o, other in enumerate(opposites(layer) if paired else [None] * len(decisions)):
        if other is None:
            rounded[o] = _round_channel(layer, scale, o, decisions[o])
        elif other > o:
            weights, loss = _round_channel(layer, scale, o, both(decisions[o], decisions[other]))
            rounded[o], rounded[other] = (weights, loss), (-weights, loss)
    return [rounded[o] for o in range(len(decisions))]


def opposites(layer: ConvLayer) -> list[int | None]:
    """Of every channel the one with the opposite weights and an equal neuron, each at most once; None without one."""
    neuron, found = layer.neuron, dict[int, int]()
    alike = np.stack([neuron.threshold, neuron.leak, neuron.beta, neuron.bias], axis=1)
    for a, b in combinations(range(len(layer.weight)), 2):
        free = a not in found and b not in found
        if free and np.array_equal(alike[a], alike[b]) and np.array_equal(layer.weight[a], -layer.weight[b]):
            found[a], found[b] = b, a
    return [found.get(o) for o in range(len(layer.weight))]


def both(decisions: Decisions, opposite: Decisions) -> Decisions:
    """Decisions of two channels of opposite weights as those of the first: `-w . x >= level` is `w . (-x) >= level`."""
    negated = replace(opposite, inputs=-opposite.inputs)
    return joined([[decisions], [negated]])[0]


def _round_channel(
    layer: ConvLayer, scale: LayerScale, o: int, decisions: Decisions
) -> tuple[NDArray[np.int64], float]:
    exact = exact_weights(layer, scale)[o].ravel()
    margin = MARGIN * float(layer.neuron.threshold[o])
    weights, loss = round_up_or_down(exact, decisions, float(scale.weight[o]), margin)
    return weights, loss


def round_up_or_down(
    exact: NDArray[np.float64], decisions: Decisions, scale: float, margin: float
) -> tuple[NDArray[np.int64], float]:
    """Integers next to `exact` Float64[D] (weight units, `scale` of them a float unit), and their loss in float units::

        loss = sum over decisions of max(0, wanted - kept)**2        kept = +-(w . inputs - level), > 0: as decided

    `wanted` is `margin`, or what the unrounded weights keep where that is less. Greedy: the single flip between floor
    and ceil that lowers the loss most, until none does, starting from the nearest integers.
    """
    sign = np.where(decisions.fires, 1.0, -1.0)
    inputs, level = decisions.inputs * (sign / scale)[:, None], sign * decisions.level
    kept = inputs @ exact - level
    near = kept < margin + np.abs(inputs).sum(axis=1)  # no rounding turns the others
    inputs, level, kept = inputs[near], level[near], kept[near]
    weights = np.rint(exact)
    other = np.where(weights > exact, np.floor(exact), np.ceil(exact))
    missing = np.minimum(margin, kept) - (inputs @ weights - level)
    loss = float(np.square(np.maximum(missing, 0)).sum())
    for _ in range(FLIPS):
        losses = np.square(np.maximum(missing[:, None] - inputs * (other - weights), 0)).sum(axis=0)
        flip = int(np.argmin(losses))
        if losses[flip] >= loss * (1 - 1e-9):
            break
        missing -= inputs[:, flip] * (other - weights)[flip]
        weights[flip], other[flip] = other[flip], weights[flip]
        loss = float(losses[flip])
    return weights.astype(np.int64), loss
