"""Output maps with equal weights and neurons share one computation, maps with opposite weights share one drive.

The first layer of every SpikeSEG network is a difference of Gaussians with both signs, each of them twice: its four
maps need one drive `A`, two membranes (driven by `A` and `-A`), and copies of their spikes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.integers import FixedPointNeuron


@dataclass(frozen=True, eq=False)
class SharedMaps:
    """Which maps of a layer are computed, and which copy the spikes of one that is.

    Attributes:
        distinct: Int64[U], the maps that are computed; with two signs the opposites follow in the same order.
        source: Int64[O], for each map the number (in `distinct`) of the one it equals.
        signs: 2 where the second half of `distinct` has the weights of the first half with the opposite sign, else 1.
        copies: Int64[O], the maps sorted by source; those equal to distinct map u are `copies[ends[u]:ends[u + 1]]`.
        ends: Int64[U + 1].
    """

    distinct: NDArray[np.int64]
    source: NDArray[np.int64]
    signs: int
    copies: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def trivial(self) -> bool:
        """Whether every map is computed, in order, so that nothing is copied."""
        return np.array_equal(self.source, np.arange(len(self.distinct)))

    @property
    def drives(self) -> int:
        """Number of drives: one for every pair of opposites, else one for every distinct map."""
        return len(self.distinct) // self.signs

    def places(self, index: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Spikes of the distinct maps, places Int[N], as those of all maps.

        Returns which of the N spikes each comes from, and its place.
        """
        place, distinct = np.divmod(index, len(self.distinct))
        number = np.diff(self.ends)[distinct]
        spike = np.repeat(np.arange(len(index)), number)
        nth = np.arange(len(spike)) - np.repeat(np.cumsum(number) - number, number)
        maps = self.copies[self.ends[distinct[spike]] + nth]
        return spike, (place[spike] * len(self.source) + maps).astype(np.int32)

    def kernel_of_drives(self, kernel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Int64[U / signs, I, kh, kw] of Int64[O, I, kh, kw]."""
        return kernel[self.distinct[: self.drives]]

    def kernel_on_distinct(self, kernel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Int64[P, U, kh, kw] of a following layer Int64[P, O, kh, kw]: weights of maps that fire alike are added."""
        return np.stack([kernel[:, self.source == source].sum(axis=1) for source in range(len(self.distinct))], axis=1)

    def neuron_of_distinct(self, neuron: FixedPointNeuron) -> FixedPointNeuron:
        """The parameters of the distinct maps."""
        each = (neuron.threshold, neuron.leak, neuron.decay, neuron.bias)
        threshold, leak, decay, bias = (a[self.distinct] for a in each)
        return replace(neuron, threshold=threshold, leak=leak, decay=decay, bias=bias)


def all_distinct(maps: int) -> SharedMaps:
    """Every map is computed by itself."""
    return _shared_maps(np.arange(maps), np.arange(maps), 1)


def shared_maps_of(kernel: NDArray[np.int64], neuron: FixedPointNeuron) -> SharedMaps:
    """The maps of `kernel` Int64[O, I, kh, kw] that have equal weights and equal neurons.

    Unless half of the maps are copies, all count as distinct: copying their spikes would cost more than it saves.
    """
    parameters = np.stack([neuron.threshold, neuron.leak, neuron.decay, neuron.bias], axis=1)
    everything = np.concatenate([kernel.reshape(len(kernel), -1), parameters], axis=1)
    source = numbered(everything.astype(np.int64))
    distinct = np.unique(source, return_index=True)[1]
    if 2 * len(distinct) > len(kernel):
        distinct = source = np.arange(len(kernel))
    order = opposites_last(kernel[distinct])
    if order is None:
        return _shared_maps(distinct, source, 1)
    return _shared_maps(distinct[order], np.argsort(order)[source], 2)


def numbered(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Int64[N]: a number for each row, equal for equal rows, in the order of their first appearance."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])


def opposites_last(kernel: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """An order in which map `n + U/2` has the weights of map `n` with the opposite sign; None unless all have one."""
    left, drives, opposites = dict(enumerate(kernel)), [], []
    while left:
        number, weights = left.popitem()
        opposite = next((k for k, other in left.items() if np.array_equal(other, -weights)), None)
        if opposite is None:
            return None
        del left[opposite]
        drives.append(opposite)
        opposites.append(number)
    return np.array(drives + opposites)


def _shared_maps(distinct: NDArray[np.int64], source: NDArray[np.int64], signs: int) -> SharedMaps:
    ends = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=len(distinct)))])
    return SharedMaps(distinct, source, signs, np.argsort(source, kind="stable"), ends)
