"""Output maps with the same weights and the same neuron do the same: they are computed once and their spikes copied.

The first layer of every SpikeSEG network has such maps: it is a signed difference of Gaussians, each sign twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.compilation import compiled
from spikeseg_lava.engine.division import quotient, reciprocal
from spikeseg_lava.engine.sparse import SparseSteps
from spikeseg_lava.fixed_point import FixedPointNeuron


@dataclass(frozen=True, eq=False)
class Twins:
    """Which maps of a layer are computed, and for whom.

    Attributes:
        first: Int64[U], the first map of each kind.
        kind: Int64[O], the kind of each map.
        maps: Int64[O], the maps sorted by kind; those of kind u are `maps[ends[u]:ends[u + 1]]`.
        ends: Int64[U + 1].
    """

    first: NDArray[np.int64]
    kind: NDArray[np.int64]
    maps: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def distinct(self) -> bool:
        return len(self.first) == len(self.kind)

    def neuron_of_kinds(self, neuron: FixedPointNeuron) -> FixedPointNeuron:
        """The parameters of the first map of each kind."""
        threshold, leak, decay = (a[self.first] for a in (neuron.threshold, neuron.leak, neuron.decay))
        return replace(neuron, threshold=threshold, leak=leak, decay=decay)

    def spread(self, spikes: SparseSteps) -> SparseSteps:
        """Spikes of U maps as those of all O maps."""
        if self.distinct:
            return spikes
        over_kinds = reciprocal(len(self.first))
        return SparseSteps.of_spikes(*copy_spikes(spikes.offsets, spikes.index, over_kinds, self.maps, self.ends))


@compiled
def copy_spikes(offsets, index, over_kinds, maps, ends):
    """Offsets and index of spikes of all maps, given those of the kinds."""
    kinds, channels = ends.size - 1, maps.size
    total = 0
    for e in range(index.size):
        kind = index[e] - quotient(index[e], over_kinds) * kinds
        total += ends[kind + 1] - ends[kind]
    out_offsets, copies = np.zeros(offsets.size, np.int64), np.empty(total, np.int32)
    count = 0
    for s in range(offsets.size - 1):
        for e in range(offsets[s], offsets[s + 1]):
            place = quotient(index[e], over_kinds)
            kind = np.uint64(index[e] - place * kinds)
            for m in range(np.uint64(ends[kind]), np.uint64(ends[kind + np.uint64(1)])):
                copies[np.uint64(count)] = place * channels + maps[m]
                count += 1
        out_offsets[s + 1] = count
    return out_offsets, copies


def twins(kernel: NDArray[np.int64], neuron: FixedPointNeuron) -> Twins:
    """Compare the maps of `kernel` Int64[O, I, kh, kw] and their neurons.

    Unless half of them are copies, all count as distinct: copying spikes costs more than it saves.
    """
    parameters = np.stack([neuron.threshold, neuron.leak, neuron.decay], axis=1)
    everything = np.concatenate([kernel.reshape(len(kernel), -1), parameters], axis=1)
    kinds: dict[bytes, int] = {}
    kind = np.array([kinds.setdefault(row.tobytes(), len(kinds)) for row in everything])
    first = np.unique(kind, return_index=True)[1]
    if 2 * len(first) > len(kernel):
        first = kind = np.arange(len(kernel))
    ends = np.concatenate([[0], np.cumsum(np.bincount(kind))])
    return Twins(first, kind, np.argsort(kind, kind="stable"), ends)
