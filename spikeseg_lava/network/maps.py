"""Maps of a layer: which ones fire alike, which can never fire, and how they are left out or added up.

Two maps fire at the same steps at the same places where their neurons are equal, and their weights are equal as far as
they decide (`firing_level`).

A map can never fire where a bound on its membrane stays below its positive threshold. With the largest drive of one
step, D = (sum of the positive weights) * (largest input), V starts at 0 and

    subtractive      V <= max(0, V + D + bias - leak)    stays at or below 0 for ever when D + bias <= leak
    multiplicative   V <= beta * V + D + bias            stays at or below (D + bias) / (1 - beta), or 0

A negative input of a map only lowers V, and so do saturation and an integer decay, which rounds towards zero. Float
sums may round up, and get a margin for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair
from spikeseg_lava.network.integers import DECAY_UNIT, STATE_MAX, FixedPointConv, FixedPointNeuron, byte_planes


def dilated(weight: NDArray[Any], dilation: Pair) -> NDArray[Any]:
    """The kernel with `dilation - 1` zeros between its taps."""
    height, width = ((k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True))
    spread = np.zeros((*weight.shape[:2], height, width), weight.dtype)
    spread[:, :, :: dilation[0], :: dilation[1]] = weight
    return spread


def ungrouped(weight: NDArray[Any], groups: int) -> NDArray[Any]:
    """[O, I / groups, kh, kw] of a grouped convolution as [O, I, kh, kw], zero across the groups."""
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    full = np.zeros((weight.shape[0], inputs * groups, *weight.shape[2:]), weight.dtype)
    for g in range(groups):
        rows = slice(g * outputs, (g + 1) * outputs)
        full[rows, g * inputs : (g + 1) * inputs] = weight[rows]
    return full


def common_zeros(kernel: NDArray[np.integer]) -> int:
    """Largest k with every weight a multiple of 2^k; 0 where all are zero."""
    together = int(np.bitwise_or.reduce(np.abs(kernel), axis=None))
    return (together & -together).bit_length() - 1 if together else 0


Conv = ConvLayer | FixedPointConv
AnyConv = TypeVar("AnyConv", bound=Conv)
AnyNeuron = TypeVar("AnyNeuron", bound=Neuron | FixedPointNeuron)
Targets = Sequence[int | None]  # for every old map the new one, or None: left out


def kernel_of(layer: Conv) -> NDArray[Any]:
    """[O, I, kh, kw]: float weights, or the integers of all planes together."""
    return layer.weight if isinstance(layer, ConvLayer) else layer.kernel


def with_outputs(layer: AnyConv, kept: Sequence[int]) -> AnyConv:
    """The layer with only the output maps `kept`, in that order."""
    index = np.asarray(kept)
    neuron = _channels(layer.neuron, index)
    if not isinstance(layer, FixedPointConv):
        return replace(layer, weight=layer.weight[index], neuron=neuron)
    planes = tuple(replace(plane, weight=plane.weight[index]) for plane in layer.planes)
    source = with_outputs(layer.source, kept)
    return replace(layer, planes=planes, neuron=neuron, scale=layer.scale[index], source=source)


def with_inputs(layer: AnyConv, targets: Targets) -> AnyConv | None:
    """The layer on fewer input maps: weights of maps that became one are added up.

    Floats are added in double precision and rounded once. Integers stay exact: the sums are written in as many byte
    planes as they need, and None is returned where these would hold more bytes than the planes before.
    """
    if isinstance(layer, ConvLayer):
        return replace(layer, weight=_folded(layer.weight.astype(np.float64), targets).astype(np.float32))
    source = with_inputs(layer.source, targets) or layer.source
    kept = [t for t in targets if t is not None]
    if len(set(kept)) == len(kept):
        planes = tuple(replace(p, weight=_folded(p.weight, targets)) for p in layer.planes)
    else:
        planes = byte_planes(_folded(layer.kernel, targets), min(p.exponent for p in layer.planes))
        if sum(p.weight.size for p in planes) > sum(p.weight.size for p in layer.planes):
            return None
    return replace(layer, planes=planes, source=source)


def _folded(weight: NDArray[Any], targets: Targets) -> NDArray[Any]:
    new = np.zeros((weight.shape[0], 1 + max(t for t in targets if t is not None), *weight.shape[2:]), weight.dtype)
    for old, target in enumerate(targets):
        if target is not None:
            new[:, target] += weight[:, old]
    return new


def _channels(neuron: AnyNeuron, index: NDArray[np.integer]) -> AnyNeuron:
    arrays = {f.name: getattr(neuron, f.name) for f in fields(neuron)}
    return replace(neuron, **{name: a[index] for name, a in arrays.items() if isinstance(a, np.ndarray)})


FLOAT_ROUNDING = 2.0**-23
FLOAT32_SUM_MARGIN = 2.0**-16  # above the level, for the rounding of float32 sums


def identities(layer: Conv, spikes_in: bool) -> list[bytes]:
    """Per output map what it does, as bytes: equal ones fire alike.

    Args:
        spikes_in: the input is 0 or 1, not graded.
    """
    neuron, kernel = layer.neuron, kernel_of(layer)
    rate = neuron.beta if isinstance(neuron, Neuron) else neuron.decay
    kernel = np.minimum(kernel, firing_level(layer)[:, None, None, None]) if spikes_in else kernel
    each = (kernel, neuron.threshold, neuron.leak, rate, neuron.bias)
    return [b"".join(a[o].tobytes() for a in each) for o in range(len(kernel))]


def firing_level(layer: Conv, margin: float = FLOAT32_SUM_MARGIN) -> NDArray[np.float64]:
    """Float64[O]: a weight at which one spike fires the neuron by itself; larger ones do the same. inf: no such level.

    With 0/1 input, no negative weight and a membrane that is never negative, every w >= theta + lambda gives

        V + w - lambda >= theta        (multiplicative: beta V + w >= theta for w >= theta)

    so weights may be cut to that level without changing one spike: at theta 0.05 and weights up to 1 this makes 8 bit
    18 times finer. Only the membranes of neurons that have fired before (fire-once) differ; they decide nothing.

    Args:
        margin: of a float layer, how much above the level is still kept, as a part of it.
    """
    neuron, kernel = layer.neuron, kernel_of(layer)
    alone = neuron.threshold.astype(np.float64) + np.maximum(neuron.pull, 0)
    never_negative = (neuron.floor | (neuron.pull <= 0)) & (kernel.min(axis=(1, 2, 3)) >= 0)
    if isinstance(layer, FixedPointConv):
        return np.where(never_negative & (alone <= STATE_MAX), alone, np.inf)
    return np.where(never_negative, alone * (1 + margin), np.inf)


def silent_maps(layer: Conv, largest_input: float) -> NDArray[np.bool_]:
    """Bool[O]: output maps that can never fire for inputs of 0 to `largest_input`."""
    neuron = layer.neuron
    kernel = kernel_of(layer).astype(np.float64)
    drive = np.maximum(kernel, 0).sum(axis=(1, 2, 3)) * largest_input * _margin(layer)
    rise = drive - neuron.pull + np.abs(neuron.bias) * (_margin(layer) - 1)
    if neuron.leak_mode == "subtractive":
        never = rise <= 0
    else:
        never = (rise <= 0) | (rise < neuron.threshold * _lost_share(layer))
    return np.asarray(never)


def _lost_share(layer: Conv) -> NDArray[np.float64]:
    """Float64[O]: 1 - beta of a multiplicative leak; a float's is less by the two roundings of every step."""
    if isinstance(layer, ConvLayer):
        return 1 - layer.neuron.beta * (1 + 4 * FLOAT_ROUNDING)
    return layer.neuron.decay / DECAY_UNIT


def _margin(layer: Conv) -> float:
    if isinstance(layer, FixedPointConv):
        return 1.0
    return 1 + FLOAT_ROUNDING * (layer.weight[0].size + 2)
