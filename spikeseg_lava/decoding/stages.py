"""The weights the decoder uses: those of the float network, as stored or brought to the range it presupposes.

The decoder of a network: its layers in reverse, with the shapes that one sample had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.winners import pool_winners, unpool
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, RecordError
from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

Layers = tuple[ConvLayer | PoolLayer, ...]
STORED = "stored"
UNIT = "unit"
CONTRIBUTES = 0.5
"""Summed weight above which HULK counts a neuron as a cause. It presupposes weights of 0 to 1, as STDP learns them."""


def decoding_layers(network: SpikingNetwork | FixedPointModel, weights: str = STORED) -> Layers:
    """The layers with float weights: of a fixed-point model those it was made from.

    Args:
        weights: "stored", or "unit": every layer's weights divided by the largest of them.

    Raises:
        ArgumentError: a network whose first and last layers are no convolutions, another value of `weights`.
    """
    if not isinstance(network, (SpikingNetwork, FixedPointModel)):
        raise ArgumentTypeError(f"`network` must be a SpikingNetwork or FixedPointModel, got {type(network).__name__}")
    if weights not in (STORED, UNIT):
        raise ArgumentError(f"`weights` must be {STORED!r} or {UNIT!r}, got {weights!r}")
    layers = tuple(x.source if isinstance(x, FixedPointConv) else x for x in network.layers)
    if not layers or not isinstance(layers[0], ConvLayer) or not isinstance(layers[-1], ConvLayer):
        raise ArgumentError("`network` cannot be decoded: its first and last layers must be convolutions")
    return tuple(_unit(x) if isinstance(x, ConvLayer) and weights == UNIT else x for x in layers)


def fitting_weights(network: SpikingNetwork | FixedPointModel) -> str:
    """ "stored" where a classification spike can pass HULK's threshold with the weights as they are, else "unit"."""
    top = decoding_layers(network)[-1]
    return STORED if isinstance(top, ConvLayer) and np.any(top.weight > CONTRIBUTES) else UNIT


def _unit(layer: ConvLayer) -> ConvLayer:
    largest = layer.weight.max()
    return replace(layer, weight=layer.weight / largest) if largest > 0 else layer


Winners = Mapping[str, NDArray[np.int64]]


class Pooling(NamedTuple):
    """A pool, the layer below it (whose spikes tell the winners) and that layer's shape."""

    layer: PoolLayer
    below: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Stage:
    """One convolution turned round, and the pools between it and the convolution below, from top to bottom.

    Attributes:
        layer: the convolution whose weights are used.
        size: (height, width) of its input.
        feature_offset: row of the hash of the first map its input holds.
    """

    layer: ConvLayer
    size: Pair
    pools: tuple[Pooling, ...]
    feature_offset: int

    def unpool(self, neurons: NDArray[np.integer], winners: Winners) -> NDArray[np.integer]:
        """Int[M, 3]: active inputs (c, y, x) of this stage as neurons of the convolution below."""
        for pooling in self.pools:
            neurons = unpool(neurons, winners[pooling.layer.name], pooling.shape)
        return neurons


def decoder_stages(layers: Layers, shapes: Mapping[str, Shape], size: Pair) -> tuple[Stage, ...]:
    """The stages from the classes down to the pixels, for frames of `size` (height, width)."""
    stages: list[Stage] = []
    pools: list[Pooling] = []
    below, inputs = "", size
    for layer in layers:
        if isinstance(layer, ConvLayer):
            features = sum(len(stage.layer.weight) for stage in stages[:-1])
            stages.append(Stage(layer, inputs, tuple(reversed(pools)), features))
            pools = []
        else:
            pools.append(Pooling(layer, below, shapes[below]))
        below, inputs = layer.name, shapes[layer.name][1:]
    return tuple(reversed(stages))


def winners_of_step(stages: tuple[Stage, ...], record: SpikeRecord, step: int) -> Winners:
    """Pool name -> Int64[C, h, w] winners of one step, from the spikes of the layer below each pool."""
    poolings = [pooling for stage in stages for pooling in stage.pools]
    return {p.layer.name: pool_winners(p.layer, p.shape, _spikes_of_step(record, p.below, step)) for p in poolings}


def classification_spikes(record: SpikeRecord, stages: tuple[Stage, ...]) -> NDArray[np.int32]:
    """Int32[N, 4] of (t, c, y, x): the spikes of the last layer."""
    return _rows(record, stages[0].layer.name)


def _spikes_of_step(record: SpikeRecord, name: str, step: int) -> NDArray[np.int32]:
    rows = _rows(record, name)
    first, last = np.searchsorted(rows[:, 0], [step, step + 1])
    return rows[first:last, 1:]


def _rows(record: SpikeRecord, name: str) -> NDArray[np.int32]:
    if name not in record.spikes:
        raise RecordError(f"the record holds no layer `{name}`; it holds {', '.join(record.spikes) or 'none'}")
    return record.spikes[name]
