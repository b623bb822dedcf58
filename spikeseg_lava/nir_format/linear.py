"""NIR's linear nodes, one by one, as synapses."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.network import Pair, Shape
from spikeseg_lava.nir_format.chain import described
from spikeseg_lava.nir_format.synapse import Synapse, dilated, full_connection, ungrouped, window_sum

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
    weight = ungrouped(np.asarray(node.weight, np.float64), int(node.groups))
    weight = dilated(weight, _pair(node.dilation))
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
