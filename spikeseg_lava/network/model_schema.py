"""What a model file must hold: every field of its description, every tensor, and that they agree (docs/model-file.md).

Executors rely on all of it without checking again: a stride of 0, a kernel of another shape than its source or two
layers of one name would hang or crash them, or make them differ from each other. The limits are far beyond any chip;
they keep a file of a few bytes from asking for terabytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ModelFileError, printable

MOST_LAYERS, MOST_PLANES, MOST_BITS, MOST_EXPONENT = 1000, 8, 31, 31
LARGEST_SIDE = 2**20  # pixels of a frame, steps of a sample
LARGEST_DRIVE = 2**62  # of one step, before saturation: executors sum in 64 bit
LARGEST_EXACT = 2**53  # of one plane before its shift: the oracle convolves in float64
NAME_CHARACTERS = 100
RESERVED = ("frames", "meta")  # entries of the files a spike record is written to, beside the layers
MEMBRANE = "_membrane"
FIELDS = ("version", "input", "target", "provenance", "layers", "input_size", "timesteps")
TENSORS = ("threshold", "leak", "decay", "scale", *(f"source.{x}" for x in ("weight", "threshold", "leak", "beta")))
BIASES = ("bias", "source.bias")  # since version 2

Tensors = Mapping[str, NDArray[Any]]


def check_model(description: Mapping[str, Any], tensors: Tensors) -> None:
    """ModelFileError that names the field or tensor, what it holds and what was expected."""
    fields(
        description, "description", ("version", "input", "target", "provenance", "layers", "input_size", "timesteps")
    )
    code = fields(description["input"], "input", ("bits", "scale"))
    whole(code["bits"], "input.bits", 1, MOST_BITS)
    number(code["scale"], "input.scale", above=0)
    text(description["target"], "target")
    fields(description["provenance"], "provenance", ())
    for name in ("timesteps", "reset_interval"):
        if description.get(name) is not None:
            whole(description[name], name, 1, LARGEST_SIDE)
    layers = description["layers"]
    if not isinstance(layers, list) or not 1 <= len(layers) <= MOST_LAYERS:
        raise ModelFileError(f"`layers` is {printable(repr(layers))}, expected a list of 1 to {MOST_LAYERS}")
    _check_names([fields(entry, f"layers[{i}]", ("kind", "name")) for i, entry in enumerate(layers)])
    _check_layers(layers, tensors, 2 ** code["bits"] - 1, description["version"])
    if description["input_size"] is not None:
        pair(description["input_size"], "input_size", 1, LARGEST_SIDE)


def fields(value: Any, name: str, needed: Sequence[str]) -> dict[str, Any]:
    """A JSON object that has the `needed` fields."""
    if not isinstance(value, dict):
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected an object")
    if missing := [key for key in needed if key not in value]:
        raise ModelFileError(f"`{name}` lacks {', '.join(missing)}")
    return value


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected a whole number from {least} to {most}")
    return value


def number(value: Any, name: str, above: float = -math.inf) -> float:
    """A finite number above `above`."""
    finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not finite or value <= above:
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected a number above {above:g}")
    return value


def numbers(value: Any, name: str, count: int) -> NDArray[np.float64]:
    """Float64[count] of a list of that many finite numbers."""
    if not isinstance(value, list) or len(value) != count:
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected a list of {count} numbers")
    return np.array([number(item, f"{name}[{i}]") for i, item in enumerate(value)], np.float64)


def flag(value: Any, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected true or false")
    return value


def pair(value: Any, name: str, least: int, most: int) -> tuple[int, int]:
    """[vertical, horizontal], each from `least` to `most`."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected [vertical, horizontal]")
    first, second = (whole(n, f"{name}[{i}]", least, most) for i, n in enumerate(value))
    return first, second


def text(value: Any, name: str) -> str:
    """A short text of printable characters."""
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= NAME_CHARACTERS:
        raise ModelFileError(
            f"`{name}` is {printable(repr(value))}, expected 1 to {NAME_CHARACTERS} printable characters"
        )
    return value


def choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """One of `choices`."""
    if value not in choices:
        raise ModelFileError(f"`{name}` is {printable(repr(value))}, expected {' or '.join(choices)}")
    return value


def tensor(
    tensors: Tensors, name: str, dtype: Any, shape: tuple[int, ...], least: float = -math.inf, most: float = math.inf
) -> NDArray[Any]:
    """A tensor of this type and shape, its values finite and within `least` and `most`."""
    if name not in tensors:
        raise ModelFileError(f"the tensor `{name}` is missing")
    found = tensors[name]
    if found.dtype != dtype or found.shape != shape:
        raise ModelFileError(f"`{name}` is {found.dtype} {found.shape}, expected {np.dtype(dtype)} {shape}")
    if not np.isfinite(found).all() or found.min() < least or found.max() > most:
        raise ModelFileError(f"`{name}` holds {found.min()} to {found.max()}, expected {least:g} to {most:g}")
    return found


def _check_names(layers: Sequence[Mapping[str, Any]]) -> None:
    names = [text(layer["name"], f"layers[{i}].name") for i, layer in enumerate(layers)]
    for name in names:
        if names.count(name) > 1:
            raise ModelFileError(f"`layers` holds several of the name `{name}`")
        if "/" in name or name in RESERVED or name.endswith(MEMBRANE):
            raise ModelFileError(f"`{name}` is no name of a layer: files of spikes use it for something else")


def _check_layers(layers: Sequence[dict[str, Any]], tensors: Tensors, largest: int, version: int) -> None:
    channels, known = None, set[str]()
    for i, entry in enumerate(layers):
        name = f"layers[{i}]"
        if choice(entry["kind"], f"{name}.kind", ("conv", "pool")) == "pool":
            for key in ("kernel", "stride"):
                pair(fields(entry, name, ("kernel", "stride"))[key], f"{name}.{key}", 1, LARGEST_SIDE)
        else:
            shape = _check_conv(entry, name, i, tensors, largest, version)
            if channels is not None and shape[1] != channels:
                raise ModelFileError(f"`{i}.plane0` takes {shape[1]} channel(s), the layer below gives {channels}")
            channels = shape[0]
            known |= {f"{i}.{part}" for part in (*TENSORS, *(BIASES if version > 1 else ()))}
            known |= {f"{i}.plane{p}" for p in range(len(entry["exponents"]))}
        largest = 1
    if channels is None:
        raise ModelFileError("`layers` holds no convolution")
    if unknown := sorted(set(tensors) - known):
        raise ModelFileError(f"the tensor `{printable(unknown[0])}` belongs to no layer")


def _check_conv(
    entry: dict[str, Any], name: str, index: int, tensors: Tensors, largest: int, version: int
) -> tuple[int, ...]:
    """The shape (O, I, kh, kw) of the kernel."""
    fields(entry, name, ("stride", "padding", "exponents", "leak_mode", "floor", "source"))
    source = fields(entry["source"], f"{name}.source", ("name", "stride", "padding", "leak_mode", "floor"))
    text(source["name"], f"{name}.source.name")
    for part, label in ((entry, name), (source, f"{name}.source")):
        pair(part["stride"], f"{label}.stride", 1, LARGEST_SIDE)
        pair(part["padding"], f"{label}.padding", 0, LARGEST_SIDE)
        choice(part["leak_mode"], f"{label}.leak_mode", ("subtractive", "multiplicative"))
        flag(part["floor"], f"{label}.floor")
    for key in ("stride", "padding"):
        if list(entry[key]) != list(source[key]):
            raise ModelFileError(f"`{name}.{key}` is {entry[key]}, that of its source {source[key]}: they must agree")
    shape = _check_kernel(entry["exponents"], name, index, tensors, largest)
    _check_neuron(index, shape[0], tensors, version)
    return shape


def _check_kernel(exponents: Any, name: str, index: int, tensors: Tensors, largest: int) -> tuple[int, ...]:
    if not isinstance(exponents, list) or not 1 <= len(exponents) <= MOST_PLANES:
        raise ModelFileError(f"`{name}.exponents` is {printable(repr(exponents))}, expected 1 to {MOST_PLANES} of them")
    first = tensors.get(f"{index}.plane0")
    if first is None or first.ndim != 4 or not first.size:
        raise ModelFileError(f"`{index}.plane0` is no int8 (O, I, kh, kw) with at least one weight")
    worst = 0
    for p, exponent in enumerate(exponents):
        whole(exponent, f"{name}.exponents[{p}]", 0, MOST_EXPONENT)
        plane = tensor(tensors, f"{index}.plane{p}", np.int8, first.shape)
        sums = int(np.abs(plane.astype(np.int64)).sum(axis=(1, 2, 3)).max()) * largest
        worst += sums << exponent
        if sums >= LARGEST_EXACT or worst >= LARGEST_DRIVE:
            raise ModelFileError(f"`{index}.plane{p}` can add up to {worst} in a step, expected less than 2**62")
    tensor(tensors, f"{index}.source.weight", np.float32, first.shape)
    return first.shape


def _check_neuron(index: int, outputs: int, tensors: Tensors, version: int) -> None:
    """Types and shapes only: what the numbers may be is checked where the neurons are constructed."""
    integers, floats = ["threshold", "leak", "decay"], ["source.threshold", "source.leak", "source.beta"]
    if version > 1:
        integers, floats = [*integers, "bias"], [*floats, "source.bias"]
    for names, dtype in ((integers, np.int32), (floats, np.float64)):
        for name in names:
            tensor(tensors, f"{index}.{name}", dtype, (outputs,))
    tensor(tensors, f"{index}.scale", np.float64, (outputs,), np.nextafter(0, 1))
