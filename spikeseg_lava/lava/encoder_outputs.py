"""What the fused encoder leaves for the parent: spikes and membranes of the distinct maps.

Copying them for the other maps is left to the reader: it is most of what there would be to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct
from spikeseg_lava.lava.event_layers import shared_maps_of_layers
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec
from spikeseg_lava.lava.runtime.memory import shared_array
from spikeseg_lava.lava.runtime.spool import SpikeFile


class FusedOutputs:
    """Written by the child, read by the parent.

    Args:
        specs: all layers.
        recorded: names of those whose spikes are kept.
        integer: whether maps of integers do the same; maps of floats count as distinct.
    """

    def __init__(self, specs: Mapping[str, LayerSpec], recorded: Sequence[str], integer: bool) -> None:
        self._recorded, self._file = list(recorded), SpikeFile()
        distinct = {name: all_distinct(spec.output_shape[2]) for name, spec in specs.items()}
        self._shared: dict[str, SharedMaps] = shared_maps_of_layers(specs) if integer else distinct
        self._memory = {
            name: shared_array(
                (*spec.output_shape[:2], len(self._shared[name].distinct)), np.int32 if integer else float
            )
            for name, spec in specs.items()
            if isinstance(spec, ConvSpec)
        }
        self._used = shared_array((1,), np.uint8)

    def prepare(self) -> None:
        """In the child, before the first step."""
        self._used[0] = 1
        self._file.prepare()

    def append(self, step: int, spikes: Mapping[str, NDArray[np.int32]], later: bool) -> None:
        """In the child: keep the spikes of a step, places by layer; `later` as of SpikeFile."""
        layers = len(self._recorded)
        for number, name in enumerate(self._recorded):
            self._file.append(step * layers + number, spikes[name], later or number < layers - 1)

    def publish(self, membranes: Mapping[str, NDArray[Any]]) -> None:
        """In the child: leave membranes [W, H, U]."""
        for name, memory in self._memory.items():
            memory[...] = membranes[name]

    @property
    def used(self) -> bool:
        """Whether the fused model is what runs."""
        return bool(self._used[0])

    def take(self) -> dict[str, tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Steps and places of the spikes of all maps since the last call, by recorded layer."""
        rows, index = self._file.take()
        steps, layer = np.divmod(rows, max(len(self._recorded), 1))
        found = {}
        for number, name in enumerate(self._recorded):
            own = layer == number
            source, places = self._shared[name].places(index[own])
            found[name] = steps[own][source], places
        return found

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[W, H, O] of every convolution after the last run."""
        return {name: memory[:, :, self._shared[name].source] for name, memory in self._memory.items()}

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
