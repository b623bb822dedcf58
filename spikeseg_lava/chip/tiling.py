"""How a layer is cut into neuron cores: one block of output channels, rows and columns a core.

A block of `c` channels, `h` rows and `w` columns takes `c * h * w` neurons; one incoming axon for every (input neuron,
weight plane) it sees, halo included; and its kernel once (`shared`), or every synapse for itself. The block chosen
respects all three limits of the core and needs the fewest cores. The compiler of the chip is not public: this is a
mapping that fits, not the one it will find. Axons shared by populations would only make it smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network import counting
from spikeseg_lava.network.counting import CountedLayer
from spikeseg_lava.network.floats import PoolLayer, Shape


@dataclass(frozen=True)
class Block:
    """What one core holds of a layer: `shape` (channels, height, width) of its outputs, and what that takes."""

    shape: Shape
    neurons: int
    synapse_bytes: int
    axons_in: int


@dataclass(frozen=True)
class Tiling:
    """A layer cut into equal blocks (those at the borders may be smaller); `cores` of them."""

    block: Block
    cores: int


def tile(layer: CountedLayer, input_shape: Shape, target: Target, shared: bool = True) -> Tiling | None:
    """The cut into the fewest cores (of these, with the fewest axons); None where not even one neuron fits a core."""
    shape = layer.output_shape(input_shape)
    fitting = [
        Tiling(found, cores_of(shape, found.shape))
        for channels in _parts(shape[0])
        for height in _parts(shape[1])
        for found in _widest(layer, input_shape, target, shared, channels, height)
    ]
    return min(fitting, key=lambda tiling: (tiling.cores, tiling.block.axons_in), default=None)


def block(layer: CountedLayer, input_shape: Shape, shape: Shape, shared: bool = True) -> Block:
    """What a block of `shape` (channels, height, width) takes of a core."""
    neurons = shape[0] * shape[1] * shape[2]
    stored = shape[0] if shared and not isinstance(layer, PoolLayer) else 1 if shared else neurons
    planes, fan_in = counting.planes(layer), counting.fan_in(layer)
    return Block(shape, neurons, stored * fan_in * planes, planes * _inputs(layer, input_shape, shape))


def cores_of(shape: Shape, part: Shape) -> int:
    """Blocks of shape `part` that cover `shape`."""
    channels, height, width = (-(-whole // piece) for whole, piece in zip(shape, part, strict=True))
    return channels * height * width


def _widest(
    layer: CountedLayer, input_shape: Shape, target: Target, shared: bool, channels: int, height: int
) -> Iterator[Block]:
    """The widest fitting block of so many channels and rows, if one column fits."""
    columns = layer.output_shape(input_shape)[2]
    low, high = 0, columns
    while low < high:
        middle = (low + high + 1) // 2
        fits = _fits(block(layer, input_shape, (channels, height, middle), shared), target)
        low, high = (middle, high) if fits else (low, middle - 1)
    if low:
        even = -(-columns // -(-columns // low))
        yield block(layer, input_shape, (channels, height, even), shared)


def _fits(needs: Block, target: Target) -> bool:
    return (
        needs.neurons <= target.neurons_per_core.value
        and needs.synapse_bytes <= target.synapse_bytes_per_core.value
        and needs.axons_in <= target.axons_in_per_core.value
    )


def _inputs(layer: CountedLayer, input_shape: Shape, shape: Shape) -> int:
    """Input neurons seen by a block away from the borders, at most those there are."""
    rows, columns = (
        min((length - 1) * stride + kernel, available)
        for length, stride, kernel, available in zip(
            shape[1:], layer.stride, counting.window(layer), input_shape[1:], strict=True
        )
    )
    return (shape[0] if isinstance(layer, PoolLayer) else input_shape[0]) * rows * columns


def _parts(length: int) -> list[int]:
    """Lengths that cut `length` into 1, 2, 3, ... nearly equal pieces."""
    return sorted({-(-length // pieces) for pieces in range(1, length + 1)})
