"""The quantiser's one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointLayer, FixedPointModel, InputCode
from spikeseg_lava.network import PoolLayer, SpikingNetwork
from spikeseg_lava.quantise.rounding import assemble, nearest_weights
from spikeseg_lava.quantise.scales import choose_scale
from spikeseg_lava.quantise.setting import LayerSetting
from spikeseg_lava.quantise.validation import check_network


def quantize(
    network: SpikingNetwork,
    target: str = "loihi2",
    calibration: NDArray[np.floating] | Sequence[NDArray[np.floating]] | None = None,
    *,
    planes: int | None = None,
    input_bits: int | None = None,
    per_channel: bool | None = None,
) -> FixedPointModel:
    """Write a float network in the integers of `target`."""
    check_network(network)
    bits = input_bits or 12
    largest = 1.0 if calibration is None else max(1.0, max(float(np.max(c)) for c in [calibration]))
    code = InputCode(bits, 1.0 if bits == 1 else (2**bits - 1) / largest)
    layers: list[FixedPointLayer] = []
    scale = code.scale
    for layer in network.layers:
        if isinstance(layer, PoolLayer):
            layers.append(layer)
            continue
        setting = LayerSetting(planes or 2, bits, bool(per_channel))
        chosen = choose_scale(layer, setting, scale, 16, network.timesteps or 100)
        layers.append(assemble(layer, chosen, nearest_weights(layer, chosen), setting.planes))
        bits, scale = 1, 1.0
    return FixedPointModel(
        tuple(layers), code, target, network.input_size, network.timesteps, {"network": dict(network.provenance)}
    )
