"""Decode a spike record: saliency of the sample, and an instance for every classification spike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.instance import Instance, Instances
from spikeseg_lava.decoding.saliency import send_back, unravel
from spikeseg_lava.decoding.sample import check_spikes, frame_size, layer_rows, rows_of_step, step_count
from spikeseg_lava.decoding.stages import (
    CAUSAL,
    POOL_WINNERS,
    Pooling,
    decoder_stages,
    decoding_layers,
    forget_winners,
    note_winners,
    path_of,
)
from spikeseg_lava.engine.kernels.vectors import VECTOR
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import ConvLayer, Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, html_table, short

FIRST_PATCHES = 2**16  # pixels of masks there is room for at first


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
    instances: Instances
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
        return [self.instances[int(n)] for n in np.flatnonzero(~self.instances.empty)]


def decode(
    record: SpikeRecord,
    network: SpikingNetwork | FixedPointModel,
    pool_winners: str = CAUSAL,
    *,
    size: Pair | None = None,
    timesteps: int | None = None,
    weights: str | None = None,
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
            not in the range 0 to 1 that the decoder's thresholds presuppose; default: "stored" where a classification
            spike can pass these thresholds with it, else "unit" (`fitting_weights`).

    Raises:
        ArgumentError: an unknown `pool_winners`, a network without a last convolution, a size that is needed.
        RecordError: a record that lacks a layer or does not fit the network.
    """
    size = size or frame_size(record, network, first_convolution(network, weights))
    return Decoder(network, size, pool_winners, weights).decode(record, timesteps)


def first_convolution(network: SpikingNetwork | FixedPointModel, weights: str | None) -> ConvLayer:
    """The layer whose recorded shape tells the frame size."""
    return next(layer for layer in decoding_layers(network, weights) if isinstance(layer, ConvLayer))


class Decoder:
    """Decodes one sample after another of the same frame size; what `decode` sets up for each is kept here.

    Args: see `decode`.
    """

    def __init__(
        self,
        network: SpikingNetwork | FixedPointModel,
        size: Pair,
        pool_winners: str = CAUSAL,
        weights: str | None = None,
    ) -> None:
        if pool_winners not in POOL_WINNERS:
            raise ArgumentError(f"`pool_winners` must be one of {', '.join(POOL_WINNERS)}, got {pool_winners!r}")
        layers = decoding_layers(network, weights)
        self.size, self.pool_winners, self._trained = size, pool_winners, network.timesteps
        self._shapes = network.shapes(size)
        self._stages = decoder_stages(layers, self._shapes, size)
        self._path, self._winners = path_of(self._stages)
        self._maps = [len(stage.layer.weight) for stage in reversed(self._stages)]
        full = [stage.full_shape for stage in self._stages]
        self._pitches = np.array([columns * channels for _, columns, channels in full])
        self._firsts = np.cumsum([0, *(rows * columns * channels + VECTOR for rows, columns, channels in full)])
        self._drive = np.empty(int(np.diff(self._firsts).max()), np.float32)
        self._where = np.empty(max(int(np.prod(stage.output)) for stage in self._stages) + 1, np.uint64)
        self._mask = np.empty(size[0] * size[1], np.uint8)

    def decode(self, record: SpikeRecord, timesteps: int | None = None) -> Decoded:
        """The same as the function `decode`."""
        check_spikes(record, self._shapes)
        causal, steps = self.pool_winners == CAUSAL, step_count(record, timesteps, self._trained)
        spikes = layer_rows(record, self._stages[0].layer.name)
        instances = self._blank(spikes, steps)
        potentials = np.zeros(self._firsts[-1], np.float32)
        pixels = np.empty(FIRST_PATCHES, np.uint8)
        for first, last, step in _passes(spikes, steps, causal):
            below = self._spikes_below(record, step)
            for pooling, rows in below:
                note_winners(pooling.layer, rows, self._winners[pooling.layer.name])
            pixels = self._unravel(instances, first, last, pixels)
            self._send_back(spikes[first:last, 1:], potentials)
            for pooling, rows in below:
                forget_winners(pooling.layer, rows, self._winners[pooling.layer.name])
        self._note_classes(instances, causal)
        instances = replace(instances, pixels=pixels[: instances.ends[-1]].view(np.bool_))
        return Decoded(self._pixels(potentials), instances, self.pool_winners, steps)

    def _blank(self, spikes: NDArray[np.int32], steps: int) -> Instances:
        """Columns to be filled."""
        count = len(spikes)
        features = np.zeros((count, sum(self._maps)), np.bool_)
        boxes, ends = np.empty((count, 4), np.int32), np.zeros(count + 1, np.int64)
        return Instances(spikes, boxes, features, ends, np.zeros(0, np.bool_), self.size, steps)

    def _spikes_below(self, record: SpikeRecord, step: int) -> list[tuple[Pooling, NDArray[np.int32]]]:
        """Every pool with the spikes (c, y, x) that the layer below it fired in a step."""
        return [(p, rows_of_step(record, p.below, step)) for stage in self._stages for p in stage.pools]

    def _unravel(self, found: Instances, first: int, last: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Fill the columns of instances `first` to `last`."""
        return unravel(
            found.spikes[first:last, 1:], self._path, (self._where, self._drive, self._mask),
            found.boxes[first:last], found.features[first:last].view(np.uint8), found.ends[first : last + 1], pixels,
        )  # fmt: skip

    def _send_back(self, spikes: NDArray[np.int32], potentials: NDArray[np.float32]) -> None:
        """Spikes (c, y, x) through the spiking decoder."""
        if len(spikes) >= len(self._where):
            self._where = np.empty(len(spikes) + 1, np.uint64)
        if len(spikes):
            by_column = spikes[np.argsort(-spikes[:, 2], kind="stable")]
            send_back(by_column, self._path, self._where, potentials, self._firsts, self._pitches)

    def _note_classes(self, found: Instances, causal: bool) -> None:
        """Hash rows of the classes; an empty mask is no instance, and the original program notes nothing for it."""
        first = sum(self._maps[:-1]) if causal else 0
        found.features[np.arange(len(found)), first + found.spikes[:, 1]] = True
        found.features[found.empty] = False

    def _pixels(self, potentials: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32[C, H, W]: the potentials of the last stage without their margin; 0 where no kernel reaches."""
        stage, (height, width) = self._stages[-1], self.size
        whole = potentials[self._firsts[-2] : self._firsts[-1] - VECTOR].reshape(stage.full_shape)
        (top, left), channels = stage.layer.padding, stage.full_shape[2]
        inside = whole[top : top + height, left : left + width]
        pixels = np.zeros((channels, height, width), np.float32)
        pixels[:, : inside.shape[0], : inside.shape[1]] = inside.transpose(2, 0, 1)
        return pixels


def _passes(spikes: NDArray[np.int32], steps: int, causal: bool) -> Iterator[tuple[int, int, int]]:
    """First and last + 1 row of classification spikes that share pool winners, and the step whose winners these are."""
    if not causal:
        yield 0, len(spikes), steps - 1
        return
    found, first = np.unique(spikes[:, 0], return_index=True)
    ends = np.append(first, len(spikes))[1:]
    yield from zip(first.tolist(), ends.tolist(), found.tolist(), strict=True)
