"""`from_netx`: a trained network of lava-dl, exactly in the integers of the contract; see `docs/netx.md`.

A layer of the file is a synapse and a stock LIF without memory of its current. One step, `w` being the file's weights::

    V = (V * (4096 - vDecay) >> 12) + (sum of w * x << 6) + (bias << 6)      fires at V > vThMant << 6, then V = 0

which is the contract with kernel `w << 6`, `B = bias << 6`, `Theta = (vThMant << 6) + 1`, decay `vDecay` and no floor.
A dense layer is a convolution whose kernel covers the whole map; NetX flattens maps in the order channel, row, column.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.netx.entries import (
    Entry,
    found,
    integer,
    integers,
    kernel_of,
    layer_of,
    matrix_of,
    membrane_units,
    netx_entries,
    neuron_of,
    pair,
    shape_of,
)
from spikeseg_lava.exchange.netx.layers import LARGEST_SUM, STATE_SHIFT
from spikeseg_lava.isolation import read_apart
from spikeseg_lava.network.floats import Pair, Shape
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel

logger = logging.getLogger(__name__)

PIXEL_BITS = 8
NOT_HERE = {  # entries that change what a layer does, and that the contract cannot express
    "weight/imag": "its weights are complex",
    "weight_rec": "it is recurrent",
    "neuron/sigma_output": "it is a sigma layer",
}


def from_netx(
    path: str | os.PathLike[str],
    num_layers: int | None = None,
    skip_layers: int = 0,
    *,
    size: Pair | None = None,
    input_message_bits: int | None = None,
    reset_interval: int | None = None,
) -> FixedPointModel:
    """Read a `.net` file of lava-dl (HDF5) as a model; run it with `fire_once=False`, as its neurons fire again.

    Layers are `conv-0`, `conv-1`, ... and `fc-0`, ..., or bear the names that our own export wrote. An input layer with
    neurons of its own becomes the layer `input`: pixels x of 0 to 1 drive it with `round(2 w x) - w + b`, where lava-dl
    cuts the fraction off; w and b are the layer's weight and bias.

    Args:
        num_layers: only the layers of the file before this one, the input counted; default: all.
        skip_layers: leave out so many layers at the begin; the spikes of the last of them are the input then.
        size: (height, width) of the frames, where neither an input layer nor a skipped layer says it.
        input_message_bits: word length of the first layer's payload where the input has no neurons; 0: plain spikes.
            Default: what our own export wrote, else 0.
        reset_interval: steps after which all state is cleared; lava-dl's files do not say it.

    Raises:
        ExchangeError: the file is none, or a layer cannot be expressed; the layer is named.
        ArgumentError: numbers of layers that the file does not have.

    Warns:
        CurrentWarning: the current of a layer may pass 2^17, where that of NetX's neurons wraps around.
    """
    entries = list(read_apart(netx_entries, os.fspath(path), error=ExchangeError))
    about, entries = entries[0], entries[1:]
    stop = len(entries) if num_layers is None else num_layers
    if not 0 <= skip_layers < min(stop, len(entries)):
        raise ArgumentError(f"`num_layers` {num_layers} and `skip_layers` {skip_layers} leave none of {len(entries)}")
    reader = _Reader(about, input_message_bits, size)
    for index, entry in enumerate(entries[:stop]):
        reader.take(index, entry, kept=index >= skip_layers)
    if not reader.layers:
        raise ExchangeError(f"`{path}` holds no layer with neurons between `skip_layers` and `num_layers`")
    if wraps := _may_wrap(reader.layers, reader.code):
        warnings.warn(f"`{path}`: {'; '.join(wraps)}", CurrentWarning, stacklevel=2)
    logger.info("`%s`: its neurons fire again; run it with `--refire` (`fire_once=False`) as lava-dl does", path)
    source = {"file": Path(path).name, "format": "netx", "num_layers": num_layers, "skip_layers": skip_layers}
    return FixedPointModel(
        tuple(reader.layers), reader.code, "loihi2", reader.size, int(about.get("tSample", 0)) or None,
        {"network": source}, reset_interval,
    )  # fmt: skip


class CurrentWarning(UserWarning):
    """Inputs are possible at which NetX's neurons and ours differ."""


def _may_wrap(layers: list[FixedPointConv], code: InputCode) -> list[str]:
    """Layers whose current can pass 2^17, where the stock LIF's wraps around and the contract's grows on."""
    payloads = [code.largest, *[1] * (len(layers) - 1)]
    sums = [p * int(_one_sided(x.kernel) >> STATE_SHIFT) for p, x in zip(payloads, layers, strict=True)]
    return [
        f"`{layer.name}`: inputs can add up to {most}, and beyond {LARGEST_SUM} NetX's current wraps around where this "
        "one does not"
        for layer, most in zip(layers, sums, strict=True)
        if most > LARGEST_SUM
    ]


def _one_sided(kernel: NDArray[np.int64]) -> int:
    """The largest sum of weights of one sign into a neuron."""
    axes = (1, 2, 3)
    return max(int(np.maximum(kernel, 0).sum(axes).max()), int(np.maximum(-kernel, 0).sum(axes).max()))


class _Reader:
    """Walks the layers. `shape`: of the map (C, H, W) behind the last one, None while nothing says it."""

    def __init__(self, about: Entry, message_bits: int | None, size: Pair | None) -> None:
        stored = json.loads(about.get("spikeseg_lava", "{}")) if message_bits is None else {}
        self.code = InputCode(stored.get("input_bits", message_bits or 1), stored.get("input_scale", 1.0))
        self.layers: list[FixedPointConv] = []
        self.size: Pair | None = size
        self.shape: Shape | None = None
        self._before = "input"
        self._counts = {"conv": 0, "dense": 0}

    def take(self, index: int, entry: Entry, kept: bool) -> None:
        """Add a layer, or walk past it: what is skipped need not be expressible."""
        kind = str(entry.get("type"))
        name = self._name(kind, entry)
        label = f"`{name}` (layer/{index})"
        if not kept:
            self.shape = shape_of(label, entry)
        elif kind == "input":
            self._input(name, label, entry)
        elif kind in ("conv", "dense"):
            self._weighted(name, label, entry)
        elif kind != "flatten":
            raise ExchangeError(
                f"{label}: layers of type `{kind}` cannot be expressed, only input, conv, dense, flatten"
            )
        self._before = kind

    def _name(self, kind: str, entry: Entry) -> str:
        name = kind
        if kind in self._counts:
            name = f"{'fc' if kind == 'dense' else kind}-{self._counts[kind]}"
            self._counts[kind] += 1
        return str(entry.get("name", name))

    def _input(self, name: str, label: str, entry: Entry) -> None:
        self.shape = shape_of(label, entry)
        if "neuron" in entry:
            weight = integer(label, entry, "weight", 1 << STATE_SHIFT)
            bias = integer(label, entry, "bias", 0) - weight
            self.code = InputCode(PIXEL_BITS, 2.0 * weight)
            kernel = np.eye(self.shape[0], dtype=np.int64)[:, :, None, None]
            self._add(name, label, entry, kernel, np.full(len(kernel), bias))

    def _weighted(self, name: str, label: str, entry: Entry) -> None:
        for key, why in NOT_HERE.items():
            if found(entry, key) is not None:
                raise ExchangeError(f"{label}: {why}, which the contract cannot express")
        if np.any(entry.get("delay", 0)):
            raise ExchangeError(f"{label}: its synapses have delays, which the contract cannot express")
        dense = entry["type"] == "dense"
        kernel = matrix_of(label, entry) if dense else kernel_of(label, entry)
        if self.shape is None:
            self.shape = self._first_shape(label, kernel)
        if dense:
            kernel = self._covering(label, kernel, self.shape)
        elif self._before in ("dense", "flatten"):
            raise ExchangeError(f"{label}: a convolution behind a {self._before} layer has no map to work on")
        bias = integers(label, "bias", entry.get("bias", 0)).ravel()
        if bias.size not in (1, len(kernel)):
            raise ExchangeError(f"{label}: `bias` holds {bias.size} values, expected {len(kernel)}")
        self._add(name, label, entry, kernel, np.broadcast_to(bias, len(kernel)))

    def _first_shape(self, label: str, kernel: NDArray[np.int64]) -> Shape:
        if kernel.ndim == 2:
            return kernel.shape[1], 1, 1
        if self.size is None:
            raise ExchangeError(f"{label}: no input layer says how large its frames are; pass `size=(height, width)`")
        return kernel.shape[1], *self.size

    def _covering(self, label: str, weight: NDArray[np.int64], shape: Shape) -> NDArray[np.int64]:
        """The matrix Int64[O, C*H*W] as a kernel on the whole map."""
        if self._before == "conv":
            raise ExchangeError(f"{label}: a dense layer on the map {shape} of a convolution, with no flatten between")
        if weight.shape[1] != np.prod(shape):
            raise ExchangeError(f"{label}: its weights take {weight.shape[1]} inputs, the map before it is {shape}")
        return weight.reshape(-1, *shape)

    def _add(self, name: str, label: str, entry: Entry, kernel: NDArray[np.int64], bias: NDArray[np.integer]) -> None:
        assert self.shape is not None
        stride, padding = (1, 1), (0, 0)
        if entry["type"] == "conv":
            stride, padding = pair(label, entry, "stride", 1), pair(label, entry, "padding", 0)
        layer = layer_of(name, membrane_units(label, kernel), neuron_of(label, entry, bias), stride, padding)
        try:
            shape = layer.output_shape(self.shape)
        except ArgumentError as error:
            raise ExchangeError(f"{label} does not fit the map {self.shape} before it: {error}") from error
        if "shape" in entry and np.prod(shape_of(label, entry)) != np.prod(shape):
            raise ExchangeError(f"{label}: `shape` says {shape_of(label, entry)}, its weights give {shape}")
        if not self.layers:
            self.size = self.shape[1:]
        self.layers.append(layer)
        self.shape = shape
