"""The transposed convolution of a few active neurons: what each of them had seen, added up in the layer below.

A difference-of-Gaussians kernel cancels itself, so whether a pixel's sum is above 0 can hang on the rounding of
float32. Sums are therefore taken in the order of PyTorch's `conv_transpose2d` on a CPU (oneDNN): float32, over the
kernel's places row by row, at each place over the channels.

The spiking decoder of SpikeSEG: classification spikes sent back through the tied weights to the pixels.

Every stage but the last is a transposed convolution with spiking neurons of threshold 1 and no leak, then the
max-unpooling; the last stage is linear::

    V = max(V + conv_transpose2d(x, W), 0) ;  S = V >= 1 ;  V = 0 where S ;  next x = max_unpool2d(S)

Source: Kirkland et al. 2020, "SpikeSEG: Spiking segmentation via STDP saliency mapping".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.stages import Stage, Winners
from spikeseg_lava.network.floats import ConvLayer, Pair


@compiled
def _scatter(neurons, weight, corners, drive):
    """Add the kernel of every neuron to `drive` (I, h, w), its first place at the neuron's corner (row, column)."""
    inputs, rows, columns = drive.shape
    for ky in range(weight.shape[2]):
        for kx in range(weight.shape[3]):
            for n in range(len(neurons)):
                y, x = corners[n, 0] + ky, corners[n, 1] + kx
                if 0 <= y < rows and 0 <= x < columns:
                    for i in range(inputs):
                        drive[i, y, x] += weight[neurons[n, 0], i, ky, kx]


def add_projection(neurons: NDArray[np.integer], layer: ConvLayer, drive: NDArray[np.float32], origin: Pair) -> None:
    """Add `conv_transpose2d(one-hot of neurons, weight)` to `drive`.

    Args:
        neurons: Int[N, 3] of (c, y, x) in the output of `layer`, channels rising; a neuron listed twice counts twice.
        drive: Float32[I, h, w], a window of the layer's input; what falls outside it is dropped.
        origin: (row, column) of the layer's input that `drive[:, 0, 0]` is.
    """
    corners = neurons[:, 1:] * np.array(layer.stride) - np.array(layer.padding) - np.array(origin)
    _scatter(np.ascontiguousarray(neurons, np.int64), layer.weight, corners.astype(np.int64), drive)


def project(neurons: NDArray[np.integer], layer: ConvLayer, size: Pair) -> tuple[NDArray[np.float32], Pair]:
    """Float32[I, h, w], the projection of `neurons` on the part of an input of `size` they had seen, and its origin."""
    if not len(neurons):
        return np.zeros((layer.weight.shape[1], 0, 0), np.float32), (0, 0)
    (top, bottom), (left, right) = (_seen(neurons[:, axis + 1], layer, axis, size[axis]) for axis in (0, 1))
    drive = np.zeros((layer.weight.shape[1], bottom - top, right - left), np.float32)
    add_projection(neurons, layer, drive, (top, left))
    return drive, (top, left)


def _seen(positions: NDArray[np.integer], layer: ConvLayer, axis: int, length: int) -> Pair:
    """First and last + 1 input row (or column) that the outputs at `positions` see."""
    first = int(positions.min()) * layer.stride[axis] - layer.padding[axis]
    last = int(positions.max()) * layer.stride[axis] - layer.padding[axis] + layer.weight.shape[2 + axis]
    return min(max(first, 0), length), max(min(last, length), 0)


THRESHOLD = 1.0


def saliency(stages: Sequence[Stage], passes: Iterable[tuple[NDArray[np.integer], Winners]]) -> NDArray[np.float32]:
    """Float32[C, H, W] of the input channels, summed over the passes; membranes last from one pass to the next.

    Args:
        passes: per pass the classification spikes Int[N, 3] of (c, y, x), one listed twice counting twice, and the
            winners its unpooling uses.
    """
    potentials = [np.zeros((stage.layer.weight.shape[1], *stage.size), np.float32) for stage in stages]
    for spikes, winners in passes:
        neurons = spikes
        for stage, potential in zip(stages[:-1], potentials, strict=False):
            add_projection(neurons, stage.layer, potential, (0, 0))
            neurons = stage.unpool(_fire(potential), winners)
        add_projection(neurons, stages[-1].layer, potentials[-1], (0, 0))
    return potentials[-1]


def _fire(potential: NDArray[np.float32]) -> NDArray[np.int64]:
    """Floor, spike and reset in place; Int64[N, 3] of the neurons (c, y, x) that fired."""
    np.maximum(potential, 0, out=potential)
    fires = potential >= THRESHOLD
    potential[fires] = 0
    return np.argwhere(fires)
