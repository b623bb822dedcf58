"""What a network takes of a chip, before any board is there: neurons, synapses, memory, axons, cores, chips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from spikeseg_lava.chip.targets import Target, get_target
from spikeseg_lava.chip.tiling import Tiling, tile
from spikeseg_lava.network import counting
from spikeseg_lava.network.counting import CountedLayer
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointModel


@dataclass(frozen=True, eq=False)
class LayerResources:
    """What one layer takes.

    Attributes:
        synapses: inside the borders, one per (input, output) pair; `stored_synapses`: those whose weight is not 0.
        planes: weight planes, each a synapse group of its own.
        kernel_bytes: weights of all planes, stored once; `unshared_bytes`: every synapse stored for itself.
        tiling: how it is cut into cores with its kernel stored once a core; `unshared`: every synapse for itself.
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
    unshared_bytes: int
    tiling: Tiling | None
    unshared: Tiling | None
    cores_by_neurons: int

    @property
    def cores(self) -> int | None:
        """Cores with a shared kernel; None where not even one neuron fits."""
        return None if self.tiling is None else self.tiling.cores


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
    def cores(self) -> int | None:
        """Cores of all layers, pools included; None where a layer fits no core."""
        return _total([layer.cores for layer in self.layers])

    @property
    def unshared_cores(self) -> int | None:
        """Cores where every synapse is stored for itself."""
        return _total([layer.unshared.cores if layer.unshared else None for layer in self.layers])

    @property
    def chips(self) -> int | None:
        """Chips of `mapped_cores` cores each."""
        return None if self.cores is None else -(-self.cores // self.target.mapped_cores.value)


def resources(
    network: SpikingNetwork | FixedPointModel, target: str | Target | None = None, size: Pair | None = None
) -> Resources:
    """Resources of a float network (one weight plane) or a model, at frames of `size` (height, width).

    Args:
        target: name of a chip or a Target; default: the model's own, else loihi2.
        size: default: the size the network was made for; ArgumentError where that is unknown.
    """
    if not isinstance(target, Target):
        target = get_target(target or getattr(network, "target", "loihi2"))
    shapes = network.shapes(size)
    height, width = size or network.input_size or (0, 0)
    shape: Shape = (network.input_channels, height, width)
    found: list[LayerResources] = []
    for layer in network.layers:
        found.append(_layer(layer, shape, target))
        shape = shapes[layer.name]
    return Resources(target, (height, width), tuple(found))


def _layer(layer: CountedLayer, shape: Shape, target: Target) -> LayerResources:
    planes, fan_in = counting.planes(layer), counting.fan_in(layer)
    neurons, synapses = counting.neurons(layer, shape), counting.synapses(layer, shape)
    output = layer.output_shape(shape)
    kernel = fan_in if isinstance(layer, PoolLayer) else fan_in * output[0]
    return LayerResources(
        layer.name, isinstance(layer, PoolLayer), shape, output, neurons, synapses,
        counting.synapses(layer, shape, nonzero=True), planes, fan_in,
        kernel * planes * target.weight_bits.value // 8, synapses * planes * target.weight_bits.value // 8,
        tile(layer, shape, target), tile(layer, shape, target, shared=False),
        -(-neurons // target.neurons_per_core.value),
    )  # fmt: skip


def _total(parts: list[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
