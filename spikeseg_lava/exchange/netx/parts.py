"""Weights and neurons of one entry of a `.net` file in the integers of the contract; what does not fit is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.exchange.netx.entries import Entry, integer, integers, needed, pair
from spikeseg_lava.exchange.netx.layers import FORGET, LARGEST_BIAS, LARGEST_THRESHOLD, STATE_SHIFT
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, byte_planes
from spikeseg_lava.network.maps import common_zeros, dilated, ungrouped

NEURONS = ("CUBA", "LOIHI")


def layer_of(
    name: str, kernel: NDArray[np.int64], neuron: FixedPointNeuron, stride: Pair, padding: Pair
) -> FixedPointConv:
    """The layer of an integer kernel; its float source holds the same numbers."""
    beta = 1 - neuron.decay / DECAY_UNIT
    floats = Neuron(
        neuron.threshold.astype(np.float64), np.zeros(len(kernel)), beta, neuron.leak_mode, neuron.floor,
        neuron.bias.astype(np.float64),
    )  # fmt: skip
    source = ConvLayer(name, kernel.astype(np.float32), floats, stride, padding)
    planes = byte_planes(kernel, common_zeros(kernel))
    return FixedPointConv(name, planes, neuron, np.ones(len(kernel)), source, stride, padding)


def membrane_units(label: str, weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """The kernel in units of the membrane; ExchangeError where the chip would hold other weights."""
    low, high = int(weight.min()), int(weight.max())
    mixed = low < 0 < high
    odd = mixed and bool((weight % 2).any())
    least, most = (-128, 127) if odd else (-256, 254) if mixed else (-255, 255)
    if low < least or high > most:
        raise ExchangeError(
            f"{label}: weights of {low} to {high} do not fit in the 8 bits of one synapse"
            + (", which keeps even ones only where signs are mixed" if odd else "")
        )
    return weight << STATE_SHIFT


def neuron_of(label: str, entry: Entry, bias: NDArray[np.integer]) -> FixedPointNeuron:
    cells = entry.get("neuron")
    if not isinstance(cells, dict):
        raise ExchangeError(f"{label}: it has no neurons (an affine readout); end before it with `num_layers`")
    kind = str(cells.get("type"))
    if kind not in NEURONS:
        raise ExchangeError(f"{label}: neurons of type `{kind}` cannot be expressed, only {' and '.join(NEURONS)}")
    current, decay, threshold = (integer(label, cells, key) for key in ("iDecay", "vDecay", "vThMant"))
    if current != FORGET:
        raise ExchangeError(
            f"{label}: its current keeps {FORGET - current} / 4096 from step to step (`iDecay` {current}); the "
            "contract has no memory of the current. Train with a current decay of 1"
        )
    if not 0 <= decay <= DECAY_UNIT or not 0 <= threshold <= LARGEST_THRESHOLD:
        raise ExchangeError(f"{label}: `vDecay` {decay} or `vThMant` {threshold} is beyond 0..4096, 0..2^17 - 1")
    if integer(label, cells, "refDelay", 1) != 1 or integer(label, cells, "wgtExp", 0) != 0:
        raise ExchangeError(f"{label}: a refractory delay other than 1, or a weight exponent, cannot be expressed")
    if np.abs(bias).max() >= LARGEST_BIAS:
        raise ExchangeError(f"{label}: biases of {bias.min()} to {bias.max()} do not fit in 13 bits")
    every = np.ones(len(bias), np.int32)
    mode = "multiplicative" if decay else "subtractive"
    theta = ((threshold << STATE_SHIFT) + 1) * every
    return FixedPointNeuron(theta, 0 * every, decay * every, mode, False, (bias << STATE_SHIFT).astype(np.int32))


def kernel_of(label: str, entry: Entry) -> NDArray[np.int64]:
    """Int64[O, I, kh, kw], groups and dilation written out."""
    weight = integers(label, "weight", needed(label, entry, "weight"))
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    groups, dilation = integer(label, entry, "groups", 1), pair(label, entry, "dilation", 1, default=(1, 1))
    if weight.ndim != 4 or not weight.size or groups < 1 or len(weight) % groups:
        raise ExchangeError(f"{label}: `weight` has shape {weight.shape} in {groups} group(s), expected (O, I, kh, kw)")
    return ungrouped(dilated(weight, dilation), groups)


def matrix_of(label: str, entry: Entry) -> NDArray[np.int64]:
    """Int64[O, inputs] of a dense layer."""
    weight = integers(label, "weight", needed(label, entry, "weight"))
    outputs = integer(label, entry, "outFeatures", len(weight))
    if outputs < 1 or not weight.size or weight.size % outputs:
        raise ExchangeError(f"{label}: `weight` has shape {weight.shape}, expected ({outputs}, inputs)")
    return weight.reshape(outputs, -1)
