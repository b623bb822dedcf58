"""An entry of a `.net` file: read from HDF5, its numbers checked, weights and neurons in the contract's integers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.exchange.netx.layers import FORGET, LARGEST_BIAS, LARGEST_THRESHOLD, STATE_SHIFT
from spikeseg_lava.isolation import read_apart
from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, Shape
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, byte_planes
from spikeseg_lava.network.maps import common_zeros, dilated, ungrouped

Entry = dict[str, Any]  # of a layer: arrays, texts, and the entry of its neuron
MOST_BYTES = 2**30  # of one array: a layer of a chip holds far fewer weights
NEURONS = ("CUBA", "LOIHI")


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


def shape_of(label: str, entry: Entry) -> Shape:
    values = integers(label, "shape", needed(label, entry, "shape")).ravel().tolist()
    shape = [*values, 1, 1][: max(3, len(values))]
    if len(shape) != 3 or min(shape) < 1:
        raise ExchangeError(f"{label}: `shape` is {values}, expected channels, height and width")
    return shape[0], shape[1], shape[2]


def pair(label: str, entry: Entry, key: str, least: int, default: Pair | None = None) -> Pair:
    """(vertical, horizontal) of one or two numbers."""
    found = entry.get(key, default)
    values = integers(label, key, found).ravel().tolist() if found is not None else []
    if len(values) not in (1, 2) or min(values) < least:
        raise ExchangeError(f"{label}: `{key}` is {values}, expected two numbers of {least} or more")
    return values[0], values[-1]


def integer(label: str, entry: Entry, key: str, default: int | None = None) -> int:
    found = entry.get(key, default)
    values = integers(label, key, found).ravel() if found is not None else np.zeros(0, np.int64)
    if values.size != 1:
        raise ExchangeError(f"{label}: `{key}` holds {values.size} numbers, expected one")
    return int(values[0])


def integers(label: str, key: str, values: Any) -> NDArray[np.int64]:
    """Int64; lava-dl cuts fractions off in silence, which is refused here."""
    array = np.asarray(values)
    if array.dtype.kind not in "iufb" or not np.isfinite(array).all() or np.any(array != np.rint(array)):
        raise ExchangeError(f"{label}: `{key}` must hold whole numbers; lava-dl would cut their fractions off")
    if array.size and np.abs(array.astype(np.float64)).max() > 2**31:
        raise ExchangeError(f"{label}: `{key}` holds numbers beyond 32 bits")
    return array.astype(np.int64)


def needed(label: str, entry: Entry, key: str) -> Any:
    if key not in entry:
        raise ExchangeError(f"{label}: `{key}` is missing")
    return entry[key]


def found(entry: Entry, path: str) -> Any:
    """The value at a path of keys, or None."""
    first, _, rest = path.partition("/")
    value = entry.get(first)
    return found(value, rest) if rest and isinstance(value, dict) else None if rest else value


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
