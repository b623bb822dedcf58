"""Exact counts of a layer: neurons, synapses inside the borders, and synaptic operations of given spikes.

A tap (ky, kx) of a window meets an output (y, x) where `0 <= y * stride + ky - padding < height`, and alike for x.
Rows and columns are independent, so every count is a product of one count along y and one along x.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import FixedPointConv

CountedLayer = ConvLayer | FixedPointConv | PoolLayer


def neurons(layer: CountedLayer, input_shape: Shape) -> int:
    """Neurons of the layer for an input of shape (C, H, W): one per output."""
    channels, height, width = layer.output_shape(input_shape)
    return channels * height * width


def synapses(layer: CountedLayer, input_shape: Shape, nonzero: bool = False) -> int:
    """Synapses of the layer for an input of shape (C, H, W), one per (input, output) pair inside the borders.

    A pool counts one synapse per input of a window. `nonzero`: leave out synapses of weight 0. Planes of a
    fixed-point layer are one synapse together; see `planes`.
    """
    rows, columns = (along.sum(axis=1) for along in _reached(layer, input_shape))
    return int(rows @ _taps(layer, input_shape, nonzero) @ columns)


def planes(layer: CountedLayer) -> int:
    """Synapse groups per connection: weight planes of a fixed-point layer, else 1."""
    return len(layer.planes) if isinstance(layer, FixedPointConv) else 1


def fan_in(layer: CountedLayer) -> int:
    """Synapses of a neuron away from the borders."""
    kernel = window(layer)
    return kernel[0] * kernel[1] * (1 if isinstance(layer, PoolLayer) else weights(layer).shape[1])


def fan_out(layer: CountedLayer, input_shape: Shape) -> NDArray[np.int64]:
    """Int64[H, W]: outputs that an input spike at (y, x) reaches, all output channels together, inside the borders."""
    rows, columns = (_outputs_of_inputs(layer, input_shape, axis) for axis in (0, 1))
    channels = 1 if isinstance(layer, PoolLayer) else len(weights(layer))
    return channels * np.outer(rows, columns)


def synaptic_operations(layer: CountedLayer, input_shape: Shape, spikes: NDArray[np.integer]) -> int:
    """Synaptic operations caused by input `spikes` Int[N, 4] (t, c, y, x) of a layer of input (C, H, W).

    One operation is one addition of one (spike, weight) pair to a neuron inside the borders; an event of graded
    payload is one spike, and every weight plane adds for itself. Operations on neurons that may no longer fire count.
    """
    reach = fan_out(layer, input_shape)
    return planes(layer) * int(reach[spikes[:, 2], spikes[:, 3]].sum())


def window(layer: CountedLayer) -> Pair:
    """Kernel (height, width)."""
    if isinstance(layer, PoolLayer):
        return layer.kernel
    height, width = weights(layer).shape[2:4]
    return height, width


def weights(layer: ConvLayer | FixedPointConv) -> NDArray[np.generic]:
    """[O, I, kh, kw]: float weights, or integers with all planes together."""
    return layer.weight if isinstance(layer, ConvLayer) else layer.kernel


def _taps(layer: CountedLayer, input_shape: Shape, nonzero: bool) -> NDArray[np.int64]:
    """Int64[kh, kw]: channel pairs connected at each tap."""
    if isinstance(layer, PoolLayer):
        return np.full(layer.kernel, input_shape[0])
    weight = weights(layer)
    connected = weight != 0 if nonzero else np.ones(weight.shape, bool)
    return connected.sum(axis=(0, 1))


def _reached(layer: CountedLayer, input_shape: Shape) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Bool[kernel, outputs] along y and along x: the tap of that output lies inside the input."""
    return _inside(layer, input_shape, 0), _inside(layer, input_shape, 1)


def _inside(layer: CountedLayer, input_shape: Shape, axis: int) -> NDArray[np.bool_]:
    position = _positions(layer, input_shape, axis)
    return (position >= 0) & (position < input_shape[1 + axis])


def _outputs_of_inputs(layer: CountedLayer, input_shape: Shape, axis: int) -> NDArray[np.int64]:
    position = _positions(layer, input_shape, axis)[_inside(layer, input_shape, axis)]
    return np.bincount(position, minlength=input_shape[1 + axis])


def _positions(layer: CountedLayer, input_shape: Shape, axis: int) -> NDArray[np.int64]:
    """Int64[kernel, outputs]: input row (axis 0) or column (axis 1) under every tap of every output."""
    padding = 0 if isinstance(layer, PoolLayer) else layer.padding[axis]
    outputs = np.arange(layer.output_shape(input_shape)[1 + axis])
    return np.arange(window(layer)[axis])[:, None] + outputs * layer.stride[axis] - padding
