"""Leaving out and adding up maps of one layer, the same for float layers and for integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointConv, FixedPointNeuron
from spikeseg_lava.network import ConvLayer, Neuron
from spikeseg_lava.simplification.byte_planes import byte_planes

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
