"""A model file gives back the model, and refuses everything that is none."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from spikeseg_lava.errors import ArgumentError, ModelFileError
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel, load_model, save_model
from spikeseg_lava.network.model_file import FORMAT, VERSION, _digest, _json
from spikeseg_lava.quantization.quantize import quantize


@pytest.fixture
def model() -> FixedPointModel:
    """Two layers, asymmetric in everything, made with two planes."""
    rng = np.random.default_rng(0)

    def conv(name: str, shape: tuple[int, ...], neuron: Neuron) -> ConvLayer:
        return ConvLayer(name, rng.uniform(-1, 1, shape).astype(np.float32), neuron, (1, 2), (1, 0))

    first = Neuron(np.array([1.0, 1.5]), np.array([0.1, 0.2]), np.ones(2), bias=np.array([0.3, -0.4]))
    second = Neuron(np.array([0.7]), np.zeros(1), np.array([0.9]), "multiplicative", floor=False)
    layers = (
        conv("conv1", (2, 2, 3, 4), first),
        PoolLayer("pool1", (2, 1), (2, 1)),
        conv("conv.2", (1, 2, 1, 2), second),
    )
    return quantize(
        SpikingNetwork(layers, (12, 16), 8, {"file": "naïve.pt", "digest": "ab", "threshold": 0.1 + 0.2}, 4)
    )


def test_everything_comes_back(model: FixedPointModel, tmp_path: Path):
    save_model(model, tmp_path / "a.slm")
    back = load_model(tmp_path / "a.slm")
    assert back.provenance == model.provenance
    assert (back.input, back.target, back.input_size, back.timesteps) == (model.input, "loihi2", (12, 16), 8)
    assert back.layers[1] == model.layers[1]
    assert back.reset_interval == model.reset_interval == 4
    for old, new in zip(model.convolutions, back.convolutions, strict=True):
        assert_same_layer(old, new)


def assert_same_layer(old: FixedPointConv, new: FixedPointConv) -> None:
    assert (new.name, new.stride, new.padding) == (old.name, old.stride, old.padding)
    assert [plane.exponent for plane in new.planes] == [plane.exponent for plane in old.planes]
    for a, b in zip(old.planes, new.planes, strict=True):
        assert b.weight.dtype == np.int8
        np.testing.assert_array_equal(a.weight, b.weight)
    for pair in ((old.neuron, new.neuron), (old.source.neuron, new.source.neuron)):
        assert pair[0].leak_mode == pair[1].leak_mode
        assert pair[0].floor is pair[1].floor
        for name in vars(pair[0]).keys() - {"leak_mode", "floor"}:
            a, b = (getattr(n, name) for n in pair)
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(old.scale, new.scale)
    np.testing.assert_array_equal(old.source.weight, new.source.weight)
    assert (new.source.name, new.source.stride, new.source.padding) == (old.name, old.stride, old.padding)


def test_loaded_model_runs_as_the_saved_one(model: FixedPointModel, tmp_path: Path):
    model.save(tmp_path / "a.slm")
    frames = np.random.default_rng(1).random((6, 2, 12, 16)).astype(np.float32)
    old, new = (run(m, frames, "torch", False) for m in (model, load_model(tmp_path / "a.slm")))
    assert old.counts["conv1"] > 0
    for name in old.spikes:
        np.testing.assert_array_equal(old.spikes[name], new.spikes[name])


def test_same_model_gives_the_same_bytes(model: FixedPointModel, tmp_path: Path):
    save_model(model, tmp_path / "a.slm")
    save_model(load_model(tmp_path / "a.slm"), tmp_path / "b.slm")
    assert (tmp_path / "a.slm").read_bytes() == (tmp_path / "b.slm").read_bytes()


def test_nothing_is_pickled(model: FixedPointModel, tmp_path: Path):
    save_model(model, tmp_path / "a.slm")
    content = (tmp_path / "a.slm").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert json.loads(header["__metadata__"][FORMAT])["version"] == VERSION
    assert pickle.dumps(1)[:2] not in content[:2]


@pytest.mark.parametrize("length", [0, 5, 200, -1])
def test_truncated_file(model: FixedPointModel, tmp_path: Path, length: int):
    save_model(model, tmp_path / "a.slm")
    (tmp_path / "a.slm").write_bytes((tmp_path / "a.slm").read_bytes()[:length])
    with pytest.raises(ModelFileError, match="no model file, or is cut short"):
        load_model(tmp_path / "a.slm")


def test_altered_integers(model: FixedPointModel, tmp_path: Path):
    save_model(model, tmp_path / "a.slm")
    content = bytearray((tmp_path / "a.slm").read_bytes())
    content[-1] ^= 1
    (tmp_path / "a.slm").write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(tmp_path / "a.slm")


def test_altered_description(model: FixedPointModel, tmp_path: Path):
    save_model(model, tmp_path / "a.slm")
    content = (tmp_path / "a.slm").read_bytes()
    assert b"loihi2" in content
    (tmp_path / "a.slm").write_bytes(content.replace(b"loihi2", b"loihi1", 1))
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(tmp_path / "a.slm")


@pytest.mark.parametrize("version", [0, 3, "1", None])
def test_other_versions(model: FixedPointModel, tmp_path: Path, version: object):
    save_file({"0.scale": np.ones(1)}, tmp_path / "a.slm", {FORMAT: json.dumps({"version": version})})
    with pytest.raises(ModelFileError, match=f"format version {version}, expected 1 or {VERSION}"):
        load_model(tmp_path / "a.slm")


@pytest.mark.parametrize("description", ["[]", "{", '"text"', "null"])
def test_descriptions_that_are_none(tmp_path: Path, description: str):
    save_file({"0.scale": np.ones(1)}, tmp_path / "a.slm", {FORMAT: description})
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "a.slm")


def test_foreign_files(tmp_path: Path):
    save_file({"weight": np.ones(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.slm").write_text("conv1: 127\n" * 100)
    (tmp_path / "pickle.slm").write_bytes(pickle.dumps({"conv1": [1, 2, 3]}))
    with pytest.raises(ModelFileError, match="no fixed-point model"):
        load_model(tmp_path / "other.safetensors")
    for name in ("text.slm", "pickle.slm"):
        with pytest.raises(ModelFileError, match="no model file"):
            load_model(tmp_path / name)


def test_missing_file_and_folder(tmp_path: Path):
    for path in (tmp_path / "none.slm", tmp_path):
        with pytest.raises(ModelFileError, match="cannot be read"):
            load_model(path)


def test_provenance_that_is_no_json(model: FixedPointModel, tmp_path: Path):
    with pytest.raises(ArgumentError, match=r"`model.provenance` must hold what JSON can"):
        save_model(replace(model, provenance={"array": np.ones(2)}), tmp_path / "a.slm")
    assert not list(tmp_path.iterdir())


def test_folder_that_does_not_exist(model: FixedPointModel, tmp_path: Path):
    with pytest.raises(ArgumentError, match="does not exist"):
        save_model(model, tmp_path / "none" / "a.slm")


def test_a_file_of_version_1_has_no_bias_and_no_reset_interval(model: FixedPointModel, tmp_path: Path):
    """Written as version 1 was: the same description and tensors without those of a bias."""
    save_model(model, tmp_path / "new.slm")
    tensors = {name: value for name, value in load_file(tmp_path / "new.slm").items() if not name.endswith("bias")}
    with safe_open(tmp_path / "new.slm", framework="numpy") as file:
        description = json.loads(file.metadata()[FORMAT])
    del description["digest"], description["reset_interval"]
    description["version"] = 1
    description["digest"] = _digest(description, tensors)
    save_file(tensors, tmp_path / "old.slm", {FORMAT: _json(description)})
    old = load_model(tmp_path / "old.slm")
    assert old.reset_interval is None
    for before, after in zip(model.convolutions, old.convolutions, strict=True):
        assert not after.neuron.bias.any()
        assert not after.source.neuron.bias.any()
        np.testing.assert_array_equal(before.neuron.threshold, after.neuron.threshold)
