"""Integer kernels written exactly in signed byte planes, as few as there can be.

Leaving out and adding up maps of one layer, the same for float layers and for integers.

When two maps fire at the same steps at the same places: equal neurons, and weights equal where they decide.

With spikes as input, no negative weight and a membrane that is never negative, a weight of at least theta + lambda
(multiplicative leak: theta) fires the neuron by itself. How much larger it is changes no spike, so it is compared as if
it were cut to that level. Only the membranes of neurons that have fired before (fire-once) depend on it.

Maps that can never fire, whatever the input: a bound on the membrane from the largest drive of one step.

With D = (sum of the positive weights) * (largest input), V starts at 0 and

    subtractive      V <= max(0, V + D - leak)      stays at or below 0 for ever when D <= leak
    multiplicative   V <= beta * V + D              stays at or below D / (1 - beta)

A map is silent when that bound stays below its positive threshold. A negative input of a map only lowers V, and so do
saturation and an integer decay, which rounds towards zero. Float sums may round up, and get a margin for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron
from spikeseg_lava.network.integers import DECAY_UNIT, STATE_MAX, FixedPointConv, FixedPointNeuron, Plane

BYTE_BITS = 8


def byte_planes(kernel: NDArray[np.int64], exponent: int) -> tuple[Plane, ...]:
    """Planes with `sum of w_p << e_p == kernel`, exponents `exponent`, `exponent + 8`, ...; low byte first.

    Args:
        kernel: Int64[O, I, kh, kw], every weight a multiple of `2 ** exponent`.
    """
    rest, planes = kernel >> exponent, []
    while rest.any() or not planes:
        low = ((rest + 128) & 255) - 128
        planes.append(Plane(low.astype(np.int8), exponent + BYTE_BITS * len(planes)))
        rest = (rest - low) >> BYTE_BITS
    return tuple(planes)


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


FLOAT32_SUM_MARGIN = 2.0**-16  # above the level, for the rounding of float32 sums


def identities(layer: Conv, spikes_in: bool) -> list[bytes]:
    """Per output map what it does, as bytes: equal ones fire alike.

    Args:
        spikes_in: the input is 0 or 1, not graded.
    """
    neuron, kernel = layer.neuron, kernel_of(layer)
    rate = neuron.beta if isinstance(neuron, Neuron) else neuron.decay
    kernel = np.minimum(kernel, _firing_level(layer)[:, None, None, None]) if spikes_in else kernel
    return [b"".join(a[o].tobytes() for a in (kernel, neuron.threshold, neuron.leak, rate)) for o in range(len(kernel))]


def _firing_level(layer: Conv) -> NDArray[np.float64]:
    """Float64[O]: larger weights do what one of this size does; inf where that cannot be said."""
    neuron, kernel = layer.neuron, kernel_of(layer)
    alone = neuron.threshold.astype(np.float64) + (neuron.leak if neuron.leak_mode == "subtractive" else 0)
    never_negative = (neuron.floor | (neuron.leak == 0)) & (kernel.min(axis=(1, 2, 3)) >= 0) & (neuron.threshold > 0)
    if isinstance(layer, FixedPointConv):
        return np.where(never_negative & (alone <= STATE_MAX), alone, np.inf)
    return np.where(never_negative, alone * (1 + FLOAT32_SUM_MARGIN), np.inf)


FLOAT_ROUNDING = 2.0**-23


def silent_maps(layer: Conv, largest_input: float) -> NDArray[np.bool_]:
    """Bool[O]: output maps that can never fire for inputs of 0 to `largest_input`."""
    neuron = layer.neuron
    kernel = kernel_of(layer).astype(np.float64)
    drive = np.maximum(kernel, 0).sum(axis=(1, 2, 3)) * largest_input * _margin(layer)
    if neuron.leak_mode == "subtractive":
        never = drive <= neuron.leak
    else:
        never = (drive == 0) | (drive < neuron.threshold * _lost_share(layer))
    return np.asarray(never & (neuron.threshold > 0))


def _lost_share(layer: Conv) -> NDArray[np.float64]:
    """Float64[O]: 1 - beta of a multiplicative leak; a float's is less by the two roundings of every step."""
    if isinstance(layer, ConvLayer):
        return 1 - layer.neuron.beta * (1 + 4 * FLOAT_ROUNDING)
    return layer.neuron.decay / DECAY_UNIT


def _margin(layer: Conv) -> float:
    if isinstance(layer, FixedPointConv):
        return 1.0
    return 1 + FLOAT_ROUNDING * (layer.weight[0].size + 2)
