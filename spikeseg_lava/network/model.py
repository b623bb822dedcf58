"""A whole network in the integers of a chip, kept in one file, and told from others by what decides its spikes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikeseg_lava.errors import ArgumentError, ModelFileError, placed
from spikeseg_lava.network.floats import (
    LAYER_COLUMNS,
    Pair,
    Shape,
    SpikingNetwork,
    frame_facts,
    layer_facts,
    layer_rows,
    layer_shapes,
)
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, InputCode
from spikeseg_lava.network.model_file import layers_of, read_model_file, write_model_file
from spikeseg_lava.network.parameters import check_reset_interval
from spikeseg_lava.spikes.record import html_table, short


@dataclass(frozen=True, eq=False)
class FixedPointModel:
    """A whole network in integers, ready for any executor; `save` and `load_model` keep it in one file.

    Attributes:
        input: code of the first layer's payload; between layers spikes are 0/1.
        target: name of the chip whose word lengths were respected.
        provenance: source checkpoint, settings tried, what was chosen and why (JSON-compatible).
        reset_interval: steps after which all state is cleared, as in SpikingNetwork.
    """

    layers: tuple[FixedPointLayer, ...]
    input: InputCode
    target: str = "loihi2"
    input_size: Pair | None = None
    timesteps: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reset_interval: int | None = None

    def __post_init__(self) -> None:
        check_reset_interval(self.reset_interval)

    @property
    def convolutions(self) -> tuple[FixedPointConv, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, FixedPointConv))

    @property
    def input_channels(self) -> int:
        return self.convolutions[0].planes[0].weight.shape[1]

    def __repr__(self) -> str:
        return short(self, self.target, f"{self.input.bits}-bit input", *layer_facts(self))

    def _repr_html_(self) -> str:
        title = f"FixedPointModel for {self.target}, {frame_facts(self)}, {self.input.bits}-bit input"
        return html_table(title, LAYER_COLUMNS, layer_rows(self))

    def shapes(self, size: Pair | None = None) -> dict[str, Shape]:
        """Output shape (C, H, W) of each layer for frames of `size` (height, width)."""
        size = size or self.input_size
        if size is None:
            raise ArgumentError("`size` is needed: the model does not say which frame size it was made for")
        return layer_shapes(self.layers, (self.input_channels, *size))

    def save(self, path: Any) -> None:
        """Write the model to `path` (safetensors, no pickle, see docs/model-file.md)."""
        save_model(self, path)


def save_model(model: FixedPointModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`.

    Raises:
        ArgumentError: the provenance is not JSON-compatible, or the model is none that could be read again.
    """
    facts = {
        "target": model.target,
        "input": {"bits": int(model.input.bits), "scale": float(model.input.scale)},
        "input_size": model.input_size,
        "timesteps": model.timesteps,
        "reset_interval": None if model.reset_interval is None else int(model.reset_interval),
        "provenance": dict(model.provenance),
    }
    write_model_file(path, facts, model.layers)


def load_model(path: str | os.PathLike[str]) -> FixedPointModel:
    """Read a model; ModelFileError when the file is missing, damaged, of another kind or of another version.

    Every field and tensor is checked before anything is computed from it, see docs/model-file.md.
    """
    description, tensors = read_model_file(path)
    size = description["input_size"]
    with placed(f"`{path}` is damaged", ModelFileError):
        layers = layers_of(description["layers"], tensors)
    model = FixedPointModel(
        layers,
        InputCode(description["input"]["bits"], description["input"]["scale"]),
        description["target"],
        None if size is None else (size[0], size[1]),
        description["timesteps"],
        description["provenance"],
        description.get("reset_interval"),
    )
    try:
        if size:
            model.shapes()
    except ArgumentError as error:
        raise ModelFileError(f"`{path}` is damaged: `input_size` is {size}, but {error}") from error
    return model


def model_digest(model: FixedPointModel) -> str:
    """64 hexadecimal digits of everything that decides the spikes: models of one digest give the same record.

    Provenance and float sources do not count.
    """
    facts = [model.input.bits, model.input.scale]
    digest = hashlib.sha256(json.dumps([*facts, *([model.reset_interval] if model.reset_interval else [])]).encode())
    for layer in model.layers:
        parts, arrays = _deciding(layer)
        digest.update(json.dumps([layer.name, list(layer.stride), *parts]).encode())
        for array in arrays:
            digest.update(json.dumps([array.dtype.str, array.shape]).encode() + array.tobytes())
    return digest.hexdigest()


def network_digest(network: SpikingNetwork | FixedPointModel) -> str:
    """64 hexadecimal digits that tell networks apart: of a model as `model_digest`, else of weights and neurons."""
    if isinstance(network, FixedPointModel):
        return model_digest(network)
    digest = hashlib.sha256()
    for layer in network.convolutions:
        neuron = layer.neuron
        biases = (neuron.bias,) if neuron.bias.any() else ()
        for numbers in (layer.weight, neuron.threshold, neuron.leak, neuron.beta, *biases):
            digest.update(np.ascontiguousarray(numbers, np.float64).tobytes())
    return digest.hexdigest()


def _deciding(layer: FixedPointLayer) -> tuple[list[Any], list[Any]]:
    if not isinstance(layer, FixedPointConv):
        return [list(layer.kernel)], []
    neuron = layer.neuron
    facts = [list(layer.padding), neuron.leak_mode, neuron.floor, [plane.exponent for plane in layer.planes]]
    biases = [neuron.bias] if neuron.bias.any() else []
    return facts, [*(plane.weight for plane in layer.planes), neuron.threshold, neuron.leak, neuron.decay, *biases]
