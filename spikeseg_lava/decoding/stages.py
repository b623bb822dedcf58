"""Which neuron of a pool's window won: what max-unpooling needs to send a spike back where it came from.

As `max_pool2d(return_indices=True)` of one step's 0/1 spikes: the first spike of the window in row-major order, and
the window's first neuron where the whole window was silent.

The decoder of a network: its layers in reverse, as the tables that compiled code reads.

Its weights are those of the float network, as stored, or brought to the range of 0 to 1 that HULK presupposes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.projection import BITS, POOL_COLUMNS, ROW_SHIFT, Path
from spikeseg_lava.decoding.saliency import CONTRIBUTES
from spikeseg_lava.engine.kernels.vectors import VECTOR
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel

CAUSAL = "causal"
LAST_STEP = "last-step"
POOL_WINNERS = (CAUSAL, LAST_STEP)
LONGEST = 2**15  # rows and columns of a layer; a winner is a row and a column in 32 bit


def silent_winners(pool: PoolLayer, below: Shape) -> NDArray[np.int32]:
    """Int32[h, w, C]: the complement `~(row << 16 | column)` of every window's first neuron, for `below` (C, H, W)."""
    channels, height, width = pool.output_shape(below)
    if max(below[1:]) >= LONGEST:
        raise ArgumentError(f"`size` is too large to be decoded: `{pool.name}` pools {below[1]}x{below[2]} neurons")
    first = (np.arange(height)[:, None] * pool.stride[0] << ROW_SHIFT) + np.arange(width) * pool.stride[1]
    return np.repeat(~first[:, :, None].astype(np.int32), channels, axis=2)


def note_winners(pool: PoolLayer, spikes: NDArray[np.int32], winners: NDArray[np.int32]) -> None:
    """Write the winners of a step into `winners`, which are those of silent windows.

    Args:
        pool: kernel and stride of the pool.
        spikes: Int32[N, 3] of (c, y, x), the spikes of the layer below it in the step.
    """
    _visit(spikes, winners, *pool.kernel, *pool.stride, True)


def forget_winners(pool: PoolLayer, spikes: NDArray[np.int32], winners: NDArray[np.int32]) -> None:
    """Undo `note_winners` of the same spikes."""
    _visit(spikes, winners, *pool.kernel, *pool.stride, False)


@compiled
def _visit(spikes, winners, kernel_y, kernel_x, stride_y, stride_x, spiked):
    """Every window that holds a spike: its first spike so far, or its first neuron again."""
    rows, columns, _ = winners.shape
    for n in range(len(spikes)):
        c, y, x = np.int64(spikes[n, 0]), np.int64(spikes[n, 1]), np.int64(spikes[n, 2])
        neuron = np.int32(y << ROW_SHIFT | x)
        top, left = max(-((kernel_y - 1 - y) // stride_y), 0), max(-((kernel_x - 1 - x) // stride_x), 0)
        for i in range(top, min(y // stride_y, rows - 1) + 1):
            for j in range(left, min(x // stride_x, columns - 1) + 1):
                if not spiked:
                    winners[i, j, c] = ~(i * stride_y << ROW_SHIFT | j * stride_x)
                elif winners[i, j, c] < 0 or winners[i, j, c] > neuron:
                    winners[i, j, c] = neuron


Layers = tuple[ConvLayer | PoolLayer, ...]
STORED = "stored"
UNIT = "unit"


def decoding_layers(network: SpikingNetwork | FixedPointModel, weights: str | None = None) -> Layers:
    """The layers with float weights: of a fixed-point model those it was made from.

    Args:
        weights: "stored", or "unit": every layer's weights divided by the largest of them; default: what fits.

    Raises:
        ArgumentError: a network whose first and last layers are no convolutions, another value of `weights`.
    """
    if not isinstance(network, (SpikingNetwork, FixedPointModel)):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork or FixedPointModel, got {type(network).__name__}")
    if weights not in (STORED, UNIT, None):
        raise ArgumentError(f"`weights` must be {STORED!r} or {UNIT!r}, got {weights!r}")
    layers = tuple(x.source if isinstance(x, FixedPointConv) else x for x in network.layers)
    if not layers or not isinstance(layers[0], ConvLayer) or not isinstance(layers[-1], ConvLayer):
        raise ArgumentError("`network` cannot be decoded: its first and last layers must be convolutions")
    if (weights or _fitting(layers[-1])) == STORED:
        return layers
    return tuple(_unit(x) if isinstance(x, ConvLayer) else x for x in layers)


def traced_layers(network: SpikingNetwork | FixedPointModel) -> frozenset[str]:
    """Names of the layers whose spikes are decoded: those below a pool, and the last."""
    names = [layer.name for layer in network.layers]
    below = (name for name, layer in zip(names, network.layers[1:], strict=False) if isinstance(layer, PoolLayer))
    return frozenset([*below, names[-1]])


def fitting_weights(network: SpikingNetwork | FixedPointModel) -> str:
    """ "stored" where a classification spike can pass HULK's threshold with the weights as they are, else "unit"."""
    return _fitting(decoding_layers(network, STORED)[-1])


def _fitting(top: ConvLayer | PoolLayer) -> str:
    return STORED if isinstance(top, ConvLayer) and np.any(top.weight > CONTRIBUTES) else UNIT


def _unit(layer: ConvLayer) -> ConvLayer:
    largest = layer.weight.max()
    return replace(layer, weight=layer.weight / largest) if largest > 0 else layer


@dataclass(frozen=True, eq=False)
class Pooling:
    """A pool to undo, the layer below it (whose spikes tell the winners) and that layer's shape."""

    layer: PoolLayer
    below: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Stage:
    """One convolution turned round, and the pools between it and the convolution below, from top to bottom.

    Attributes:
        layer: the convolution whose weights are used.
        size: (height, width) of its input.
        output: shape (C, H, W) of its output.
        pools: the pools to undo behind it.
        below: shape of the convolution below; (0, 0, 0) for the first layer.
        feature_offset: row of the hash of the first map its input holds.
    """

    layer: ConvLayer
    size: Pair
    output: Shape
    pools: tuple[Pooling, ...]
    below: Shape
    feature_offset: int

    @property
    def full_shape(self) -> Shape:
        """(rows, columns, I) of its input with the margin that overhanging kernels need."""
        _, inputs, *kernel = self.layer.weight.shape
        sides = zip(self.output[1:], self.layer.stride, kernel, strict=True)
        rows, columns = ((n - 1) * stride + k for n, stride, k in sides)
        return rows, columns, inputs


def decoder_stages(layers: Layers, shapes: Mapping[str, Shape], size: Pair) -> tuple[Stage, ...]:
    """The stages from the classes down to the pixels, for frames of `size` (height, width)."""
    stages: list[Stage] = []
    pools: list[Pooling] = []
    name, inputs = "", size
    for layer in layers:
        if isinstance(layer, ConvLayer):
            features = sum(len(stage.layer.weight) for stage in stages[:-1])
            below = stages[-1].output if stages else (0, 0, 0)
            stages.append(Stage(layer, inputs, shapes[layer.name], tuple(reversed(pools)), below, features))
            pools = []
        else:
            pools.append(Pooling(layer, name, shapes[name]))
        name, inputs = layer.name, shapes[layer.name][1:]
    return tuple(reversed(stages))


def path_of(stages: Sequence[Stage]) -> tuple[Path, dict[str, NDArray[np.int32]]]:
    """The tables of the stages, and a view of each pool's winners; these are those of silent windows."""
    weights = [weight_runs(stage.layer.weight) for stage in stages]
    words = [-(-stage.below[0] // BITS) for stage in stages]
    marks = _begins(word * stage.below[1] * stage.below[2] for word, stage in zip(words, stages, strict=True))
    winners = [silent_winners(pooling.layer, pooling.shape) for stage in stages for pooling in stage.pools]
    begins, pools = _begins(array.size for array in winners), _begins(len(stage.pools) for stage in stages)
    flat = np.concatenate([np.zeros(0, np.int32), *(array.ravel() for array in winners)])
    table = np.array(
        [
            (*s.layer.weight.shape, *s.layer.stride, *s.layer.padding, *s.size, begin, weight.shape[2],
             s.feature_offset, *pools[k : k + 2], marks[k], s.below[1], words[k])
            for k, (s, weight, begin) in enumerate(zip(stages, weights, _begins(w.size for w in weights), strict=False))
        ],
        np.int64,
    )  # fmt: skip
    poolings = [pooling for stage in stages for pooling in stage.pools]
    pool_table = [
        (begin, w.shape[1], *p.layer.kernel, *p.layer.stride, *p.shape[1:])
        for begin, w, p in zip(begins, winners, poolings, strict=False)
    ]
    causes = [np.argwhere(weight.transpose(1, 2, 0) > CONTRIBUTES) for weight in stages[0].layer.weight]
    views = (flat[a:b].reshape(w.shape) for (a, b), w in zip(pairwise(begins), winners, strict=True))
    path = Path(
        table,
        np.array(pool_table, np.int64).reshape(-1, POOL_COLUMNS),
        np.concatenate([weight.ravel() for weight in weights]),
        flat,
        np.zeros(marks[-1], np.uint64),
        np.concatenate(causes).astype(np.int32),
        np.array(_begins(map(len, causes))),
    )
    return path, {pooling.layer.name: view for pooling, view in zip(poolings, views, strict=True)}


def weight_runs(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[O, kh, run] of weights [O, I, kh, kw]: kernel rows `[kw, I]`, filled up with zeros to whole vectors."""
    outputs, inputs, rows, columns = weight.shape
    used = columns * inputs
    runs = np.zeros((outputs, rows, -(-used // VECTOR) * VECTOR), np.float32)
    runs[:, :, :used] = weight.transpose(0, 2, 3, 1).reshape(outputs, rows, used)
    return runs


def _begins(lengths: Iterable[int]) -> list[int]:
    return [0, *itertools.accumulate(lengths)]
