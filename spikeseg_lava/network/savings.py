"""What a simplification saves: neurons, synapses and weight bytes, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from spikeseg_lava.network.counting import neurons, planes, synapses, weights
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.simplification import Simplified


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
