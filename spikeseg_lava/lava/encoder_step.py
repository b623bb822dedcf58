"""One step of all layers in one operating-system process: what the fused encoder executes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine import EventConv
from spikeseg_lava.lava.event_layers import event_chain
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec
from spikeseg_lava.lava.layer_step import Places, check_payload, layer_step, one_step


class IntegerEncoderStep:
    """All layers in one call of the event engine's kernels."""

    def __init__(self, specs: dict[str, LayerSpec]) -> None:
        self._layers, self._chain = event_chain(specs)
        first = next(iter(specs.values()))
        self._largest = 2**first.payload_bits - 1 if isinstance(first, ConvSpec) else None

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer."""
        if self._largest is not None:
            check_payload(payload, self._largest)
        spikes = self._chain.run(one_step(index, payload))
        return {name: found.index for name, found in zip(self._layers, spikes, strict=True)}

    def membranes(self) -> Mapping[str, NDArray[np.int32]]:
        """[W, H, O] of every convolution after the last step."""
        return {name: layer.settle() for name, layer in self._layers.items() if isinstance(layer, EventConv)}


class FloatEncoderStep:
    """Layer after layer in float64, on whole images."""

    def __init__(self, specs: dict[str, LayerSpec]) -> None:
        self._layers = {name: layer_step(spec, integer=False) for name, spec in specs.items()}

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer."""
        spikes = {}
        for name, layer in self._layers.items():
            index = layer.step(index, payload)
            payload = np.ones(len(index), np.int32)
            spikes[name] = index
        return spikes

    def membranes(self) -> Mapping[str, NDArray[np.float64]]:
        """[W, H, O] of every convolution after the last step."""
        every = {name: layer.membrane() for name, layer in self._layers.items()}
        return {name: membrane for name, membrane in every.items() if membrane is not None}
