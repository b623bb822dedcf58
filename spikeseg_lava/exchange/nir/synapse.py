"""The linear nodes of NIR as one convolution: dilation, groups, sums over windows and full connections folded in.

Two linear nodes in a row are one: for kernels W1 (stride s1, padding p1), then W2 (stride s2, padding p2)::

    W[o, i, s1 * a + b] = sum over m of W2[o, m, a] * W1[m, i, b]        stride s1 * s2, padding p1 + s1 * p2

exact wherever the second one's padding lies where the first one sees nothing (checked at the graph's input size).
In float32 the sums are taken in another order than by a library that keeps the nodes apart; in integers they are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.exchange.nir.graph import described
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.maps import dilated, ungrouped


@dataclass(frozen=True, eq=False)
class Synapse:
    """A linear map: `weight` Float64[O, I, kh, kw], `bias` Float64[O]; `sums_only`: it only sums over windows."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    sums_only: bool = False

    def output_shape(self, shape: Shape) -> Shape:
        """Shape (O, h, w) for an input of `shape` (I, H, W)."""
        sizes = zip(shape[1:], self.weight.shape[2:], self.stride, self.padding, strict=True)
        height, width = ((n + 2 * p - k) // s + 1 for n, k, s, p in sizes)
        return self.weight.shape[0], height, width


MOST_WEIGHTS = 2**27  # of one kernel in float64: a gigabyte


def affordable(*sizes: int) -> None:
    """ExchangeError for a kernel of more weights than memory should be asked for; before it is."""
    if min(sizes) < 1 or prod(sizes) > MOST_WEIGHTS:
        raise ExchangeError(
            f"a kernel of {' x '.join(map(str, sizes))} weights is asked for, expected 1 to {MOST_WEIGHTS} of them"
        )


def identity(channels: int) -> Synapse:
    """Every channel onto itself."""
    return window_sum(channels, (1, 1), (1, 1), (0, 0))


def window_sum(channels: int, kernel: Pair, stride: Pair, padding: Pair, factor: float = 1.0) -> Synapse:
    """Sum of every channel over windows, times `factor` (1 / window size for a mean)."""
    affordable(channels, channels, *kernel)
    weight = np.eye(channels)[:, :, None, None] * np.full(kernel, factor)
    return Synapse(weight, np.zeros(channels), stride, padding, sums_only=factor == 1.0)


def full_connection(weight: NDArray[np.floating], bias: NDArray[np.floating], shape: Shape) -> Synapse:
    """A matrix Float[O, C*H*W] on a flattened map of `shape`: a kernel that covers the whole map."""
    return Synapse(weight.astype(np.float64).reshape(-1, *shape), bias.astype(np.float64))


def composed(first: Synapse, second: Synapse, shape: Shape, name: str) -> Synapse:
    """Both in a row as one convolution, for an input of `shape`.

    Raises:
        ExchangeError: no single convolution does exactly the same; the second node is named.
    """
    if first.bias.any():
        raise ExchangeError(f"{name} follows a biased linear node without a neuron between them")
    middle = first.output_shape(shape)
    sizes = zip(shape[1:], middle[1:], first.weight.shape[2:], first.stride, first.padding, second.padding, strict=True)
    if not all(_padding_is_blind(*axis) for axis in sizes):
        raise ExchangeError(
            f"{name} pads a {middle[1]}x{middle[2]} map of window sums that do not divide their {shape[1]}x{shape[2]} "
            "input evenly: no single convolution does the same. Crop or pad the input to a multiple of the stride"
        )
    stride, padding = _both(first, second)
    return Synapse(_combined_weight(first, second), second.bias, stride, padding, first.sums_only and second.sums_only)


def _padding_is_blind(size: int, middle: int, kernel: int, stride: int, padding: int, second_padding: int) -> bool:
    left_end, right_start = kernel - 1 - stride - padding, middle * stride - padding
    return second_padding == 0 or (left_end < 0 and right_start >= size)


def _both(first: Synapse, second: Synapse) -> tuple[Pair, Pair]:
    (s0, s1), (p0, p1) = first.stride, first.padding
    return (s0 * second.stride[0], s1 * second.stride[1]), (p0 + s0 * second.padding[0], p1 + s1 * second.padding[1])


def _combined_weight(first: Synapse, second: Synapse) -> NDArray[np.float64]:
    (k0, k1), (m0, m1), (s0, s1) = first.weight.shape[2:], second.weight.shape[2:], first.stride
    affordable(second.weight.shape[0], first.weight.shape[1], (m0 - 1) * s0 + k0, (m1 - 1) * s1 + k1)
    weight = np.zeros((second.weight.shape[0], first.weight.shape[1], (m0 - 1) * s0 + k0, (m1 - 1) * s1 + k1))
    for a in range(m0):
        for b in range(m1):
            part = np.einsum("om,mihw->oihw", second.weight[:, :, a, b], first.weight)
            weight[:, :, a * s0 : a * s0 + k0, b * s1 : b * s1 + k1] += part
    return weight


LINEAR = (nir.Conv2d, nir.Affine, nir.Linear, nir.SumPool2d, nir.AvgPool2d, nir.Flatten)


def synapse_of(name: str, node: Any, shape: Shape) -> Synapse | None:
    """The node on a map of `shape` (C, H, W); None where it moves nothing (Flatten: maps stay maps).

    Raises:
        ExchangeError: sizes that do not fit, or padding that is not symmetric.
    """
    label = described(name, node)
    if isinstance(node, nir.Flatten):
        return _keep(label, node, shape)
    if isinstance(node, nir.Conv2d):
        synapse = _convolution(label, node, shape)
    elif isinstance(node, (nir.Affine, nir.Linear)):
        synapse = _connection(label, node, shape)
    else:
        kernel, stride, padding = (_pair(getattr(node, key)) for key in ("kernel_size", "stride", "padding"))
        factor = 1 / (kernel[0] * kernel[1]) if isinstance(node, nir.AvgPool2d) else 1.0
        synapse = window_sum(shape[0], kernel, stride, padding, factor)
    if min(synapse.stride) < 1 or min(synapse.padding) < 0:
        raise ExchangeError(
            f"{label} has stride {synapse.stride} and padding {synapse.padding}, expected 1 and 0 or more"
        )
    if min(synapse.output_shape(shape)) < 1:
        raise ExchangeError(f"{label} has nothing to do on a map of {shape}")
    return synapse


def _keep(label: str, node: nir.Flatten, shape: Shape) -> None:
    # start_dim 1 counts a batch axis that the graph does not have (snnTorch, older exports): the same order.
    if int(node.start_dim) not in (0, 1) or int(node.end_dim) not in (-1, 2, 3):
        raise ExchangeError(
            f"{label} flattens axes {node.start_dim} to {node.end_dim} of {shape}, expected all of them"
        )


def _convolution(label: str, node: nir.Conv2d, shape: Shape) -> Synapse:
    weight, groups, dilation = np.asarray(node.weight, np.float64), int(node.groups), _pair(node.dilation)
    spread = ((k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True))
    affordable(len(weight), weight.shape[1] * groups, *spread)
    weight = ungrouped(weight, groups)
    weight = dilated(weight, dilation)
    if weight.shape[1] != shape[0]:
        raise ExchangeError(f"{label} expects {weight.shape[1]} channels, got a map of {shape}")
    stride = _pair(node.stride)
    padding = _padding(label, node.padding, weight.shape[2:], stride)
    return Synapse(weight, _bias(node.bias, len(weight)), stride, padding)


def _connection(label: str, node: nir.Affine | nir.Linear, shape: Shape) -> Synapse:
    weight = np.asarray(node.weight, np.float64)
    if weight.ndim != 2 or weight.shape[1] != np.prod(shape):
        raise ExchangeError(f"{label} has weights of shape {weight.shape} on a map of {shape}, expected (O, C*H*W)")
    return full_connection(weight, _bias(getattr(node, "bias", None), len(weight)), shape)


def _bias(bias: Any, outputs: int) -> np.ndarray:
    return np.zeros(outputs) if bias is None else np.broadcast_to(np.asarray(bias, np.float64), (outputs,)).copy()


def _padding(label: str, padding: Any, kernel: tuple[int, ...], stride: Pair) -> Pair:
    padding = padding.decode() if isinstance(padding, bytes) else padding
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0)
        if stride != (1, 1) or kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise ExchangeError(f"{label} pads 'same' with an even kernel {tuple(kernel)} or a stride: not symmetric")
        return (kernel[0] // 2, kernel[1] // 2)
    return _pair(padding)


def _pair(value: Any) -> Pair:
    numbers = [int(n) for n in np.asarray(value).ravel()]
    return (numbers[0], numbers[-1])
