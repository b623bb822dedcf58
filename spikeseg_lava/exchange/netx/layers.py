"""Which layers NetX (lava-dl) can express, and their integers there.

NetX makes of a layer a stock synapse and a stock LIF: `V = V - (V * vDecay >> 12) + (sum of w * x << 6)`, fires at
`V > vThMant << 6`. A layer of ours is converted only where that is exactly the same::

    without decay    w = m * K / 2^k     vThMant = m * ceil(Theta / 2^k) - 1     2^k divides every integer weight K
    with a decay     w = K / 2^6         vThMant = (Theta - 1) / 2^6             (the rounding of V must be the same)

`m` is 2 for odd weights of both signs, which the chip would otherwise round. Not said by the file: the reader delays
each layer by one step, ends V at 2^23 in its own units, and knows no fire-once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import FORGET_CURRENT, FixedPointConv
from spikeseg_lava.network.maps import common_zeros
from spikeseg_lava.network.model import FixedPointModel

STATE_SHIFT = 6
LARGEST_BIAS = 2**12  # the mantissa of a bias has 13 bits
FORGET = FORGET_CURRENT + 1  # lava-dl's `iDecay` is Lava's `du` plus one: nothing of the last current is left
LARGEST_THRESHOLD = 2**17 - 1
LARGEST_SUM = 2**17 - 1  # of |w|: beyond it the stock LIF's current wraps around


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """One layer of the file: `weight` Int[O, I, kh, kw] as in torch; its population's threshold, decay and bias Int[O].

    The bias holds the leak of a subtractive neuron as well.
    """

    name: str
    weight: NDArray[np.int64]
    threshold: int
    decay: int
    bias: NDArray[np.int64]
    stride: Pair
    padding: Pair
    input_shape: Shape
    shape: Shape

    @property
    def dense(self) -> bool:
        """True where the kernel covers the whole input: a full connection."""
        return self.shape[1:] == (1, 1) and self.padding == (0, 0) and self.weight.shape[1:] == self.input_shape


def netx_layers(model: FixedPointModel, size: Pair | None = None) -> list[NetxLayer]:
    """The layers as NetX would hold them; ExchangeError names every layer it cannot express, and why."""
    shapes = model.shapes(size)
    height, width = size or model.input_size or (0, 0)
    before: Shape = (model.input_channels, height, width)
    layers: list[NetxLayer] = []
    refused: list[str] = []
    for layer in model.layers:
        shape = shapes[layer.name]
        try:
            layers.append(_converted(layer, before, shape, model.reset_interval is not None))
            if len(layers) > 1 and layers[-2].dense and not layers[-1].dense:
                raise ExchangeError(f"`{layer.name}`: its reader opens no convolution behind a full connection")
        except ExchangeError as error:
            refused.append(str(error))
        before = shape
    if refused:
        raise ExchangeError(f"NetX cannot express this model: {'; '.join(refused)}")
    return layers


def _converted(layer: FixedPointConv | PoolLayer, before: Shape, shape: Shape, cleared: bool) -> NetxLayer:
    if isinstance(layer, PoolLayer):
        raise ExchangeError(f"`{layer.name}`: its reader has no pooling")
    stock = _stock(layer)
    reasons = _neuron_reasons(layer, cleared) or _weight_reasons(layer, stock)
    if reasons or stock is None:
        raise ExchangeError(f"`{layer.name}`: {', and '.join(reasons)}")
    return NetxLayer(
        layer.name, stock.weight, stock.threshold, _decay(layer), stock.bias, layer.stride, layer.padding, before, shape
    )


def _neuron_reasons(layer: FixedPointConv, cleared: bool) -> list[str]:
    neuron, found = layer.neuron, []
    if neuron.floor:
        found.append("the stock LIF has no floor V = max(V, 0)")
    if neuron.pull.any() and not cleared:
        found.append(
            "a leak or a bias lets V drift before the delayed first spike comes, unless the model has a reset interval"
        )
    if len(set(neuron.threshold.tolist())) > 1 or len(set(neuron.decay.tolist())) > 1:
        found.append("a population has one threshold and one decay, not one a map")
    return found


def _weight_reasons(layer: FixedPointConv, stock: _Stock | None) -> list[str]:
    if stock is None:
        return [
            "with a decay its weights and bias must be multiples of 64, its threshold one more than such a multiple"
        ]
    low, high, found = int(stock.weight.min()), int(stock.weight.max()), []
    if low < -256 or high > 255 or (low < 0 and high > 254) or (low < -255 and high <= 0):
        found.append(f"weights of {low} to {high} do not fit in the 8 bits of one synapse")
    if stock.threshold > LARGEST_THRESHOLD:
        found.append(f"threshold {stock.threshold} is beyond 17 bits ({LARGEST_THRESHOLD})")
    if np.abs(stock.weight).sum(axis=(1, 2, 3)).max() > LARGEST_SUM:
        found.append(f"the weights of a neuron add up to more than {LARGEST_SUM}, where its current wraps around")
    if np.abs(stock.bias).max() >= LARGEST_BIAS:
        found.append(f"leak and bias of up to {np.abs(stock.bias).max()} do not fit in 13 bits")
    if _decay(layer) > 4095:
        found.append("a decay of 4096 is beyond 12 bits")
    return found


@dataclass(frozen=True, eq=False)
class _Stock:
    """Int64[O, I, kh, kw] weights, `vThMant`, and Int64[O] biases in NetX's units."""

    weight: NDArray[np.int64]
    threshold: int
    bias: NDArray[np.int64]


def _stock(layer: FixedPointConv) -> _Stock | None:
    kernel, theta, pull = layer.kernel, int(layer.neuron.threshold[0]), layer.neuron.pull
    if _decay(layer):
        unit = 1 << STATE_SHIFT
        whole = not ((kernel % unit).any() or (pull % unit).any())
        exact = whole and theta % unit == 1 and _representable(kernel // unit)
        return _Stock(kernel // unit, (theta - 1) // unit, -pull // unit) if exact else None
    shift = common_zeros(np.append(kernel.ravel(), pull))
    factor = 1 if _representable(kernel >> shift) else 2
    return _Stock(factor * (kernel >> shift), factor * -(-theta >> shift) - 1, -factor * (pull >> shift))


def _decay(layer: FixedPointConv) -> int:
    return int(layer.neuron.decay[0]) if layer.neuron.leak_mode == "multiplicative" else 0


def _representable(weight: NDArray[np.int64]) -> bool:
    """Weights of one sign keep their last bit on the chip; of two signs only even ones stay."""
    return bool((weight >= 0).all() or (weight <= 0).all() or not (weight % 2).any())
