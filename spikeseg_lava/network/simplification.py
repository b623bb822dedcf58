"""`simplify` leaves out maps that equal another one, that can never fire, or whose weights above are all zero.

Maps with equal neurons and weights (`network/maps.py`) fire at the same steps at the same places, so their spikes are
one spike whose weight in the next layer is the sum. A map that never fires adds nothing to it, and neither does a map
whose weights there are all zero. Each layer is rewritten on the maps left below it, and so receives the same current:
exactly in integers; in float32 up to the rounding of the sums. The maps of the last layer, the classes, all stay.
`savings` counts what that saves: neurons, synapses and weight bytes, layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.network.counting import neurons, planes, synapses, weights
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.maps import Conv, Targets, identities, kernel_of, silent_maps, with_inputs, with_outputs
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

AnyNetwork = TypeVar("AnyNetwork", SpikingNetwork, FixedPointModel)


@dataclass(frozen=True, eq=False)
class Simplified(Generic[AnyNetwork]):
    """A network with fewer maps, and where the old ones went.

    Attributes:
        network: the smaller network or model; layers keep their names.
        original: what it was made from.
        maps: layer name -> for every old map its new index, or None where it was left out.
        reasons: convolution -> old maps by why they left: "merged" (into an equal map), "silent", "unheard".
    """

    network: AnyNetwork
    original: AnyNetwork
    maps: dict[str, tuple[int | None, ...]]
    reasons: dict[str, dict[str, tuple[int, ...]]]

    def restored(self, record: SpikeRecord) -> SpikeRecord:
        """A record of the small network in the maps of the original: merged maps fire together, silent ones never.

        Maps left out because nobody heard them have no spikes here, unlike in a record of the original; see `reasons`.
        """
        spikes = {}
        for name, rows in record.spikes.items():
            if name not in self.maps:
                raise RecordError(f"`record` holds a layer `{name}`, expected those of the network: {list(self.maps)}")
            olds = [(old, new) for old, new in enumerate(self.maps[name]) if new is not None]
            copies = [np.where([0, 1, 0, 0], old, rows[rows[:, 1] == new]) for old, new in olds]
            spikes[name] = rows_in_order(np.concatenate(copies))
        return SpikeRecord(spikes, {}, {**record.meta, "restored": True})


def simplify(network: AnyNetwork, largest_input: float = 1.0) -> Simplified[AnyNetwork]:
    """The network without superfluous maps: its classification spikes (those of the last layer) stay the same.

    A model stays exact to the last bit, and merges maps only where the added weights fit in byte planes that hold no
    more bytes than before; merging before quantizing is therefore the better order.

    Args:
        largest_input: largest value of a frame (bins are divided by their largest count: 1); of a model, its own.

    Raises:
        ArgumentError: `largest_input` is negative or not finite.
    """
    if not (np.isfinite(largest_input) and largest_input >= 0):
        raise ArgumentError(f"`largest_input` must be a number of at least 0, got {largest_input}")
    limit = network.input.largest if isinstance(network, FixedPointModel) else largest_input
    work = _Work(list(network.convolutions), isinstance(network, FixedPointModel) and network.input.bits == 1)
    work.forward(limit)
    work.backward()
    layers = {layer.name: layer for layer in work.convolutions}
    left = {name: {why: list(maps) for why, maps in found.items()} for name, found in work.reasons.items() if found}
    small = replace(
        network,
        layers=tuple(layers.get(x.name, x) for x in network.layers),
        provenance={**network.provenance, "simplified": left},
    )
    return Simplified(small, network, _maps(network, work), work.reasons)


class _Work:
    """The convolutions while they shrink, and the way of every old map."""

    def __init__(self, convolutions: list[Conv], binary_input: bool) -> None:
        self.convolutions, self.binary_input = convolutions, binary_input
        self.targets: list[Targets] = [list(range(len(kernel_of(x)))) for x in convolutions]
        self.reasons: dict[str, dict[str, tuple[int, ...]]] = {x.name: {} for x in convolutions}

    def forward(self, largest_input: float) -> None:
        """From the input on: silent maps go, then equal ones are merged where the next layer can write the sums."""
        for k, layer in enumerate(self.convolutions[:-1]):
            silent = silent_maps(layer, largest_input if k == 0 else 1)
            self._leave_out(k, np.flatnonzero(silent).tolist(), "silent")
            self._merge(k)

    def backward(self) -> None:
        """From the classes back: maps whose weights in the next layer are all zero go."""
        for k in reversed(range(len(self.convolutions) - 1)):
            heard = kernel_of(self.convolutions[k + 1]).any(axis=(0, 2, 3))
            self._leave_out(k, np.flatnonzero(~heard).tolist(), "unheard")

    def _leave_out(self, k: int, gone: list[int], reason: str) -> None:
        # A layer of no maps would be none: one map stays even if it never fires.
        gone = gone[1:] if len(gone) == len(kernel_of(self.convolutions[k])) else gone
        kept = [o for o in range(len(kernel_of(self.convolutions[k]))) if o not in gone]
        self._apply(k, [kept.index(o) if o in kept else None for o in range(len(kept) + len(gone))], kept, reason)

    def _merge(self, k: int) -> None:
        keys = identities(self.convolutions[k], spikes_in=k > 0 or self.binary_input)
        first = {key: o for o, key in reversed(list(enumerate(keys)))}
        kept = sorted(first.values())
        self._apply(k, [kept.index(first[key]) for key in keys], kept, "merged")

    def _apply(self, k: int, targets: Targets, kept: list[int], reason: str) -> None:
        if len(kept) == len(targets):
            return
        above = with_inputs(self.convolutions[k + 1], targets)
        if above is None:
            return
        layer = self.convolutions[k]
        self.convolutions[k], self.convolutions[k + 1] = with_outputs(layer, kept), above
        gone = [old for old, now in enumerate(self.targets[k]) if now is not None and now not in kept]
        self.reasons[layer.name][reason] = tuple(gone)
        self.targets[k] = [None if now is None else targets[now] for now in self.targets[k]]


def _maps(network: SpikingNetwork | FixedPointModel, work: _Work) -> dict[str, tuple[int | None, ...]]:
    by_name = {x.name: tuple(t) for x, t in zip(work.convolutions, work.targets, strict=True)}
    maps: dict[str, tuple[int | None, ...]] = {}
    current: tuple[int | None, ...] = tuple(range(network.input_channels))
    for layer in network.layers:
        current = by_name.get(layer.name, current)
        maps[layer.name] = current
    return maps


@dataclass(frozen=True)
class Size:
    """Size of the convolutions of a network, or of one of them; synapses exact at the borders."""

    neurons: int
    synapses: int
    zero_synapses: int
    weight_bytes: int

    def __add__(self, other: Size) -> Size:
        return Size(
            self.neurons + other.neurons,
            self.synapses + other.synapses,
            self.zero_synapses + other.zero_synapses,
            self.weight_bytes + other.weight_bytes,
        )


@dataclass(frozen=True)
class Savings:
    """Sizes per convolution before and after; a synapse of weight zero needs no place and counts as removed."""

    before: dict[str, Size]
    after: dict[str, Size]

    @property
    def neurons_removed(self) -> int:
        """Neurons that need no place any more."""
        return total(self.before).neurons - total(self.after).neurons

    @property
    def synapses_removed(self) -> int:
        """Synapses that need no place any more, those of weight zero included."""
        after = total(self.after)
        return total(self.before).synapses - (after.synapses - after.zero_synapses)

    def lines(self) -> list[str]:
        """One line a convolution and one for all, for a report."""
        rows = {**{name: (self.before[name], self.after[name]) for name in self.before}}
        rows["all"] = (total(self.before), total(self.after))
        return [
            f"{name}: neurons {a.neurons:,} -> {b.neurons:,}, synapses {a.synapses:,} -> {b.synapses:,} "
            f"({b.zero_synapses:,} of them weigh 0), weights {a.weight_bytes:,} -> {b.weight_bytes:,} bytes"
            for name, (a, b) in rows.items()
        ]


def savings(simplified: Simplified, size: Pair | None = None) -> Savings:
    """Sizes before and after for frames of `size` (height, width); default: the network's own."""
    return Savings(sizes(simplified.original, size), sizes(simplified.network, size))


def sizes(network: SpikingNetwork | FixedPointModel, size: Pair | None = None) -> dict[str, Size]:
    """Size of every convolution for frames of `size`; one byte a weight and plane, kernels shared."""
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    shape, found = (network.input_channels, height, width), {}
    for layer in network.layers:
        if layer in network.convolutions:
            every = synapses(layer, shape)
            zero = every - synapses(layer, shape, nonzero=True)
            found[layer.name] = Size(neurons(layer, shape), every, zero, weights(layer).size * planes(layer))  # type: ignore[arg-type]
        shape = shapes[layer.name]
    return found


def total(sizes: dict[str, Size]) -> Size:
    """All convolutions together."""
    return sum(sizes.values(), Size(0, 0, 0, 0))
