"""A whole model on the event engine: all layers in one compiled call, state kept from chunk to chunk.

`run_engine` runs one sample in one call.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.conv import EventConv, accumulator_type
from spikeseg_lava.engine.kernels.network import run_layers
from spikeseg_lava.engine.kernels.record import LAYER
from spikeseg_lava.engine.layers import EventLayer, EventPool
from spikeseg_lava.engine.payloads import SparseSteps, joined
from spikeseg_lava.engine.shared_maps import SharedMaps
from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

CHUNK = 16  # steps of a clip run at a time: what lies between its frames and its rows then stays in the caches


class LayerChain:
    """Layers whose records lie side by side.

    Args:
        accumulator: type of all their drives.
        copies: whether the result holds the spikes of all maps, or of distinct maps only (see `SharedMaps.places`).
    """

    def __init__(self, layers: Sequence[EventLayer], accumulator: Any, copies: bool = True) -> None:
        self.layers, self._copies = layers, copies
        self._accumulator = np.empty(0, accumulator)
        self._join()

    def run(self, events: SparseSteps) -> list[SparseSteps]:
        """Spikes of every layer in the next `events.steps` steps."""
        return self._run(events, self._copies)

    def run_distinct(self, events: SparseSteps) -> list[SparseSteps]:
        """The same, of distinct maps only."""
        return self._run(events, False)

    def _run(self, events: SparseSteps, copied: bool) -> list[SparseSteps]:
        offsets, index, ends = run_layers(
            self._records, self._accumulator, events.offsets, events.index, events.payload, copied
        )
        ones = np.ones(len(index), np.int32)
        spans = pairwise(ends.tolist())
        return [SparseSteps(own, index[a:b], ones[a:b]) for own, (a, b) in zip(offsets, spans, strict=True)]

    def warm_up(self) -> None:
        """Run a step with an event at every input of every layer, then clear the state.

        The system provides memory only when it is first written: without this, the first steps of a run would wait.
        """
        for k, layer in enumerate(self.layers):
            index = np.arange(layer.inputs, dtype=np.int32)
            offsets, ones = np.array([0, len(index)]), np.ones(len(index), np.int32)
            run_layers(self._records[k : k + 1], self._accumulator, offsets, index, ones, False)
            layer.settle()
        self.clear()

    def clear(self) -> None:
        """Forget all state, as between samples. Costs nothing per pixel."""
        self._records["since"] = self._records["step"]

    def _join(self) -> None:
        self._records: NDArray[Any] = np.zeros(len(self.layers), LAYER)
        for k, layer in enumerate(self.layers):
            own = self._records[k : k + 1]
            own[...] = layer.record
            layer.record = own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        self._join()


class EventEngine:
    """A model with its state, run chunk by chunk: the result does not depend on where the chunks are cut.

    Args:
        size: (height, width) of the input frames.
        fire_once: a neuron fires at most once until `clear`.
    """

    def __init__(self, model: FixedPointModel, size: Pair, fire_once: bool = True) -> None:
        self.model, self.size, self.fire_once = model, size, fire_once
        self.shapes = model.shapes(size)
        self.layers = event_layers(model, size, fire_once)
        self._chain = LayerChain(list(self.layers.values()), accumulator_of(model))
        self.steps = 0  # run so far, over all samples

    def clear(self) -> None:
        """Forget all state, as between samples. Costs nothing per pixel."""
        self._chain.clear()

    def run(self, events: SparseSteps) -> dict[str, SparseSteps]:
        """Spikes of every layer in the next `events.steps` steps, for input payloads of those steps."""
        self.steps += events.steps
        return dict(zip(self.layers, self._chain.run(events), strict=True))

    def run_rows(
        self, chunks: Iterable[SparseSteps], layers: Container[str] | None = None
    ) -> dict[str, NDArray[np.int32]]:
        """The same for consecutive chunks, as rows Int32[N, 4] of (t, c, y, x) in order, of `layers`, default all.

        The first step is t = 0. Spikes are not copied to the maps that fire alike and then sorted: each map's rows are
        written at once.
        """
        parts: list[list[SparseSteps]] = [[] for _ in self.layers]
        for events in chunks:
            self.steps += events.steps
            for part, found in zip(parts, self._chain.run_distinct(events), strict=True):
                part.append(found)
        return {
            name: joined(part).rows(self.shapes[name], shared=layer.shared)
            for part, (name, layer) in zip(parts, self.layers.items(), strict=True)
            if layers is None or name in layers
        }

    def membranes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[O, H, W] of every convolution after the last step."""
        convolutions = {name: x for name, x in self.layers.items() if isinstance(x, EventConv)}
        images = {
            name: np.ascontiguousarray(x.settle_distinct().transpose(2, 0, 1)) for name, x in convolutions.items()
        }
        return {name: image.take(convolutions[name].shared.source, axis=0) for name, image in images.items()}

    def encode(self, frames: NDArray[Any]) -> SparseSteps:
        """Frames Float[T, C, H, W] as payloads of the model's input code; ClipError where they do not fit."""
        frames = checked_frames(frames, self.model.input_channels)
        if frames.shape[2:] != tuple(self.size):
            raise ClipError(f"`frames` are {frames.shape[2:]} pixels, the engine was set up for {tuple(self.size)}")
        return SparseSteps.of_frames(frames, self.model.input)


def run_engine(model: FixedPointModel, frames: NDArray[Any], fire_once: bool = True) -> SpikeRecord:
    """Run one sample of frames Float[T, C, H, W] from cleared state.

    Raises:
        ClipError: `frames` are not (T, C, H, W), hold other channels than the model, or values beyond its payload.
    """
    frames = checked_frames(frames, model.input_channels)
    height, width = frames.shape[2:]
    with kept_engine(model, (height, width), fire_once) as engine:
        chunks = (engine.encode(frames[k : k + CHUNK]) for k in range(0, len(frames), CHUNK))
        spikes = engine.run_rows(chunks)
        shapes = {name: list(shape) for name, shape in engine.shapes.items()}
        meta = {"backend": "event", "fire_once": fire_once, "steps": len(frames), "shapes": shapes}
        return SpikeRecord(spikes, engine.membranes(), meta)


_kept: list[tuple[tuple[int, ...], EventEngine]] = []


@contextmanager
def kept_engine(model: FixedPointModel, size: Pair, fire_once: bool) -> Iterator[EventEngine]:
    """A cleared engine: the one used last where model, size and mode are the same, as setting up costs many steps.

    A model whose arrays were changed in place is recognized by their checksums, and set up anew. While an engine is
    used, no other thread gets it; after an error it is not used again.
    """
    checksums = _checksums(model)
    try:
        before, engine = _kept.pop()  # one atomic step
    except IndexError:
        before, engine = (), None
    if (
        engine is None
        or not (engine.model is model and engine.size == size and engine.fire_once == fire_once)
        or before != checksums
    ):
        engine = EventEngine(model, size, fire_once)
    engine.clear()
    yield engine
    _kept[:] = [(checksums, engine)]


def _checksums(model: FixedPointModel) -> tuple[int, ...]:
    """Of the neurons of all layers; the planes of a layer are summed once and then stay what they were."""
    neurons = [layer.neuron for layer in model.convolutions]
    arrays = [a for n in neurons for a in (n.threshold, n.leak, n.decay, n.bias)]
    return tuple(zlib.crc32(np.ascontiguousarray(array).data) for array in arrays)


def checked_frames(frames: NDArray[Any], channels: int) -> NDArray[Any]:
    """The frames as an array; ClipError unless they are (T, C, H, W) with the model's channels."""
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[1] != channels:
        raise ClipError(f"`frames` have shape {frames.shape}, expected (T, {channels}, H, W)")
    return frames


def event_layers(model: FixedPointModel, size: Pair, fire_once: bool) -> dict[str, EventConv | EventPool]:
    """The layers of a model for frames of `size` (height, width), cleared.

    Layers exchange the spikes of distinct maps: each is built on the distinct maps of the layer below.
    """
    shape: Shape = (model.input_channels, *size)
    layers: dict[str, EventConv | EventPool] = {}
    accumulator, shared = accumulator_of(model), None
    for layer in model.layers:
        output = layer.output_shape(shape)
        made = event_layer(layer, shape, output, accumulator, fire_once, shared, model.reset_interval)
        shape, shared = output, made.shared
        layers[layer.name] = made
    return layers


def event_layer(
    layer: FixedPointLayer,
    shape: Shape,
    output: Shape,
    accumulator: Any,
    fire_once: bool,
    inputs: SharedMaps | None,
    reset_interval: int | None = None,
) -> EventConv | EventPool:
    """One layer of the engine."""
    if not isinstance(layer, FixedPointConv):
        return EventPool(layer, shape, output, inputs)
    return EventConv(
        layer.kernel, layer.neuron, shape, output,
        stride=layer.stride, padding=layer.padding, accumulator=accumulator, fire_once=fire_once, inputs=inputs,
        reset_interval=reset_interval,
    )  # fmt: skip


def accumulator_of(model: FixedPointModel) -> Any:
    """The integer type for all drives of a model."""
    largest, types = model.input.largest, []
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            types.append(accumulator_type(layer.kernel, largest))
            largest = 1
    return max(types, key=lambda kind: np.dtype(kind).itemsize, default=np.int32)
