"""A fixed-point model in one file: safetensors, integers and float sources as tensors, the rest as JSON metadata.

Nothing is pickled. One metadata key holds the description with the format version and a digest of everything, so a file
of another kind, of another version, cut short or altered ends in one ModelFileError. A digest only tells damage:
anybody can compute one, so every field is checked as well. One model, one sequence of bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ModelFileError, placed, printable
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, FixedPointNeuron, Plane
from spikeseg_lava.network.model_schema import check_model

FORMAT = "spikeseg_lava.fixed_point"
VERSION = 2  # 2: bias of a neuron, reset interval; a file of version 1 has neither
READABLE = (1, 2)
TYPES = {"I8": np.int8, "I32": np.int32, "F32": np.float32, "F64": np.float64}
LONGEST_INTEGER = 20  # digits; Python takes seconds for a million of them

Tensors = dict[str, NDArray[Any]]


def write_model_file(path: str | os.PathLike[str], facts: Mapping[str, Any], layers: Sequence[FixedPointLayer]) -> None:
    """Write `layers` and `facts` (the other fields of the description).

    Raises:
        ArgumentError: what the reader would refuse, and a provenance that is not JSON-compatible.
    """
    from safetensors.numpy import save

    tensors: Tensors = {}
    for index, layer in enumerate(layers):
        if isinstance(layer, FixedPointConv):
            tensors |= _tensors_of(index, layer)
    description = {"version": VERSION, **facts, "layers": [_entry(layer) for layer in layers]}
    description["digest"] = _digest(description, tensors)
    text = _json(description)
    try:
        check_model(json.loads(text), tensors)
    except ModelFileError as error:
        raise ArgumentError(f"`model` cannot be written, no reader could use it: {error}") from error
    with writing(path) as file:
        file.write(save(tensors, {FORMAT: text}))


def read_model_file(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Tensors]:
    """The description and the tensors, checked; ModelFileError for everything that is no model file."""
    file = Path(path)
    if file.exists() and not file.is_file():
        raise ModelFileError(f"`{path}` cannot be read: it is no ordinary file")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelFileError(f"`{path}` cannot be read: {error.strerror}") from error
    try:
        description, tensors = _unpacked(content)
        check_model(description, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"`{path}` {error}") from error
    return description, tensors


def layers_of(entries: Sequence[dict[str, Any]], tensors: Tensors) -> tuple[FixedPointLayer, ...]:
    """The layers of a checked description; ArgumentError naming the layer whose neurons cannot be."""
    return tuple(_layer(index, entry, tensors) for index, entry in enumerate(entries))


def _unpacked(content: bytes) -> tuple[dict[str, Any], Tensors]:
    from safetensors import SafetensorError, deserialize

    try:
        parts = dict(deserialize(content))
    except (SafetensorError, ValueError, TypeError) as error:
        raise ModelFileError(f"is no model file, or is cut short: {error}") from error
    description = _description_in(content)
    tensors = {name: _array(name, part) for name, part in parts.items()}
    if description.pop("digest", None) != _digest(description, tensors):
        raise ModelFileError("is damaged: its content does not match the digest written beside it")
    return description, tensors


def _array(name: str, part: dict[str, Any]) -> NDArray[Any]:
    if part["dtype"] not in TYPES:
        raise ModelFileError(f"is no model file: `{printable(name)}` is of type {part['dtype']}")
    return np.frombuffer(part["data"], TYPES[part["dtype"]]).reshape(part["shape"])


def _description_in(content: bytes) -> dict[str, Any]:
    header = _parsed(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = header.get("__metadata__") or {}
    if FORMAT not in metadata:
        raise ModelFileError(f"is a safetensors file, but no fixed-point model: it has no `{FORMAT}` entry")
    description = _parsed(metadata[FORMAT])
    version = description.get("version") if isinstance(description, dict) else None
    if version not in READABLE:
        raise ModelFileError(
            f"has format version {printable(version)}, expected 1 or {VERSION}: quantize the checkpoint again"
        )
    return description


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text, parse_int=_short_integer)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"is damaged: its description is no JSON that can be read ({error})") from error


def _short_integer(digits: str) -> int:
    if len(digits) > LONGEST_INTEGER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _entry(layer: FixedPointLayer) -> dict[str, Any]:
    if isinstance(layer, PoolLayer):
        return {"kind": "pool", "name": layer.name, "kernel": _pair(layer.kernel), "stride": _pair(layer.stride)}
    source = layer.source
    return {
        "kind": "conv",
        "name": layer.name,
        "stride": _pair(layer.stride),
        "padding": _pair(layer.padding),
        "exponents": [int(plane.exponent) for plane in layer.planes],
        "leak_mode": layer.neuron.leak_mode,
        "floor": bool(layer.neuron.floor),
        "source": {
            "name": source.name,
            "stride": _pair(source.stride),
            "padding": _pair(source.padding),
            "leak_mode": source.neuron.leak_mode,
            "floor": bool(source.neuron.floor),
        },
    }


def _tensors_of(index: int, layer: FixedPointConv) -> Tensors:
    neuron, source = layer.neuron, layer.source.neuron
    tensors: dict[str, NDArray[Any]] = {
        "scale": layer.scale,
        "threshold": neuron.threshold,
        "leak": neuron.leak,
        "decay": neuron.decay,
        "bias": neuron.bias,
        "source.weight": layer.source.weight,
        "source.threshold": source.threshold,
        "source.leak": source.leak,
        "source.beta": source.beta,
        "source.bias": source.bias,
    }
    tensors |= {f"plane{i}": plane.weight for i, plane in enumerate(layer.planes)}
    return {f"{index}.{name}": np.ascontiguousarray(value) for name, value in tensors.items()}


def _layer(index: int, entry: dict[str, Any], tensors: Tensors) -> FixedPointLayer:
    name = entry["name"]
    if entry["kind"] == "pool":
        return PoolLayer(name, (*entry["kernel"],), (*entry["stride"],))
    own = {k.partition(".")[2]: value for k, value in tensors.items() if k.partition(".")[0] == str(index)}
    bias = own.get("bias", np.zeros(1, np.int32))
    with placed(f"`{name}`"):
        neuron = FixedPointNeuron(own["threshold"], own["leak"], own["decay"], entry["leak_mode"], entry["floor"], bias)
    planes = tuple(Plane(own[f"plane{i}"], exponent) for i, exponent in enumerate(entry["exponents"]))
    return FixedPointConv(
        name, planes, neuron, own["scale"], _source(entry["source"], own), (*entry["stride"],), (*entry["padding"],)
    )


def _source(entry: dict[str, Any], own: Tensors) -> ConvLayer:
    theta, leak, beta = (own[f"source.{name}"] for name in ("threshold", "leak", "beta"))
    with placed(f"`{entry['name']}.source`"):
        neuron = Neuron(theta, leak, beta, entry["leak_mode"], entry["floor"], own.get("source.bias", np.zeros(1)))
    return ConvLayer(entry["name"], own["source.weight"], neuron, (*entry["stride"],), (*entry["padding"],))


def _pair(value: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in value)


def _digest(description: dict[str, Any], tensors: Tensors) -> str:
    """SHA-256 over the description, and over name, type, shape and content of every tensor."""
    sha = hashlib.sha256(_json(description).encode())
    for name in sorted(tensors):
        value = np.ascontiguousarray(tensors[name])
        sha.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        sha.update(value.tobytes())
    return sha.hexdigest()


def _json(description: dict[str, Any]) -> str:
    try:
        return json.dumps(description, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"`model.provenance` must hold what JSON can: {error}") from error
