"""What the fused encoder leaves for the parent: spikes and membranes, of one map for all that do the same.

The parent copies them for the other maps when it reads: the copies would be most of what the child writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.shared_maps import SharedMaps, all_distinct
from spikeseg_lava.lava.axes import record_rows
from spikeseg_lava.lava.event_layers import shared_maps_of_layers
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec
from spikeseg_lava.lava.runtime.memory import Published, SpikeLog, shared_array
from spikeseg_lava.network.floats import Shape


class FusedOutputs:
    """Written by the child, read by the parent.

    The child starts with shared maps and may go over to distinct ones, when a user sets a membrane; from then on it
    writes every map. Rows in the file say which of both they are.

    Args:
        specs: all layers.
        files: where the spikes of those that are recorded go, by name; a row's step is 2 * step, and one more where
            every map is written.
        integer: whether maps of integers do the same; maps of floats count as distinct.
    """

    def __init__(self, specs: Mapping[str, LayerSpec], files: Mapping[str, SpikeLog], integer: bool) -> None:
        self._files = files
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
        for file in self._files.values():
            file.prepare()

    def announce(self) -> None:
        """In the child: a step has begun."""
        for memory in self._memory.values():
            memory.announce()

    def append(self, step: int, spikes: Mapping[str, NDArray[np.int32]], distinct: bool, later: bool) -> None:
        """In the child: keep the spikes of a step, places by layer; `later` as of SpikeLog."""
        for name, file in self._files.items():
            file.append(2 * step + distinct, spikes[name], later)

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

    def take(self, name: str, shape: Shape) -> NDArray[np.int32]:
        """Int32[N, 4] rows (t, c, y, x) in order of the spikes of all maps of a layer since the last call."""
        steps, index = self._files[name].take()
        whole = steps & 1 == 1
        if not whole.any():
            return record_rows(steps >> 1, index, shape, self._shared[name])
        parts = record_rows(steps[~whole] >> 1, index[~whole], shape, self._shared[name])
        return np.concatenate([parts, record_rows(steps[whole] >> 1, index[whole], shape)])

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
