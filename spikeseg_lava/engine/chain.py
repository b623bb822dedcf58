"""Layers run one after another in one compiled call."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.kernels.network import network_steps
from spikeseg_lava.engine.kernels.record import LAYER
from spikeseg_lava.engine.layers import EventLayer
from spikeseg_lava.engine.payloads import SparseSteps


class LayerChain:
    """Layers whose records lie side by side.

    Args:
        accumulator: type of all their drives.
        copies: whether the result holds the spikes of all maps, or of distinct maps only (see `SharedMaps.places`).
    """

    def __init__(self, layers: Sequence[EventLayer], accumulator: Any, copies: bool = True) -> None:
        self.layers, self._copies = layers, copies
        self._accumulator = np.empty(0, accumulator)
        self._join()

    def run(self, events: SparseSteps) -> list[SparseSteps]:
        """Spikes of every layer in the next `events.steps` steps."""
        offsets, index, ends = network_steps(
            self._records, self._accumulator, events.offsets, events.index, events.payload
        )
        ones = np.ones(len(index), np.int32)
        spans = pairwise(ends.tolist())
        return [SparseSteps(own, index[a:b], ones[a:b]) for own, (a, b) in zip(offsets, spans, strict=True)]

    def warm_up(self) -> None:
        """Run a step with an event at every input of every layer, then clear the state.

        The system provides memory only when it is first written: without this, the first steps of a run would wait.
        """
        for k, layer in enumerate(self.layers):
            index = np.arange(layer.inputs, dtype=np.int32)
            offsets, ones = np.array([0, len(index)]), np.ones(len(index), np.int32)
            network_steps(self._records[k : k + 1], self._accumulator, offsets, index, ones)
            layer.settle()
        self.clear()

    def clear(self) -> None:
        """Forget all state, as between samples. Costs nothing per pixel."""
        self._records["since"] = self._records["step"]

    def _join(self) -> None:
        self._records: NDArray[Any] = np.zeros(len(self.layers), LAYER)
        for k, layer in enumerate(self.layers):
            own = self._records[k : k + 1]
            own[...] = layer.record
            layer.record = own
        self._records["copies"] &= self._copies

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        self._join()
