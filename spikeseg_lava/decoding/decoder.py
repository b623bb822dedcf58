"""Decode a spike record: saliency of the sample, and an instance for every classification spike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.hulk import unravel
from spikeseg_lava.decoding.instance import NO_BOX, Instance
from spikeseg_lava.decoding.saliency import saliency
from spikeseg_lava.decoding.sample import check_spikes, frame_size, step_count
from spikeseg_lava.decoding.stages import (
    STORED,
    Stage,
    Winners,
    classification_spikes,
    decoder_stages,
    decoding_layers,
    winners_of_step,
)
from spikeseg_lava.decoding.winners import CAUSAL, POOL_WINNERS
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import ConvLayer, Pair, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointModel
from spikeseg_lava.spikes.display import html_table, short
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded sample.

    Attributes:
        channels: Float32[C, H, W], saliency of every input channel.
        instances: one per classification spike, in the order of the record (t, c, y, x).
        pool_winners: "causal" or "last-step".
        timesteps: steps of the sample.
    """

    channels: NDArray[np.float32]
    instances: list[Instance]
    pool_winners: str
    timesteps: int

    def __repr__(self) -> str:
        height, width = self.channels.shape[1:]
        located = f"{len(self.found)} of {len(self.instances)} spikes lead to pixels"
        return short(self, located, self.pool_winners, f"{self.timesteps} steps", f"frames {height}x{width}")

    def _repr_html_(self) -> str:
        boxes = ("x {}-{}, y {}-{}".format(*i.box[::2], *i.box[1::2]) for i in self.found)
        rows = ((n, i.class_id, i.t, box) for n, (i, box) in enumerate(zip(self.found, boxes, strict=True)))
        return html_table(repr(self), ("instance", "class", "step", "box (pixel)"), rows, np.maximum(self.saliency, 0))

    @property
    def saliency(self) -> NDArray[np.float32]:
        """Float32[H, W]: saliency of all input channels together."""
        return self.channels.sum(axis=0)

    @property
    def found(self) -> list[Instance]:
        """The instances whose mask is not empty."""
        return [instance for instance in self.instances if not instance.empty]


def decode(
    record: SpikeRecord,
    network: SpikingNetwork | FixedPointModel,
    pool_winners: str = CAUSAL,
    *,
    size: Pair | None = None,
    timesteps: int | None = None,
    weights: str = STORED,
) -> Decoded:
    """Trace the classification spikes of a record back to the pixels.

    Works on the record of any backend: integer records decode with the float weights the integers were made from.

    Args:
        record: spikes of every layer below a pool and of the last layer.
        network: the network, or the fixed-point model, that was run.
        pool_winners: "causal": unpooling uses the winners of the step in which the spike happened, saliency is
            decoded step by step. "last-step", as the original program does: the winners of the sample's last step
            for all spikes, which go through the saliency decoder once, summed; and the hash notes a class spike of
            class k in row k instead of in its own row.
        size: (height, width) of the frames; default: what the record's layer shapes tell.
        timesteps: steps of the sample; default: what the record says, else those the network was trained with.
        weights: "stored", or "unit": every layer's weights divided by their largest, for networks whose weights are
            not in the range 0 to 1 that the decoder's thresholds presuppose.

    Raises:
        ArgumentError: an unknown `pool_winners`, a network without a last convolution, a size that is needed.
        RecordError: a record that lacks a layer or does not fit the network.
    """
    if pool_winners not in POOL_WINNERS:
        raise ArgumentError(f"`pool_winners` must be one of {', '.join(POOL_WINNERS)}, got {pool_winners!r}")
    layers = decoding_layers(network, weights)
    first = next(layer for layer in layers if isinstance(layer, ConvLayer))
    size = size or frame_size(record, network, first)
    shapes = network.shapes(size)
    check_spikes(record, shapes)
    stages = decoder_stages(layers, shapes, size)
    steps = step_count(record, timesteps, network.timesteps)
    passes = list(_passes(record, stages, steps, pool_winners == CAUSAL))
    hashes = _Hash(stages, steps, own_class_row=pool_winners == CAUSAL)
    instances = [_instance(row, stages, winners, hashes) for rows, winners in passes for row in rows.tolist()]
    channels = saliency(stages, ((rows[:, 1:], winners) for rows, winners in passes))
    return Decoded(channels, instances, pool_winners, steps)


class _Hash(NamedTuple):
    """How the features of an instance are noted."""

    stages: tuple[Stage, ...]
    timesteps: int
    own_class_row: bool

    def column(self, class_id: int, features: list[int]) -> NDArray[np.bool_]:
        """Bool[F] with `features` and the class spike set."""
        maps = [len(stage.layer.weight) for stage in self.stages]
        column = np.zeros(sum(maps), bool)
        column[features] = True
        column[sum(maps[1:]) + class_id if self.own_class_row else class_id] = True
        return column


def _passes(
    record: SpikeRecord, stages: tuple[Stage, ...], steps: int, causal: bool
) -> Iterator[tuple[NDArray[np.int32], Winners]]:
    """Rows (t, c, y, x) of classification spikes that share pool winners, and these winners."""
    rows = classification_spikes(record, stages)
    if not causal:
        yield rows, winners_of_step(stages, record, steps - 1)
        return
    for step in np.unique(rows[:, 0]):
        yield rows[rows[:, 0] == step], winners_of_step(stages, record, int(step))


def _instance(row: list[int], stages: tuple[Stage, ...], winners: Winners, hashes: _Hash) -> Instance:
    t, class_id, y, x = row
    box, patch, features = unravel((class_id, y, x), stages, winners)
    column = hashes.column(class_id, features)
    if box == NO_BOX:
        column[:] = False  # without a pixel it is no instance, and the original notes nothing
    return Instance(t, class_id, y, x, box, patch, stages[-1].size, column, hashes.timesteps)
