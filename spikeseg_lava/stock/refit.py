"""New integers for a layer whose own do not fit stock parts, from the float layer it was made from.

The layer is written in units of its threshold, `w / theta` and `lambda / theta` per channel, so that one threshold
serves all channels; `units` is the integer threshold, and everything else follows from it::

    spikes   w8 = round(units w / theta)
    graded   w8 = round(units w / (theta X)),  r8 = round((units w / (theta X) - w8) R)
             A = sum of w8 round(X x) + r8 round(X x / R)

The second weight of a graded layer repairs the first's rounding, with a payload R times coarser: the sum stays within
the 17 bits of activations that one 8-bit weight could not use well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, InputCode, Plane

LARGEST_WEIGHT = 127
FINEST = 16_000  # units of a threshold: beyond, one spike cannot take a threshold off a window


def in_thresholds(source: ConvLayer) -> NDArray[np.float64]:
    """Float64[O, I, kh, kw]: weights in units of their channel's threshold."""
    return source.weight / source.neuron.threshold[:, None, None, None]


def refit_spikes(conv: FixedPointConv, units: int) -> FixedPointConv:
    """A layer that sees 0/1 spikes, in one 8-bit plane.

    Where no weight is negative, a weight of Theta + L fires from any membrane: larger ones are cut there, without loss.
    """
    neuron = integer_neuron(conv, units)
    most = LARGEST_WEIGHT if _signed(conv) else min(LARGEST_WEIGHT, units + int(neuron.pull.max(initial=0)))
    weight = np.clip(np.rint(units * in_thresholds(conv.source)), -LARGEST_WEIGHT, most).astype(np.int8)
    return _with(conv, weight, units, neuron, conv.source)


def most_units_of_spikes(conv: FixedPointConv) -> int:
    """Largest threshold at which 8 bit hold the weights that matter."""
    weight = in_thresholds(conv.source)
    pull = conv.source.neuron.pull / conv.source.neuron.threshold
    largest = np.abs(weight).max() if _signed(conv) else 1 + pull.max(initial=0)
    return max(1, min(FINEST, int(LARGEST_WEIGHT / max(largest, 1e-9))))


def refit_graded(
    conv: FixedPointConv, units: int, scale: float, ratio: int, brightest: float
) -> tuple[FixedPointConv, tuple[InputCode, ...]]:
    """A layer that sees payloads, in two planes on two copies of the input; `scale` is X, `ratio` R."""
    wanted = units * in_thresholds(conv.source) / scale
    weight = np.clip(np.rint(wanted), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    repair = np.clip(np.rint((wanted - weight) * ratio), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    codes = tuple(InputCode(_bits(x * brightest), x) for x in (scale, scale / ratio))
    doubled = replace(conv.source, weight=np.concatenate([conv.source.weight] * 2, axis=1))
    stacked = np.concatenate([weight, repair], axis=1).astype(np.int8)
    return _with(conv, stacked, units, integer_neuron(conv, units), doubled), codes


def integer_neuron(conv: FixedPointConv, units: int) -> FixedPointNeuron:
    """Threshold `units` for every channel, leak and bias in the same units; a decay is a ratio and stays."""
    source = conv.source.neuron
    leak, bias = (np.rint(units * a / source.threshold).astype(np.int32) for a in (source.leak, source.bias))
    decay = np.rint(DECAY_UNIT * (1 - source.beta)).astype(np.int32)
    return replace(conv.neuron, threshold=np.full_like(leak, units), leak=leak, decay=decay, bias=bias)


def _with(
    conv: FixedPointConv, weight: NDArray[np.int8], units: int, neuron: FixedPointNeuron, source: ConvLayer
) -> FixedPointConv:
    scale = units / conv.source.neuron.threshold
    return replace(conv, planes=(Plane(weight, 0),), neuron=neuron, scale=scale, source=source)


def _signed(conv: FixedPointConv) -> bool:
    return bool((conv.source.weight < 0).any()) or not conv.neuron.floor


def _bits(largest: float) -> int:
    return max(2, int(np.ceil(np.rint(largest))).bit_length())
