"""Models, checkpoints, graphs, clips, records and results that a stranger has altered: read, or refused in one error.

Mutations of small valid files, drawn from a seed. SPIKESEG_LAVA_FUZZ=100 draws a hundred times as many.
"""

from __future__ import annotations

import json
import os
import random
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.models import planes_conv, pooled_model, pooled_run
from safetensors.numpy import save

from spikeseg_lava.errors import SpikeSegLavaError
from spikeseg_lava.evaluation.results import Result, ResultsFile, Settings
from spikeseg_lava.evaluation.volumes import Counts
from spikeseg_lava.events.clip import load_clip, save_clip
from spikeseg_lava.exchange.checkpoint.file import write_checkpoint
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.exchange.netx.read import from_netx
from spikeseg_lava.exchange.netx.write import write_netx
from spikeseg_lava.exchange.nir.read import from_nir
from spikeseg_lava.exchange.nir.write import write_nir
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network import model_file
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel, load_model, save_model
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.spikes.spike_file import SpikeFile, SpikeWriter

MORE = int(os.environ.get("SPIKESEG_LAVA_FUZZ", "1"))
SLOWEST = 20.0  # seconds for one damaged file
SETTINGS = asdict(Settings())


def network() -> SpikingNetwork:
    weight = np.random.default_rng(1).uniform(-1, 1, (3, 2, 3, 3)).astype(np.float32)
    neuron = Neuron(np.full(3, 0.5), np.full(3, 0.1), np.ones(3))
    return SpikingNetwork(
        (ConvLayer("conv1", weight, neuron, (1, 1), (1, 1)), PoolLayer("pool1", (2, 2), (2, 2))), (6, 10), 3
    )


def write_state(path: Path) -> None:
    layer = network().convolutions[0]
    state = {"conv1.conv.weight": layer.weight, "conv1.neuron.threshold": np.float32(0.5)}
    state |= {"conv1.neuron.leak": np.float32(0.1), "conv1.neuron.beta": np.float32(1)}
    write_checkpoint(path, state, {"data": {"n_timesteps": 3, "input_height": 6, "input_width": 10}})


def write_chip_model(path: Path) -> None:
    weight = np.random.default_rng(1).integers(-9, 10, (3, 2, 3, 3))
    layer = planes_conv("conv1", [weight], 20, 0, padding=(1, 1), floor=False)
    write_netx(FixedPointModel((layer,), InputCode(1, 1.0), input_size=(6, 10)), path)


def write_spikes(path: Path) -> None:
    with SpikeWriter(path, {"layers": ["conv1"]}) as writer:
        writer.append({"conv1": pooled_run()[1].spikes["conv1"]}, 3, 0)
        writer.finish()


def read_spikes(path: Path) -> None:
    with SpikeFile(path) as file:
        list(file)


def write_results(path: Path) -> None:
    counts = Counts(*([1] * len(fields(Counts))))
    list(ResultsFile(path, SETTINGS).keep([Result("a.mat", "a", "davis", "float", counts, 5, (True, False))]))


WRITE: dict[str, Callable[[Path], None]] = {
    "a.slm": lambda path: save_model(pooled_model(), path),
    "a.pt": write_state,
    "a.nir": lambda path: write_nir(network(), path),
    "a.net": write_chip_model,
    "clip.npz": lambda path: save_clip(path, pooled_run()[0]),
    "record.npz": lambda path: pooled_run()[1].save(path),
    "spikes.h5": write_spikes,
    "results.json": write_results,
}
READ: dict[str, Callable[[Path], Any]] = {
    "a.slm": load_model,
    "a.pt": load_checkpoint,
    "a.nir": from_nir,
    "a.net": from_netx,
    "clip.npz": load_clip,
    "record.npz": SpikeRecord.load,
    "spikes.h5": read_spikes,
    "results.json": lambda path: ResultsFile(path, SETTINGS),
}
COUNT = {"a.nir": 6, "a.net": 20, "a.pt": 40, "spikes.h5": 60}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, and sometimes a piece cut out, doubled or the end lost."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        data[rng.randrange(len(data))] = rng.choice([0, 1, 0x2D, 0x39, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    at, length = rng.randrange(len(data)), rng.randrange(1, 64)
    kind = rng.randrange(8)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        del data[at : at + length]
    elif kind == 2:
        data[at:at] = data[at : at + length]
    return bytes(data)


@pytest.mark.parametrize("name", WRITE)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    WRITE[name](tmp_path / name)
    content, rng, refused = (tmp_path / name).read_bytes(), random.Random(name), 0
    READ[name](tmp_path / name)
    for number in range(MORE * COUNT.get(name, 100)):
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(mutated(content, rng))
        begin = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                READ[name](path)
            except SpikeSegLavaError:
                refused += 1
        assert time.monotonic() - begin < SLOWEST
        path.unlink()
    print(f"{name}: {refused} of {MORE * COUNT.get(name, 100)} refused")
    assert refused > 0


VALUES: list[Any] = [
    0,
    1,
    -1,
    2,
    3,
    10**6,
    10**30,
    0.5,
    -1e300,
    float("nan"),
    None,
    True,
    "",
    "conv1",
    "x" * 500,
    [],
    {},
]
VALUES += [[0, 0], [1, 1], [-3, 2], [10**6, 1], ["a", 1], [1], "\x1b[2J\n", "frames", "subtractive", "multiplicative"]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a JSON tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in items for place in [(tree, key), *places(value)]]


def altered_model(content: bytes, rng: random.Random) -> bytes:
    """A model file with one field or tensor altered, and a digest that is right."""
    description, tensors = model_file._unpacked(content)
    if rng.random() < 0.7:
        description["provenance"] = {}
        container, key = rng.choice(places(description))
        if rng.random() < 0.15:
            del container[key]
        else:
            container[key] = rng.choice(VALUES)
    else:
        name = rng.choice(sorted(tensors))
        value = tensors.pop(name).copy()
        change = rng.randrange(5)
        if change == 0:
            value = value.astype(rng.choice([np.int8, np.int32, np.float32, np.float64]))
        elif change == 1 and value.ndim:
            value = np.concatenate([value, value])
        elif change == 2:
            value.flat[rng.randrange(value.size)] = rng.choice([0, 1, -1, 127, -128])
        elif change == 3:
            value = value.reshape(-1)
        if change < 4:
            tensors[name] = value
    description["digest"] = model_file._digest(description, tensors)
    return save(tensors, {model_file.FORMAT: json.dumps(description, sort_keys=True)})


def test_an_altered_model_is_refused_or_all_executors_agree(tmp_path: Path) -> None:
    save_model(pooled_model(), tmp_path / "a.slm")
    content, rng, agreed = (tmp_path / "a.slm").read_bytes(), random.Random(3), 0
    frames, messages = pooled_run()[0], list[str]()
    for _ in range(MORE * 40):
        (tmp_path / "b.slm").write_bytes(altered_model(content, rng))
        try:
            model = load_model(tmp_path / "b.slm")
            oracle = run(model, frames, "torch")
        except SpikeSegLavaError as error:
            messages.append(str(error))
            continue
        engine = run(model, frames, "event")
        assert all(np.array_equal(oracle.spikes[x], engine.spikes[x]) for x in oracle.spikes)
        assert all(np.array_equal(oracle.membranes[x], engine.membranes[x]) for x in oracle.membranes)
        agreed += compare(oracle, engine).identical
    print(f"altered models: {len(messages)} refused, {agreed} identical of {MORE * 40}")
    assert len(messages) > 10 * MORE
    assert agreed > MORE
    assert all("\n" not in message and len(message) < 1000 for message in messages)
