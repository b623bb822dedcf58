"""A digest of everything in a model that decides its spikes: two models with the same digest give the same record."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from spikeseg_lava.fixed_point import FixedPointConv, FixedPointLayer, FixedPointModel


def model_digest(model: FixedPointModel) -> str:
    """64 hexadecimal digits; provenance and float sources do not count."""
    digest = hashlib.sha256(json.dumps([model.input.bits, model.input.scale]).encode())
    for layer in model.layers:
        facts, arrays = _parts(layer)
        digest.update(json.dumps([layer.name, list(layer.stride), *facts]).encode())
        for array in arrays:
            digest.update(json.dumps([array.dtype.str, array.shape]).encode() + array.tobytes())
    return digest.hexdigest()


def _parts(layer: FixedPointLayer) -> tuple[list[Any], list[Any]]:
    if not isinstance(layer, FixedPointConv):
        return [list(layer.kernel)], []
    neuron = layer.neuron
    facts = [list(layer.padding), neuron.leak_mode, neuron.floor, [plane.exponent for plane in layer.planes]]
    return facts, [*(plane.weight for plane in layer.planes), neuron.threshold, neuron.leak, neuron.decay]
