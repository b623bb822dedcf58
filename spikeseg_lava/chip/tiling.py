"""How a group of neurons is cut into neuron cores, as the compiler's printed partitions show it.

A core takes a *tile*: whole columns of all channels, as many as the largest power of two that fits. Rows are halved
only where not even one column fits, channels only where the kernel of all of them exceeds the synapse memory. Neurons
that see everything below (dense) are cut into a power of two of them, the last core taking the rest where it can.

This rule gives the 74 cores printed for PilotNet (lava-dl `pilotnet_snn/benchmark.ipynb`), layer by layer and tile by
tile, and the 574 cores printed for YOLO-KP (`yolo_kp/run_eth.ipynb`), layer by layer. The later compiler of YOLO-KP
also halves rows, so the shapes of its tiles differ, their number does not. The compiler itself is not public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spikeseg_lava.chip.groups import NeuronGroup, SynapseGroup
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network.floats import Shape

WORD_BYTES = 8  # synapse memory is counted in words of 64 bit


@dataclass(frozen=True)
class Tile:
    """What one core holds of a group: `shape` (channels, height, width) of its neurons, and what that takes."""

    shape: Shape
    neurons: int
    synapse_bytes: int
    axons_in: int


@dataclass(frozen=True)
class Tiling:
    """A group of neurons of `shape` cut into `grid` (channels, rows, columns) tiles; those at the ends may differ."""

    shape: Shape
    tile: Tile
    grid: tuple[int, int, int]

    @property
    def cores(self) -> int:
        return self.grid[0] * self.grid[1] * self.grid[2]

    def edges(self, axis: int) -> list[int]:
        """Where the tiles of an axis (0 channels, 1 rows, 2 columns) start, and the end of the last."""
        return [k * self.tile.shape[axis] for k in range(self.grid[axis])] + [self.shape[axis]]


@dataclass(frozen=True)
class PlacedGroup:
    """A group of neurons and how it is cut into cores; None: not even one neuron fits one."""

    group: NeuronGroup
    tiling: Tiling | None


def place(groups: Iterable[NeuronGroup], target: Target) -> tuple[PlacedGroup, ...]:
    """Every group cut as the compiler does."""
    return tuple(PlacedGroup(group, tile(group, target)) for group in groups)


def tile(group: NeuronGroup, target: Target) -> Tiling | None:
    """The group cut as the compiler does; None where not even one neuron fits a core."""
    parts = _dense_parts(group.shape) if group.dense else _conv_parts(group.shape)
    part = next((part for part in parts if fits(measure(group, part, target), target)), None)
    if part is None:
        return None
    found = cut(group, part, target)
    return _rest_in_last(group, found, target) if group.dense else found


def cut(group: NeuronGroup, part: Shape, target: Target) -> Tiling:
    """The group cut into tiles of shape `part`, smaller ones at the ends."""
    channels, height, width = (min(pair) for pair in zip(part, group.shape, strict=True))
    counts = (-(-group.shape[0] // channels), -(-group.shape[1] // height), -(-group.shape[2] // width))
    return Tiling(group.shape, measure(group, (channels, height, width), target), counts)


def measure(group: NeuronGroup, shape: Shape, target: Target) -> Tile:
    """What a tile of `shape` (channels, height, width) takes of a core, all synapse groups together."""
    neurons = shape[0] * shape[1] * shape[2]
    stored = sum(synapses.copies * _stored(synapses, shape, target) for synapses in group.synapses)
    axons = sum(synapses.copies * _axons(synapses, shape, target) for synapses in group.synapses)
    return Tile(shape, neurons, stored, axons)


def fits(needs: Tile, target: Target) -> bool:
    """True where a core holds the tile."""
    return (
        needs.neurons <= target.neurons_per_core.value
        and needs.synapse_bytes <= target.synapse_bytes_per_core.value
        and needs.axons_in <= target.axons_in_per_core.value
    )


def _stored(synapses: SynapseGroup, shape: Shape, target: Target) -> int:
    """Bytes: a kernel is stored once, in words of eight weights for each input channel and position of the window."""
    if synapses.dense or synapses.sharing == "point":
        return -(-shape[0] * shape[1] * shape[2] * synapses.fan_in * target.dense_synapse_bits.value // 8)
    channels = shape[0] if synapses.sharing == "diagonal" else 1  # stored as a full kernel whose diagonal is not 0
    return WORD_BYTES * -(-shape[0] // WORD_BYTES) * channels * synapses.fan_in


def _axons(synapses: SynapseGroup, shape: Shape, target: Target) -> int:
    if synapses.dense:
        return synapses.fan_in
    if synapses.sharing != "point" and target.conv_axons_in.value:
        return target.conv_axons_in.value
    return _inputs(synapses, shape)


def _conv_parts(shape: Shape) -> Iterator[Shape]:
    """From the whole group down: fewer columns, in powers of two; then fewer rows; then fewer channels.

    The compiler counts a tile as wide as the power of two even where the layer is narrower.
    """
    widths = [2**k for k in range((shape[2] - 1).bit_length(), -1, -1)]
    return ((c, h, w) for c in _halvings(shape[0]) for h in _halvings(shape[1]) for w in widths)


def _dense_parts(shape: Shape) -> Iterator[Shape]:
    """All neurons, or a power of two of them."""
    yield shape
    yield from ((2**k, 1, 1) for k in range((shape[0] - 1).bit_length() - 1, -1, -1))


def _rest_in_last(group: NeuronGroup, found: Tiling, target: Target) -> Tiling:
    """The last full core takes the rest as well, where it can."""
    full, rest = divmod(found.shape[0], found.tile.shape[0])
    if rest and fits(measure(group, (found.tile.shape[0] + rest, 1, 1), target), target):
        return replace(found, grid=(full, 1, 1))
    return found


def _halvings(length: int) -> Iterator[int]:
    while length > 1:
        yield length
        length = -(-length // 2)
    yield 1


def _inputs(synapses: SynapseGroup, shape: Shape) -> int:
    """Neurons below that a tile away from the borders sees, at most those there are."""
    rows, columns = (
        min((length - 1) * stride + kernel, available)
        for length, stride, kernel, available in zip(
            shape[1:], synapses.stride, synapses.window, synapses.source_shape[1:], strict=True
        )
    )
    return (synapses.source_shape[0] if synapses.sharing == "kernel" else shape[0]) * rows * columns
