"""What the fused encoder leaves for the parent: spikes and membranes, of one map for all that do the same.

The parent copies them for the other maps when it reads: the copies would be most of what the child writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct
from spikeseg_lava.lava.event_layers import shared_maps_of_layers
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec
from spikeseg_lava.lava.runtime.memory import Published, SpikeLog, shared_array


class FusedOutputs:
    """Written by the child, read by the parent.

    The child starts with shared maps and may go over to distinct ones, when a user sets a membrane; from then on it
    writes every map. Rows in the file say which of both they are.

    Args:
        specs: all layers.
        recorded: names of those whose spikes are kept.
        integer: whether maps of integers do the same; maps of floats count as distinct.
    """

    def __init__(self, specs: Mapping[str, LayerSpec], recorded: Sequence[str], integer: bool) -> None:
        self._recorded, self._file = list(recorded), SpikeLog()
        distinct = {name: all_distinct(spec.output_shape[2]) for name, spec in specs.items()}
        self._shared: dict[str, SharedMaps] = shared_maps_of_layers(specs) if integer else distinct
        self._memory = {
            name: Published(spec.output_shape, np.int32 if integer else float)
            for name, spec in specs.items()
            if isinstance(spec, ConvSpec)
        }
        self._used = shared_array((1,), np.uint8)
        self._distinct = shared_array((1,), np.uint8)

    def prepare(self) -> None:
        """In the child, before the first step."""
        self._used[0], self._distinct[0] = 1, 0
        self._file.prepare()

    def announce(self) -> None:
        """In the child: a step has begun."""
        for memory in self._memory.values():
            memory.announce()

    def append(self, step: int, spikes: Mapping[str, NDArray[np.int32]], distinct: bool, later: bool) -> None:
        """In the child: keep the spikes of a step, places by layer; `later` as of SpikeLog."""
        layers = len(self._recorded)
        first = (2 * step + distinct) * layers
        for number, name in enumerate(self._recorded):
            self._file.append(first + number, spikes[name], later or number < layers - 1)

    def publish(self, membranes: Mapping[str, NDArray[Any]], distinct: bool) -> None:
        """In the child: leave membranes, [W, H, U] of the distinct maps or [W, H, O]."""
        self._distinct[0] = distinct
        for name, values in membranes.items():
            self._view(name, values.shape[2])[...] = values
            self._memory[name].done()

    @property
    def used(self) -> bool:
        """Whether the fused model is what runs."""
        return bool(self._used[0])

    def take(self) -> dict[str, tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Steps and places of the spikes of all maps since the last call, by recorded layer."""
        rows, index = self._file.take()
        both, layer = np.divmod(rows, max(len(self._recorded), 1))
        steps, distinct = np.divmod(both, 2)
        found = {}
        for number, name in enumerate(self._recorded):
            whole, part = (layer == number) & (distinct == 1), (layer == number) & (distinct == 0)
            source, places = self._shared[name].places(index[part])
            found[name] = (
                np.concatenate([steps[part][source], steps[whole]]),
                np.concatenate([places, index[whole]]),
            )
        return found

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[W, H, O] of every convolution after the last run."""
        whole = {name: memory.read() for name, memory in self._memory.items()}
        if self._distinct[0]:
            return {name: values.copy() for name, values in whole.items()}
        return {
            name: self._view(name, len(self._shared[name].distinct))[:, :, self._shared[name].source] for name in whole
        }

    def _view(self, name: str, maps: int) -> NDArray[Any]:
        memory = np.asarray(self._memory[name].values)
        width, height, _ = memory.shape
        return memory.reshape(-1)[: width * height * maps].reshape(width, height, maps)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
