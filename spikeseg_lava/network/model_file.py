"""A fixed-point model in one file: safetensors, integers and float sources as tensors, the rest as JSON metadata.

Nothing is pickled. One metadata key holds the description with the format version and a digest of everything, so a file
of another kind, of another version, cut short or altered ends in one ModelFileError. One model, one sequence of bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, ModelFileError
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import (
    FixedPointConv,
    FixedPointLayer,
    FixedPointModel,
    FixedPointNeuron,
    InputCode,
    Plane,
)

FORMAT = "spikeseg_lava.fixed_point"
VERSION = 2  # 2: bias of a neuron, reset interval; a file of version 1 has neither
READABLE = (1, 2)

Tensors = dict[str, NDArray[Any]]


def save_model(model: FixedPointModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`; ArgumentError where its provenance is not JSON-compatible."""
    from safetensors.numpy import save

    tensors: Tensors = {}
    for index, layer in enumerate(model.layers):
        if isinstance(layer, FixedPointConv):
            tensors |= _tensors_of(index, layer)
    description = _description(model)
    description["digest"] = _digest(description, tensors)
    content = save(tensors, {FORMAT: _json(description)})
    with writing(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> FixedPointModel:
    """Read a model; ModelFileError when the file is missing, damaged, of another kind or of another version."""
    description, tensors = _read(Path(path))
    try:
        layers = tuple(_layer(i, entry, tensors) for i, entry in enumerate(description["layers"]))
        model = FixedPointModel(
            layers, InputCode(**description["input"]), description["target"], _pair(description["input_size"]),
            description["timesteps"], description["provenance"], description.get("reset_interval"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"`{path}` is damaged: its description does not fit its integers ({error!r})") from error
    return model


def _read(path: Path) -> tuple[dict[str, Any], Tensors]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            description = _described(metadata, path)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ModelFileError(f"`{path}` cannot be read: {error}") from error
    except (SafetensorError, ValueError, TypeError) as error:
        raise ModelFileError(f"`{path}` is no model file, or is cut short: {error}") from error
    if description.pop("digest", None) != _digest(description, tensors):
        raise ModelFileError(f"`{path}` is damaged: its content does not match the digest written beside it")
    return description, tensors


def _described(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    if FORMAT not in metadata:
        raise ModelFileError(f"`{path}` is a safetensors file, but no fixed-point model: it has no `{FORMAT}` entry")
    description = json.loads(metadata[FORMAT])
    version = description.get("version") if isinstance(description, dict) else None
    if version not in READABLE:
        raise ModelFileError(
            f"`{path}` has format version {version}, expected 1 or {VERSION}: quantize the checkpoint again"
        )
    return description


def _description(model: FixedPointModel) -> dict[str, Any]:
    return {
        "version": VERSION,
        "target": model.target,
        "input": {"bits": int(model.input.bits), "scale": float(model.input.scale)},
        "input_size": model.input_size,
        "timesteps": model.timesteps,
        "reset_interval": None if model.reset_interval is None else int(model.reset_interval),
        "provenance": dict(model.provenance),
        "layers": [_entry(layer) for layer in model.layers],
    }


def _entry(layer: FixedPointLayer) -> dict[str, Any]:
    if isinstance(layer, PoolLayer):
        return {"kind": "pool", "name": layer.name, "kernel": layer.kernel, "stride": layer.stride}
    source = layer.source
    return {
        "kind": "conv",
        "name": layer.name,
        "stride": layer.stride,
        "padding": layer.padding,
        "exponents": [int(plane.exponent) for plane in layer.planes],
        "leak_mode": layer.neuron.leak_mode,
        "floor": bool(layer.neuron.floor),
        "source": {
            "name": source.name,
            "stride": source.stride,
            "padding": source.padding,
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
    neuron = FixedPointNeuron(own["threshold"], own["leak"], own["decay"], entry["leak_mode"], entry["floor"], bias)
    planes = tuple(_plane(own[f"plane{i}"], exponent) for i, exponent in enumerate(entry["exponents"]))
    return FixedPointConv(
        name, planes, neuron, own["scale"], _source(entry["source"], own), (*entry["stride"],), (*entry["padding"],)
    )


def _plane(weight: NDArray[Any], exponent: int) -> Plane:
    if weight.dtype != np.int8 or weight.ndim != 4 or exponent < 0:
        raise ValueError(f"a plane of {weight.dtype} {weight.shape} with exponent {exponent}")
    return Plane(weight, exponent)


def _source(entry: dict[str, Any], own: Tensors) -> ConvLayer:
    theta, leak, beta = (own[f"source.{name}"] for name in ("threshold", "leak", "beta"))
    neuron = Neuron(theta, leak, beta, entry["leak_mode"], entry["floor"], own.get("source.bias", np.zeros(1)))
    return ConvLayer(entry["name"], own["source.weight"], neuron, (*entry["stride"],), (*entry["padding"],))


def _pair(value: list[int] | None) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])


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
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"`model.provenance` must hold what JSON can: {error}") from error
