"""How large the integers of a layer can become: in the worst case of any input, and on a clip.

A_max = payload_max * sum of positive weights        A_min = payload_max * sum of negative weights
V before the reset <= Theta - 1 + A_max - L          floored, or reset at every crossing
V >= T * (A_min - L)                                 without a floor, T steps of the worst input
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import FixedPointConv, FixedPointModel


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


@dataclass(frozen=True)
class ConvRange:
    """Ranges of one convolution in integer membrane units.

    Attributes:
        payload: largest payload of its input (1 for spikes).
        weight_sum: largest `sum of |w|` of a channel, all planes together.
        drive: worst case of one step's sum A.
        membrane: worst case of V before floor and reset, over the steps of a sample.
        observed_drive: A on the clip, where a record was given.
    """

    payload: int
    weight_sum: int
    drive: Interval
    membrane: Interval
    observed_drive: Interval | None = None


def conv_ranges(
    model: FixedPointModel, steps: int, inputs: Mapping[str, NDArray[np.integer]] | None = None
) -> dict[str, ConvRange]:
    """Ranges of every convolution, by name; `inputs`: the payloads Int[T, I, H, W] each received in a run."""
    seen, ranges = inputs or {}, {}
    payload = model.input.largest
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            observed = _observed(layer, seen[layer.name]) if layer.name in seen else None
            ranges[layer.name] = _range(layer, payload, steps, observed)
        payload = 1
    return ranges


def drive(layer: FixedPointConv, inputs: NDArray[np.integer]) -> NDArray[np.int64]:
    """Int64[T, O, oh, ow]: the sum A of every neuron and step before saturation, for inputs Int[T, I, H, W]."""
    (top, left), (down, right) = layer.padding, layer.stride
    padded = np.pad(inputs, ((0, 0), (0, 0), (top, top), (left, left))).astype(np.float64)
    kernel = layer.kernel.astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (1, *kernel.shape[1:]))[:, 0, ::down, ::right, 0]
    sums = [np.tensordot(kernel, window, axes=((1, 2, 3), (2, 3, 4))) for window in windows]
    return np.rint(np.array(sums)).astype(np.int64)  # exact: all partial sums stay far below 2**53


def dense(rows: NDArray[np.integer], steps: int, shape: Shape) -> NDArray[np.int8]:
    """Int8[T, C, H, W] of 0 and 1 from spikes Int[N, 4] (t, c, y, x)."""
    spikes = np.zeros((steps, *shape), np.int8)
    spikes[tuple(np.asarray(rows).T)] = 1
    return spikes


def _range(layer: FixedPointConv, payload: int, steps: int, observed: Interval | None) -> ConvRange:
    kernel, neuron = layer.kernel.reshape(len(layer.kernel), -1), layer.neuron
    high = np.maximum(kernel, 0).sum(axis=1) * payload
    low = np.minimum(kernel, 0).sum(axis=1) * payload
    worst = Interval(int(low.min()), int(high.max()))
    sinking = (low - neuron.leak) * (1 if neuron.floor else steps)
    peak = neuron.threshold.astype(np.int64) - 1 + high - neuron.leak
    membrane = Interval(int(min(0, sinking.min())), int(max(peak.max(), 0)))
    return ConvRange(payload, int(np.abs(kernel).sum(axis=1).max()), worst, membrane, observed)


def _observed(layer: FixedPointConv, inputs: NDArray[np.integer]) -> Interval:
    sums = drive(layer, inputs)
    return Interval(int(sums.min(initial=0)), int(sums.max(initial=0)))
