"""What a neuron cannot be is refused where it is constructed, in one message that every reader passes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from builders.models import pooled_model
from builders.networks import one_layer
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from spikeseg_lava.errors import ArgumentError, CheckpointError, ExchangeError, ModelFileError, SpikeSegLavaError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.exchange.nir import from_nir
from spikeseg_lava.network.floats import ConvLayer, Neuron
from spikeseg_lava.network.integers import FixedPointNeuron
from spikeseg_lava.network.model import load_model, save_model
from spikeseg_lava.network.model_file import FORMAT, _digest, _json
from torch_reference.neurons import IFNeuron, LIFNeuron

TWO = np.ones(2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": np.array([1, 0.0])}, "`threshold` must be positive and finite, got 0 in channel 1"),
        ({"threshold": np.array([np.nan, 1])}, "`threshold` must be positive and finite, got nan in channel 0"),
        ({"leak": np.array([-0.5, 1])}, "`leak` must be zero or more, and finite, got -0.5 in channel 0"),
        ({"beta": np.array([1, 1.5])}, "`beta` must be from 0 to 1, got 1.5 in channel 1"),
        ({"bias": np.array([1, np.inf])}, "`bias` must be finite, got inf in channel 1"),
        ({"leak": np.zeros(3)}, r"`leak` has shape \(3,\), expected that of `threshold`: \(2,\)"),
        ({"threshold": np.ones((2, 1))}, r"`threshold` has shape \(2, 1\), expected one value per output channel"),
    ],
)
def test_float_neurons_that_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Neuron(**{"threshold": TWO, "leak": 0 * TWO, "beta": TWO, **wrong})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": 0}, "`threshold` must be at least 1, or neurons fire without input, got 0"),
        ({"leak": -1}, "`leak` must be zero or more, and finite, got -1"),
        ({"decay": 4097, "leak_mode": "multiplicative"}, "`decay` must be from 0 to 4096, got 4097"),
        ({"decay": -1, "leak_mode": "multiplicative"}, "`decay` must be from 0 to 4096, got -1"),
        ({"decay": 1}, "`decay` must be 0 in the other leak mode, got 1"),
        ({"leak": 1, "leak_mode": "multiplicative"}, "`leak` must be 0 in the other leak mode, got 1"),
    ],
)
def test_integer_neurons_that_cannot_be(wrong: dict[str, Any], message: str) -> None:
    numbers: dict[str, Any] = {key: np.array([wrong.get(key, least)], np.int32) for key, least in LEAST.items()}
    with pytest.raises(ArgumentError, match=message):
        FixedPointNeuron(**numbers, leak_mode=wrong.get("leak_mode", "subtractive"))


LEAST = {"threshold": 1, "leak": 0, "decay": 0}


def test_layers_that_cannot_be() -> None:
    neuron = Neuron(TWO, TWO, TWO)
    with pytest.raises(ArgumentError, match=r"`conv1`: `weight` holds 1 value\(s\) that are NaN or infinite"):
        ConvLayer("conv1", np.array([[[[np.nan]]], [[[1]]]], np.float32), neuron)
    with pytest.raises(ArgumentError, match=r"`conv1`: `threshold` has 2 value\(s\) for 3 output channel"):
        ConvLayer("conv1", np.ones((3, 1, 1, 1), np.float32), neuron)


def _with_threshold(_: Path, value: float) -> None:
    one_layer([[1.0]], 1.0).with_threshold(value)


def _checkpoint(folder: Path, value: float) -> None:
    parts = {"threshold": value, "leak": 0.0, "beta": 1.0}
    state = {f"conv1.neuron.{name}": torch.tensor(number) for name, number in parts.items()}
    torch.save(state | {"conv1.conv.weight": torch.ones(1, 1, 3, 3)}, folder / "c.pt")
    load_checkpoint(folder / "c.pt")


def _nir(_: Path, value: float) -> None:
    one = np.ones(1, np.float32)
    shapes: Any = {"input_type": {"input": np.array([1])}}, {"output_type": {"output": np.array([1])}}
    nodes = {
        "in": nir.Input(**shapes[0]),
        "linear": nir.Linear(np.ones((1, 1), np.float32)),
        "if": nir.IF(r=one, v_threshold=value * one, v_reset=0 * one),
        "out": nir.Output(**shapes[1]),
    }
    from_nir(nir.NIRGraph(nodes, [("in", "linear"), ("linear", "if"), ("if", "out")]))


def _torch(_: Path, value: float) -> None:
    IFNeuron(value)


def _model(folder: Path, value: float) -> None:
    """A model file whose digest is right, of another program or a forger."""
    save_model(pooled_model(), folder / "m.slm")
    tensors = load_file(folder / "m.slm")
    with safe_open(folder / "m.slm", framework="numpy") as file:
        description = json.loads(file.metadata()[FORMAT])
    tensors["0.source.threshold"] = np.full(3, value)
    del description["digest"]
    description["digest"] = _digest(description, tensors)
    save_file(tensors, folder / "m.slm", {FORMAT: _json(description)})
    load_model(folder / "m.slm")


@pytest.mark.parametrize("value", [0.0, -0.5])
@pytest.mark.parametrize(
    ("build", "error", "place"),
    [
        (_with_threshold, ArgumentError, ""),
        (_torch, ArgumentError, ""),
        (_checkpoint, CheckpointError, r"c.pt`: `conv1`: "),
        (_nir, ExchangeError, r"\(IF\): "),
        (_model, ModelFileError, r"m.slm` is damaged: `conv1.source`: "),
    ],
)
def test_one_message_everywhere(
    tmp_path: Path, build: Callable[[Path, float], None], error: type[SpikeSegLavaError], place: str, value: float
) -> None:
    with pytest.raises(error, match=rf"{place}`(v_)?threshold` must be positive and finite, got {value:g}"):
        build(tmp_path, value)


def test_a_multiplicative_leak_of_the_reference_is_a_share() -> None:
    with pytest.raises(ArgumentError, match=r"`leak_factor` must be from 0 to 1, got 1.5"):
        LIFNeuron(1.0, 1.5, "multiplicative")
