"""What a network takes of a chip, before any board is there: neurons, synapses, memory, axons, cores, chips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from spikeseg_lava.chip.groups import ChipNetwork, as_given
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.chip.tiling import PlacedGroup, Tile, place
from spikeseg_lava.network import counting
from spikeseg_lava.network.counting import CountedLayer
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel


@dataclass(frozen=True, eq=False)
class LayerResources:
    """What one layer takes.

    Attributes:
        synapses: inside the borders, one per (input, output) pair; `stored_synapses`: those whose weight is not 0.
        planes: weight planes, each a synapse group of its own.
        kernel_bytes: weights of all planes, stored once.
        placed: the groups of neurons that make it on the chip, cut into cores.
        cores_by_neurons: cores if neurons alone counted, a lower bound.
    """

    name: str
    is_pool: bool
    input_shape: Shape
    output_shape: Shape
    neurons: int
    synapses: int
    stored_synapses: int
    planes: int
    fan_in: int
    kernel_bytes: int
    placed: tuple[PlacedGroup, ...]
    cores_by_neurons: int

    @property
    def cores(self) -> int | None:
        """Cores of all its groups; None where one fits none."""
        return _total([part.tiling.cores if part.tiling else None for part in self.placed])

    @property
    def placed_neurons(self) -> int:
        """Neurons on the chip that make this layer."""
        return sum(part.group.neurons for part in self.placed)

    @property
    def fullest(self) -> tuple[Tile, ...]:
        """What a core of each group holds."""
        return tuple(part.tiling.tile for part in self.placed if part.tiling)


@dataclass(frozen=True, eq=False)
class Resources:
    """What a network takes of `target` at frames of `size` (height, width)."""

    target: Target
    size: Pair
    layers: tuple[LayerResources, ...]

    @cached_property
    def convolutions(self) -> tuple[LayerResources, ...]:
        return tuple(layer for layer in self.layers if not layer.is_pool)

    @property
    def neurons(self) -> int:
        """Neurons of the convolutions."""
        return sum(layer.neurons for layer in self.convolutions)

    @property
    def pool_neurons(self) -> int:
        return sum(layer.neurons for layer in self.layers if layer.is_pool)

    @property
    def synapses(self) -> int:
        """Synapses of the convolutions, exact at the borders."""
        return sum(layer.synapses for layer in self.convolutions)

    @property
    def placed_neurons(self) -> int:
        """Neurons on the chip, whatever they are for."""
        return sum(layer.placed_neurons for layer in self.layers)

    @property
    def layer_cores(self) -> dict[str, int | None]:
        """Cores of every layer, by name."""
        return {layer.name: layer.cores for layer in self.layers}

    @property
    def cores(self) -> int | None:
        """Cores of all layers, pools included; None where a layer fits no core."""
        return _total([layer.cores for layer in self.layers])

    @property
    def chips(self) -> int | None:
        """Chips of `mapped_cores` cores each."""
        return None if self.cores is None else -(-self.cores // self.target.mapped_cores.value)


def resources(
    network: SpikingNetwork | FixedPointModel,
    target: str | Target | None = None,
    size: Pair | None = None,
    chip: ChipNetwork | None = None,
) -> Resources:
    """Resources of a float network (one weight plane) or a model, at frames of `size` (height, width).

    Args:
        target: name of a chip or a Target; default: the model's own, else loihi2.
        size: default: the size the network was made for; ArgumentError where that is unknown.
        chip: the form in which it is placed; default: one neuron for each of the network.
    """
    if not isinstance(target, Target):
        target = get_target(target or getattr(network, "target", "loihi2"))
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    shape: Shape = (network.input_channels, height, width)
    placed = place((chip or as_given(network, size)).groups, target)
    found: list[LayerResources] = []
    for layer in network.layers:
        found.append(_layer(layer, shape, target, tuple(p for p in placed if p.group.layer == layer.name)))
        shape = shapes[layer.name]
    return Resources(target, (height, width), tuple(found))


def _layer(layer: CountedLayer, shape: Shape, target: Target, placed: tuple[PlacedGroup, ...]) -> LayerResources:
    planes, fan_in = counting.planes(layer), counting.fan_in(layer)
    neurons, synapses = counting.neurons(layer, shape), counting.synapses(layer, shape)
    output = layer.output_shape(shape)
    kernel = fan_in if isinstance(layer, PoolLayer) else fan_in * output[0]
    return LayerResources(
        layer.name, isinstance(layer, PoolLayer), shape, output, neurons, synapses,
        counting.synapses(layer, shape, nonzero=True), planes, fan_in,
        kernel * planes * target.weight_bits.value // 8, placed,
        -(-neurons // target.neurons_per_core.value),
    )  # fmt: skip


def _total(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def savings_table(before: Resources, after: Resources) -> Table:
    """Neurons, synapses and cores that a simplification saves, layer by layer; both at one frame size and target."""
    rows = [[x.name, *_pairs(x, y)] for x, y in zip(before.layers, after.layers, strict=True)]
    neurons = (before.neurons + before.pool_neurons, after.neurons + after.pool_neurons)
    synapses = [sum(layer.stored_synapses for layer in found.layers) for found in (before, after)]
    rows.append(["all layers", *neurons, *synapses, before.cores, after.cores])
    columns = ("layer", "neurons", "simplified", "synapses", "simplified", "cores", "simplified")
    note = "Maps that are identical, silent or unheard are left out; synapses of weight 0 are not counted."
    return Table("Saved by lossless simplification", columns, rows, note)


def _pairs(before: LayerResources, after: LayerResources) -> list[int | None]:
    synapses = (before.stored_synapses, after.stored_synapses)
    return [before.neurons, after.neurons, *synapses, before.cores, after.cores]
