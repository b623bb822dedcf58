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
        self._last = list(self._layers.values())[-1].kinds
        first = next(iter(specs.values()))
        self._largest = 2**first.payload_bits - 1 if isinstance(first, ConvSpec) else None
        self._warm_up(next(iter(self._layers.values())).inputs)

    def step(self, index: Places, payload: NDArray[Any]) -> dict[str, Places]:
        """Places of the spikes of every layer, of one map for all of its kind."""
        if self._largest is not None:
            check_payload(payload, self._largest, f"layer `{next(iter(self._layers))}`: ")
        spikes = self._chain.run(one_step(index, payload))
        return {name: found.index for name, found in zip(self._layers, spikes, strict=True)}

    def output(self, spikes: dict[str, Places]) -> Places:
        """Places of the spikes of all maps of the last layer."""
        index = spikes[next(reversed(spikes))]
        return index if self._last.trivial else self._last.places(index)[1]

    def membranes(self) -> Mapping[str, NDArray[np.int32]]:
        """[W, H, kinds] of every convolution after the last step."""
        return {name: layer.settle_kinds() for name, layer in self._layers.items() if isinstance(layer, EventConv)}

    def _warm_up(self, inputs: int) -> None:
        self._chain.warm_up()
        self.output(self.step(np.arange(inputs, dtype=np.int32), np.ones(inputs, np.int32)))
        self._chain.clear()


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

    def output(self, spikes: dict[str, Places]) -> Places:
        """Those of the last layer."""
        return spikes[next(reversed(spikes))]

    def membranes(self) -> Mapping[str, NDArray[np.float64]]:
        """[W, H, O] of every convolution after the last step."""
        every = {name: layer.membrane() for name, layer in self._layers.items()}
        return {name: membrane for name, membrane in every.items() if membrane is not None}
