"""The lines of SANA-FE's network file: groups of neurons, connections, and neurons on cores; see `sanafe`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.groups import layer_group
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.chip.tiling import Tiling, tile
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointLayer
from spikeseg_lava.network.model import FixedPointModel

UNIT = 64  # SANA-FE truncates a decayed potential to 64ths
CORES_A_TILE = 4
NEURONS_A_CORE = 1024  # as many as a core of SANA-FE holds, whatever its architecture says


@dataclass(frozen=True)
class StoredLayer:
    """A layer's neurons in SANA-FE: its own shape, and a border of silent neurons that the next kernel reads."""

    name: str
    shape: Shape
    border: Pair

    @property
    def neurons(self) -> int:
        channels, height, width = self._padded
        return channels * height * width

    @property
    def _padded(self) -> Shape:
        return self.shape[0], self.shape[1] + 2 * self.border[0], self.shape[2] + 2 * self.border[1]

    def index(self, c: Any, y: Any, x: Any) -> Any:
        """Number of the neuron at (c, y, x)."""
        _, height, width = self._padded
        return (c * height + y + self.border[0]) * width + x + self.border[1]

    def place(self, index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(c, y, x) of neurons."""
        _, height, width = self._padded
        c, rest = np.divmod(index, height * width)
        return c, rest // width - self.border[0], rest % width - self.border[1]


def stored_layers(
    model: FixedPointModel, size: Pair, chip: Target
) -> Iterator[tuple[StoredLayer, FixedPointLayer, StoredLayer | None, Tiling]]:
    """Every layer as it is stored, with what stands below it (None: the input) and its cut into cores."""
    shape: Shape = (model.input_channels, *size)
    below: StoredLayer | None = None
    for layer, following in zip(model.layers, (*model.layers[1:], None), strict=True):
        border = following.padding if isinstance(following, FixedPointConv) and isinstance(layer, PoolLayer) else (0, 0)
        tiling = tile(layer_group(layer, shape), chip)
        if tiling is None:
            raise ArgumentError(f"`target` {chip.name} holds not even one neuron of `{layer.name}` on a core")
        shape = layer.output_shape(shape)
        stored = StoredLayer(layer.name, shape, border)
        yield stored, layer, below, tiling
        below = stored


def bit_planes(payloads: NDArray[np.int32]) -> NDArray[np.int64]:
    """Int64[N, 4] (c, y, x, bit): every bit of a payload that is set in some frame, one input neuron each."""
    seen = np.bitwise_or.reduce(payloads, axis=0) if len(payloads) else np.zeros(payloads.shape[1:], np.int32)
    bits = np.arange(max(1, int(seen.max(initial=0)).bit_length()))
    return np.argwhere((seen[..., None] >> bits) & 1)


def group_lines(stored: StoredLayer, layer: FixedPointLayer, delay: int) -> str:
    each = stored.neurons // stored.shape[0]
    lines = [f"    - name: {stored.name}", "      attributes: [log_spikes: true]", "      neurons:"]
    for channel in range(stored.shape[0]):
        attributes = ", ".join(f"{key}: {value}" for key, value in _soma(layer, channel, delay).items())
        lines.append(f"        - {channel * each}..{(channel + 1) * each - 1}: [{attributes}]")
    return "\n".join(lines)


def _soma(layer: FixedPointLayer, channel: int, delay: int) -> dict[str, Any]:
    """Attributes of the neurons of a channel."""
    if isinstance(layer, PoolLayer):
        return {"threshold": 0.5 / UNIT, "leak_decay": 0.0}
    neuron = layer.neuron
    kept = DECAY_UNIT - int(neuron.decay[channel]) if neuron.leak_mode == "multiplicative" else DECAY_UNIT
    found: dict[str, Any] = {
        "threshold": (int(neuron.threshold[channel]) - 1) / UNIT,
        "leak_decay": kept / DECAY_UNIT,
        "bias": -int(neuron.pull[channel]) / UNIT,
    }
    if neuron.floor:
        found |= {"reverse_threshold": 0, "reverse_reset_mode": "saturate"}
    return found | ({"refractory_delay": delay} if delay else {})


def edge_lines(
    stored: StoredLayer, layer: FixedPointLayer, below: StoredLayer | None, inputs: NDArray[np.int64]
) -> Iterator[str]:
    if below is None:
        assert isinstance(layer, FixedPointConv)
        yield from _from_inputs(stored, layer, inputs)
    elif isinstance(layer, PoolLayer):
        yield from _pool_edges(stored, layer, below)
    elif below.border == layer.padding:
        yield _hyperedge(stored, layer, below)
    else:
        c, y, x = np.indices(below.shape).reshape(3, -1)
        yield from _conv_edges(stored, layer, [f"{below.name}.{k}" for k in below.index(c, y, x)], np.stack([c, y, x]))


def _from_inputs(stored: StoredLayer, layer: FixedPointConv, inputs: NDArray[np.int64]) -> Iterator[str]:
    names = [f"input.{k}" for k in range(len(inputs))]
    return _conv_edges(stored, layer, names, inputs.T[:3], 2 ** inputs[:, 3])


def _conv_edges(
    stored: StoredLayer, layer: FixedPointConv, names: list[str], places: NDArray[np.int64], factor: Any = 1
) -> Iterator[str]:
    """One connection for every synapse whose weight is not 0."""
    kernel, (c, y, x) = layer.kernel, places
    factors, source = np.broadcast_to(factor, c.shape), np.arange(len(names))
    for o, ky, kx in np.ndindex(kernel.shape[0], *kernel.shape[2:]):
        top, left = y + layer.padding[0] - ky, x + layer.padding[1] - kx
        oy, ox = top // layer.stride[0], left // layer.stride[1]
        met = (top % layer.stride[0] == 0) & (left % layer.stride[1] == 0) & (top >= 0) & (left >= 0)
        met &= (oy < stored.shape[1]) & (ox < stored.shape[2])
        weight = kernel[o, c, ky, kx] * factors
        met &= weight != 0
        for k, target, w in zip(source[met], stored.index(o, oy, ox)[met], weight[met] / UNIT, strict=True):
            yield f"    - {names[k]} -> {stored.name}.{target}: [weight: {w}]"


def _pool_edges(stored: StoredLayer, layer: PoolLayer, below: StoredLayer) -> Iterator[str]:
    c, oy, ox = np.indices(stored.shape).reshape(3, -1)
    for ky, kx in np.ndindex(*layer.kernel):
        source = below.index(c, oy * layer.stride[0] + ky, ox * layer.stride[1] + kx)
        for k, target in zip(source, stored.index(c, oy, ox), strict=True):
            yield f"    - {below.name}.{k} -> {stored.name}.{target}: [weight: {1 / UNIT}]"


def _hyperedge(stored: StoredLayer, layer: FixedPointConv, below: StoredLayer) -> str:
    """The whole convolution as one line: SANA-FE moves kernels [ky, kx, c, o] over the padded neurons below."""
    kernel = layer.kernel
    height, width = (below.shape[k + 1] + 2 * below.border[k] for k in (0, 1))
    weights = ", ".join(str(w) for w in kernel.transpose(2, 3, 1, 0).ravel() / UNIT)
    return (
        f"    - {below.name} -> {stored.name}: [type: conv2d, input_width: {width}, input_height: {height}, "
        f"input_channels: {kernel.shape[1]}, kernel_width: {kernel.shape[3]}, kernel_height: {kernel.shape[2]}, "
        f"kernel_count: {kernel.shape[0]}, stride_width: {layer.stride[1]}, stride_height: {layer.stride[0]}, "
        f"weight: [{weights}]]"
    )


def mapping_lines(stored: StoredLayer, tiling: Tiling, first_core: int) -> Iterator[str]:
    """Rows of neurons to the cores of the tiling; the silent border to cores of its own behind them."""
    edges = [tiling.edges(axis) for axis in range(3)]
    core_of = [np.searchsorted(e[1:], np.arange(e[-1]), side="right") for e in edges]
    for c, y in np.ndindex(*stored.shape[:2]):
        for column, (low, high) in enumerate(zip(edges[2], edges[2][1:], strict=False)):
            core = first_core + (core_of[0][c] * tiling.grid[1] + core_of[1][y]) * tiling.grid[2] + column
            yield _mapping(stored, int(stored.index(c, y, low)), high - low, core)
    for k, neurons in enumerate(border_of(stored)):
        for run in np.split(neurons, np.flatnonzero(np.diff(neurons) > 1) + 1):
            yield _mapping(stored, int(run[0]), len(run), first_core + tiling.cores + k)


def _mapping(stored: StoredLayer, start: int, count: int, core: int) -> str:
    where = f"{core // CORES_A_TILE}.{core % CORES_A_TILE}"
    return f"  - {stored.name}.{start}..{start + count - 1}: [core: {where}, soma: lif]"


def border_of(stored: StoredLayer) -> list[NDArray[np.int64]]:
    """Neurons of the silent border, for one further core each."""
    inside = np.zeros(stored.neurons, bool)
    inside[stored.index(*np.indices(stored.shape)).ravel()] = True
    outside = np.flatnonzero(~inside)
    return [outside[k : k + NEURONS_A_CORE] for k in range(0, len(outside), NEURONS_A_CORE)]


def network_lines(
    layers: list[tuple[str, list[str]]], inputs: NDArray[np.int64], payloads: NDArray[np.int32], mappings: list[str]
) -> Iterator[str]:
    yield from ("network:", "  name: spikeseg", "  groups:")
    if len(inputs):
        yield from ("    - name: input", "      attributes: []", "      neurons:")
    for k, (c, y, x, bit) in enumerate(inputs):
        train = ", ".join(map(str, (payloads[:, c, y, x] >> bit) & 1))
        yield f"        - {k}: [spikes: [{train}]]"
    yield from (group for group, _ in layers)
    yield "  edges:"
    for _, edges in layers:
        yield from edges
    yield "mappings:"
    for k in range(len(inputs)):
        core, unit = divmod(k, NEURONS_A_CORE)
        yield f'  - input.{k}: [core: {core // CORES_A_TILE}.{core % CORES_A_TILE}, soma: "inputs[{unit}]"]'
    yield from mappings
