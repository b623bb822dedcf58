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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ExchangeError
from spikeseg_lava.exchange.netx.layers import FORGET, LARGEST_BIAS, LARGEST_THRESHOLD, STATE_SHIFT
from spikeseg_lava.isolation import read_apart
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, Shape
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, InputCode, byte_planes
from spikeseg_lava.network.maps import common_zeros, dilated, ungrouped
from spikeseg_lava.network.model import FixedPointModel

logger = logging.getLogger(__name__)

Entry = dict[str, Any]  # of a layer: arrays, texts, and the entry of its neuron
MOST_BYTES = 2**30  # of one array: a layer of a chip holds far fewer weights
NEURONS = ("CUBA", "LOIHI")
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
    logger.info("`%s`: its neurons fire again; run it with `--refire` (`fire_once=False`) as lava-dl does", path)
    source = {"file": Path(path).name, "format": "netx", "num_layers": num_layers, "skip_layers": skip_layers}
    return FixedPointModel(
        tuple(reader.layers), reader.code, "loihi2", reader.size, int(about.get("tSample", 0)) or None,
        {"network": source}, reset_interval,
    )  # fmt: skip


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
            self.shape = _shape(label, entry)
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
        self.shape = _shape(label, entry)
        if "neuron" in entry:
            weight = _integer(label, entry, "weight", 1 << STATE_SHIFT)
            bias = _integer(label, entry, "bias", 0) - weight
            self.code = InputCode(PIXEL_BITS, 2.0 * weight)
            kernel = np.eye(self.shape[0], dtype=np.int64)[:, :, None, None]
            self._add(name, label, entry, kernel, np.full(len(kernel), bias))

    def _weighted(self, name: str, label: str, entry: Entry) -> None:
        for key, why in NOT_HERE.items():
            if _found(entry, key) is not None:
                raise ExchangeError(f"{label}: {why}, which the contract cannot express")
        if np.any(entry.get("delay", 0)):
            raise ExchangeError(f"{label}: its synapses have delays, which the contract cannot express")
        dense = entry["type"] == "dense"
        kernel = _matrix(label, entry) if dense else _kernel(label, entry)
        if self.shape is None:
            self.shape = self._first_shape(label, kernel)
        if dense:
            kernel = self._covering(label, kernel, self.shape)
        elif self._before in ("dense", "flatten"):
            raise ExchangeError(f"{label}: a convolution behind a {self._before} layer has no map to work on")
        bias = _integers(label, "bias", entry.get("bias", 0)).ravel()
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
            stride, padding = _pair(label, entry, "stride", 1), _pair(label, entry, "padding", 0)
        layer = _layer(name, _units(label, kernel), _neuron(label, entry, bias), stride, padding)
        try:
            shape = layer.output_shape(self.shape)
        except ArgumentError as error:
            raise ExchangeError(f"{label} does not fit the map {self.shape} before it: {error}") from error
        if "shape" in entry and np.prod(_shape(label, entry)) != np.prod(shape):
            raise ExchangeError(f"{label}: `shape` says {_shape(label, entry)}, its weights give {shape}")
        if not self.layers:
            self.size = self.shape[1:]
        self.layers.append(layer)
        self.shape = shape


def _layer(
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


def _units(label: str, weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """The kernel in units of the membrane; ExchangeError where the chip would hold other weights."""
    mixed = weight.min() < 0 < weight.max()
    odd = mixed and bool((weight % 2).any())
    if weight.min() < -256 or weight.max() > 255 or (odd and np.abs(weight).max() > 127):
        raise ExchangeError(
            f"{label}: weights of {weight.min()} to {weight.max()} do not fit in the 8 bits of one synapse"
            + (", which keeps even ones only where signs are mixed" if odd else "")
        )
    return weight << STATE_SHIFT


def _neuron(label: str, entry: Entry, bias: NDArray[np.integer]) -> FixedPointNeuron:
    cells = entry.get("neuron")
    if not isinstance(cells, dict) or str(cells.get("type")) not in NEURONS:
        found = cells.get("type") if isinstance(cells, dict) else None
        raise ExchangeError(f"{label}: neurons of type `{found}` cannot be expressed, only {' and '.join(NEURONS)}")
    current, decay, threshold = (_integer(label, cells, key) for key in ("iDecay", "vDecay", "vThMant"))
    if current != FORGET:
        raise ExchangeError(
            f"{label}: its current keeps {FORGET - current} / 4096 from step to step (`iDecay` {current}); the "
            "contract has no memory of the current. Train with a current decay of 1"
        )
    if not 0 <= decay <= DECAY_UNIT or not 0 <= threshold <= LARGEST_THRESHOLD:
        raise ExchangeError(f"{label}: `vDecay` {decay} or `vThMant` {threshold} is beyond 0..4096, 0..2^17 - 1")
    if _integer(label, cells, "refDelay", 1) != 1 or _integer(label, cells, "wgtExp", 0) != 0:
        raise ExchangeError(f"{label}: a refractory delay other than 1, or a weight exponent, cannot be expressed")
    if np.abs(bias).max() >= LARGEST_BIAS:
        raise ExchangeError(f"{label}: biases of {bias.min()} to {bias.max()} do not fit in 13 bits")
    every = np.ones(len(bias), np.int32)
    mode = "multiplicative" if decay else "subtractive"
    theta = ((threshold << STATE_SHIFT) + 1) * every
    return FixedPointNeuron(theta, 0 * every, decay * every, mode, False, (bias << STATE_SHIFT).astype(np.int32))


def _kernel(label: str, entry: Entry) -> NDArray[np.int64]:
    """Int64[O, I, kh, kw], groups and dilation written out."""
    weight = _integers(label, "weight", _needed(label, entry, "weight"))
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    groups, dilation = _integer(label, entry, "groups", 1), _pair(label, entry, "dilation", 1, default=(1, 1))
    if weight.ndim != 4 or not weight.size or groups < 1 or len(weight) % groups:
        raise ExchangeError(f"{label}: `weight` has shape {weight.shape} in {groups} group(s), expected (O, I, kh, kw)")
    return ungrouped(dilated(weight, dilation), groups)


def _matrix(label: str, entry: Entry) -> NDArray[np.int64]:
    """Int64[O, inputs] of a dense layer."""
    weight = _integers(label, "weight", _needed(label, entry, "weight"))
    outputs = _integer(label, entry, "outFeatures", len(weight))
    if outputs < 1 or not weight.size or weight.size % outputs:
        raise ExchangeError(f"{label}: `weight` has shape {weight.shape}, expected ({outputs}, inputs)")
    return weight.reshape(outputs, -1)


def _shape(label: str, entry: Entry) -> Shape:
    values = _integers(label, "shape", _needed(label, entry, "shape")).ravel().tolist()
    shape = [*values, 1, 1][: max(3, len(values))]
    if len(shape) != 3 or min(shape) < 1:
        raise ExchangeError(f"{label}: `shape` is {values}, expected channels, height and width")
    return shape[0], shape[1], shape[2]


def _pair(label: str, entry: Entry, key: str, least: int, default: Pair | None = None) -> Pair:
    """(vertical, horizontal) of one or two numbers."""
    found = entry.get(key, default)
    values = _integers(label, key, found).ravel().tolist() if found is not None else []
    if len(values) not in (1, 2) or min(values) < least:
        raise ExchangeError(f"{label}: `{key}` is {values}, expected two numbers of {least} or more")
    return values[0], values[-1]


def _integer(label: str, entry: Entry, key: str, default: int | None = None) -> int:
    found = entry.get(key, default)
    values = _integers(label, key, found).ravel() if found is not None else np.zeros(0, np.int64)
    if values.size != 1:
        raise ExchangeError(f"{label}: `{key}` holds {values.size} numbers, expected one")
    return int(values[0])


def _integers(label: str, key: str, values: Any) -> NDArray[np.int64]:
    """Int64; lava-dl cuts fractions off in silence, which is refused here."""
    array = np.asarray(values)
    if array.dtype.kind not in "iufb" or not np.isfinite(array).all() or np.any(array != np.rint(array)):
        raise ExchangeError(f"{label}: `{key}` must hold whole numbers; lava-dl would cut their fractions off")
    if array.size and np.abs(array.astype(np.float64)).max() > 2**31:
        raise ExchangeError(f"{label}: `{key}` holds numbers beyond 32 bits")
    return array.astype(np.int64)


def _needed(label: str, entry: Entry, key: str) -> Any:
    if key not in entry:
        raise ExchangeError(f"{label}: `{key}` is missing")
    return entry[key]


def _found(entry: Entry, path: str) -> Any:
    """The value at a path of keys, or None."""
    first, _, rest = path.partition("/")
    value = entry.get(first)
    return _found(value, rest) if rest and isinstance(value, dict) else None if rest else value


def is_netx(path: str | os.PathLike[str]) -> bool:
    """Whether an HDF5 file holds layers as lava-dl writes them; False for any other file."""
    try:
        next(read_apart(netx_entries, os.fspath(path), error=ExchangeError))
    except ExchangeError:
        return False
    return True


def netx_entries(path: str) -> Iterator[Entry]:
    """What the file says of itself, then its layers in order; runs in a process of its own."""
    import h5py

    try:
        file: Any = h5py.File(path, "r")
    except OSError as error:
        raise ExchangeError(f"`{path}` cannot be read as HDF5: {error}") from error
    with file:
        layers = file.get("layer")
        if not isinstance(layers, h5py.Group) or sorted(layers) != sorted(map(str, range(len(layers)))) or not layers:
            raise ExchangeError(f"`{path}` is no lava-dl network: it has no group `layer` with entries 0, 1, ...")
        about = {key: file.attrs[key] for key in ("spikeseg_lava",) if key in file.attrs}
        steps = file.get("simulation/tSample")
        yield about | ({"tSample": int(steps[()])} if isinstance(steps, h5py.Dataset) and steps.size == 1 else {})
        for index in range(len(layers)):
            yield _tree(path, layers[str(index)])


def _tree(path: str, group: Any) -> Entry:
    """Arrays, texts and groups of a group as a dictionary; attribute `name` beside them."""
    import h5py

    found: Entry = {"name": str(group.attrs["name"])} if "name" in group.attrs else {}
    for key in group:
        item = group[key] if isinstance(group.get(key, getlink=True), h5py.HardLink) else None
        if isinstance(item, h5py.Group):
            found[key] = _tree(path, item)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual or item.nbytes > MOST_BYTES:
            raise ExchangeError(f"`{path}`: `{group.name}/{key}` is no array of the file, or beyond {MOST_BYTES} bytes")
        else:
            found[key] = _plain(item[()])
    return found


def _plain(value: Any) -> Any:
    """Texts as text, whatever HDF5 keeps them as; numbers as arrays."""
    array = np.asarray(value)
    if array.dtype.kind not in "SO":
        return array
    texts = [x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in array.ravel().tolist()]
    return texts[0] if len(texts) == 1 else texts
