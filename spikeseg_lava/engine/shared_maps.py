"""Output maps that do the same, or the opposite, share their work: one of a kind is computed, and one drive of a pair.

The first layer of every SpikeSEG network is a difference of Gaussians with both signs, each of them twice: its four
maps need one drive `A`, two membranes (driven by `A` and `-A`), and copies of their spikes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.integers import FixedPointNeuron


@dataclass(frozen=True, eq=False)
class Kinds:
    """Which maps of a layer are computed, and for whom.

    Attributes:
        first: Int64[U], the map that stands for each kind; with two signs the opposites follow in the same order.
        kind: Int64[O], the kind of each map.
        signs: 2 where the second half of the kinds has the weights of the first half with the opposite sign, else 1.
        maps: Int64[O], the maps sorted by kind; those of kind u are `maps[ends[u]:ends[u + 1]]`.
        ends: Int64[U + 1].
    """

    first: NDArray[np.int64]
    kind: NDArray[np.int64]
    signs: int
    maps: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def trivial(self) -> bool:
        """Whether the kinds are the maps themselves, in order."""
        return np.array_equal(self.kind, np.arange(len(self.first)))

    @property
    def bases(self) -> int:
        """Number of kinds that need a drive of their own."""
        return len(self.first) // self.signs

    def places(self, index: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Spikes of kinds, places Int[N], as those of all maps: which of the N each comes from, and its place."""
        place, kind = np.divmod(index, len(self.first))
        number = np.diff(self.ends)[kind]
        source = np.repeat(np.arange(len(index)), number)
        nth = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
        maps = self.maps[self.ends[kind[source]] + nth]
        return source, (place[source] * len(self.kind) + maps).astype(np.int32)

    def kernel_of_bases(self, kernel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Int64[U / signs, I, kh, kw] of Int64[O, I, kh, kw]."""
        return kernel[self.first[: self.bases]]

    def kernel_on_kinds(self, kernel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Int64[P, U, kh, kw] of a following layer Int64[P, O, kh, kw]: maps that fire alike add up their weights."""
        return np.stack([kernel[:, self.kind == kind].sum(axis=1) for kind in range(len(self.first))], axis=1)

    def neuron_of_kinds(self, neuron: FixedPointNeuron) -> FixedPointNeuron:
        """The parameters of each kind."""
        threshold, leak, decay = (a[self.first] for a in (neuron.threshold, neuron.leak, neuron.decay))
        return replace(neuron, threshold=threshold, leak=leak, decay=decay)


def all_distinct(maps: int) -> Kinds:
    """Every map is of a kind of its own."""
    return _kinds(np.arange(maps), np.arange(maps), 1)


def kinds_of(kernel: NDArray[np.int64], neuron: FixedPointNeuron) -> Kinds:
    """Compare the maps of `kernel` Int64[O, I, kh, kw] and their neurons.

    Unless half of them are copies, all count as distinct: copying spikes costs more than it saves.
    """
    parameters = np.stack([neuron.threshold, neuron.leak, neuron.decay], axis=1)
    everything = np.concatenate([kernel.reshape(len(kernel), -1), parameters], axis=1)
    kind = numbered(everything.astype(np.int64))
    first = np.unique(kind, return_index=True)[1]
    if 2 * len(first) > len(kernel):
        first = kind = np.arange(len(kernel))
    order = opposites_last(kernel[first])
    if order is None:
        return _kinds(first, kind, 1)
    return _kinds(first[order], np.argsort(order)[kind], 2)


def numbered(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Int64[N]: a number for each row, equal for equal rows, in the order of their first appearance."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])


def opposites_last(kernel: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """An order in which map `n + U/2` has the weights of map `n` with the opposite sign; None unless all have one."""
    left, bases, opposites = dict(enumerate(kernel)), [], []
    while left:
        number, weights = left.popitem()
        opposite = next((k for k, other in left.items() if np.array_equal(other, -weights)), None)
        if opposite is None:
            return None
        del left[opposite]
        bases.append(opposite)
        opposites.append(number)
    return np.array(bases + opposites)


def _kinds(first: NDArray[np.int64], kind: NDArray[np.int64], signs: int) -> Kinds:
    ends = np.concatenate([[0], np.cumsum(np.bincount(kind, minlength=len(first)))])
    return Kinds(first, kind, signs, np.argsort(kind, kind="stable"), ends)
