"""What a layer received in a run, and how far its drive and membrane went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordError
from spikeseg_lava.network.floats import ConvLayer, Pair, Shape, SpikingNetwork
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN, FixedPointConv, saturate
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


@dataclass(frozen=True)
class Interval:
    """Smallest and largest value, both included."""

    low: int
    high: int

    @property
    def bits(self) -> int:
        """Bits of the shortest signed word that holds both ends."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.low < 0 else 0) + 1

    @property
    def magnitude(self) -> int:
        return max(abs(self.low), abs(self.high))

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Observed:
    """Drive A and membrane (before floor, reset and saturation) of one layer in a run.

    Membranes are those of neurons that may still fire: with fire-once, what others do decides nothing.

    Attributes:
        saturated: neuron steps in which drive or membrane of such a neuron would have left 24 bit.
    """

    drive: Interval
    membrane: Interval
    saturated: int

    def __str__(self) -> str:
        return f"observed drive {self.drive}, membrane {self.membrane}, {self.saturated} saturated"


def dense(rows: NDArray[np.integer], steps: int, shape: Shape) -> NDArray[np.int8]:
    """Int8[T, C, H, W] of 0 and 1 from spikes Int[N, 4] (t, c, y, x)."""
    spikes = np.zeros((steps, *shape), np.int8)
    spikes[tuple(np.asarray(rows).T)] = 1
    return spikes


def layer_inputs(
    network: SpikingNetwork | FixedPointModel, frames: NDArray[Any], record: SpikeRecord
) -> dict[str, NDArray[Any]]:
    """[T, C, H, W]: what each convolution received in a run on frames Float[T, C, H, W], by name.

    The first layer of a model receives payloads, that of a float network the frames; RecordError where the record
    lacks a layer.
    """
    received = network.input.encode(frames) if isinstance(network, FixedPointModel) else frames
    inputs, shapes = {}, network.shapes((frames.shape[2], frames.shape[3]))
    for layer in network.layers:
        if isinstance(layer, FixedPointConv | ConvLayer):
            inputs[layer.name] = received
        if layer.name not in record.spikes:
            raise RecordError(f"the record holds no layer `{layer.name}`, only {', '.join(record.spikes)}")
        received = dense(record.spikes[layer.name], len(frames), shapes[layer.name])
    return inputs


def input_windows(inputs: NDArray[Any], kernel: Pair, stride: Pair, padding: Pair) -> NDArray[Any]:
    """A view [T, I, oh, ow, kh, kw]: what each output neuron sees of the padded input [T, I, H, W]."""
    (top, left), (down, right) = padding, stride
    padded = np.pad(inputs, ((0, 0), (0, 0), (top, top), (left, left)))
    view: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(2, 3))  # pyright: ignore[reportCallIssue, reportArgumentType]
    return view[:, :, ::down, ::right]


def drive(layer: FixedPointConv, inputs: NDArray[np.integer]) -> NDArray[np.int64]:
    """Int64[T, O, oh, ow]: the sum A of every neuron and step before saturation, for inputs Int[T, I, H, W]."""
    kernel = layer.kernel.astype(np.float64)
    height, width = kernel.shape[2:]
    windows = input_windows(inputs.astype(np.float64), (height, width), layer.stride, layer.padding)
    sums = [np.tensordot(kernel, window, axes=((1, 2, 3), (0, 3, 4))) for window in windows]
    return np.rint(np.array(sums)).astype(np.int64)  # exact: all partial sums stay far below 2**53


def observe(
    model: FixedPointModel, inputs: Mapping[str, NDArray[np.integer]], fire_once: bool = True
) -> dict[str, Observed]:
    """Drive and membranes of every convolution on the inputs Int[T, I, H, W] it received (see `layer_inputs`)."""
    every = model.reset_interval
    return {layer.name: observe_layer(layer, inputs[layer.name], fire_once, every) for layer in model.convolutions}


def observe_layer(
    layer: FixedPointConv, inputs: NDArray[np.integer], fire_once: bool, reset_interval: int | None = None
) -> Observed:
    """The same for one layer."""
    neuron = layer.neuron
    theta, pull, kept = (
        a.astype(np.int64)[:, None, None] for a in (neuron.threshold, neuron.pull, DECAY_UNIT - neuron.decay)
    )
    v, fired, extremes, saturated = np.int64(0), np.bool_(False), [], 0
    for t, one_step in enumerate(inputs):
        if reset_interval and t % reset_interval == 0:
            v, fired = np.int64(0), np.bool_(False)
        sums = drive(layer, one_step[None])[0]
        carried = v if neuron.leak_mode == "subtractive" else np.sign(v) * ((np.abs(v) * kept) >> DECAY_BITS)
        exact = carried - pull + saturate(sums)
        free = ~(fired & fire_once)
        saturated += int(np.sum(free & (_leaves(sums) | _leaves(exact))))
        shown = np.where(free, exact, 0)
        extremes.append((sums.min(), sums.max(), shown.min(), shown.max()))
        v = np.maximum(saturate(exact), 0) if neuron.floor else saturate(exact)
        spikes = (v >= theta) & free
        fired, v = fired | spikes, np.where(spikes, 0, v)
    low, high = np.min(extremes, axis=0), np.max(extremes, axis=0)
    return Observed(Interval(int(low[0]), int(high[1])), Interval(int(low[2]), int(high[3])), saturated)


def _leaves(value: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (value < STATE_MIN) | (value > STATE_MAX)
