"""A second judge: SANA-FE, an independent simulator, runs what is written for it and fires the same spikes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.models import STOCK_SIZE, planes_conv, stock_frames, stock_model
from numpy.typing import NDArray

from spikeseg_lava.chip.sanafe import (
    read_sanafe_result,
    sanafe_record,
    sanafe_table,
    small_cores,
    write_sanafe,
)
from spikeseg_lava.chip.targets import get_target
from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network import counting
from spikeseg_lava.network.integers import InputCode, byte_planes
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.simplification import simplify
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.stock.on_chip import build_report

PACKAGE = importlib.util.find_spec("sanafe")
RUN = """
import json, sys, sanafe
folder, steps = sys.argv[1], int(sys.argv[2])
arch = sanafe.load_arch(folder + "/architecture.yaml")
chip = sanafe.SpikingChip(arch)
chip.load(sanafe.load_net(folder + "/network.yaml", arch))
result = chip.sim(steps, timing_model="simple", spike_trace=True)
trace = [[str(neuron) for neuron in fired] for fired in result.pop("spike_trace")]
kept = {key: result[key] for key in ("energy", "sim_time", "spikes", "neurons_fired")}
json.dump({"trace": trace, **kept}, open(folder + "/result.json", "w"))
"""


@pytest.fixture
def sanafe() -> None:
    if PACKAGE is None:
        pytest.skip("sanafe is not installed: `uv sync` brings it where it has a wheel")


def judged(folder: Path, steps: int) -> dict[str, Any]:
    """SANA-FE's result, from a process of its own: it ends the process where it finds a fault."""
    command = [sys.executable, "-c", RUN, str(folder), str(steps)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads((folder / "result.json").read_text())


@pytest.mark.usefixtures("sanafe")
@pytest.mark.parametrize(("seed", "fire_once"), [(0, True), (1, False), (3, True)])
def test_sanafe_fires_the_same_spikes_one_step_late_a_layer(tmp_path: Path, seed: int, fire_once: bool) -> None:
    model, frames = stock_model(seed), stock_frames(seed, 6)
    write_sanafe(model, tmp_path, frames, fire_once=fire_once)
    result = judged(tmp_path, 6 + len(model.layers) + 1)
    expected = run_engine(model, frames, fire_once)
    assert expected.counts["conv1"] > 10
    assert compare(expected, sanafe_record(model, result["trace"], 6)).identical


@pytest.mark.usefixtures("sanafe")
def test_decay_and_adjoining_convolutions_are_the_contracts(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    layers = (
        planes_conv("conv1", [random.integers(-20, 40, (3, 2, 3, 2))], 150, 0, decay=1111, padding=(1, 0)),
        planes_conv("conv2", [random.integers(-20, 40, (2, 3, 2, 3))], 40, 0, padding=(1, 1), floor=False),
    )
    model = FixedPointModel(layers, InputCode(3, 1.0), input_size=STOCK_SIZE)
    frames = stock_frames(5, 8)
    write_sanafe(model, tmp_path, frames, fire_once=False)
    expected = run_engine(model, frames, fire_once=False)
    assert min(expected.counts.values()) > 10
    assert compare(expected, sanafe_record(model, judged(tmp_path, 11)["trace"], 8)).identical


# Few input bits keep the judge fast and cost fidelity, which is not what is tested here.
@pytest.mark.filterwarnings("ignore:the integers keep less than:UserWarning")
@pytest.mark.usefixtures("sanafe")
@pytest.mark.parametrize("clip", range(3))
def test_the_simplified_checkpoint_fires_the_same_on_golden_clips(shared: Path, tmp_path: Path, clip: int) -> None:
    path = sorted((shared / "golden").glob("*theta0.05_refire.npz"))[clip]
    frames = np.load(path)["frames"]
    steps = len(frames)
    network = simplify(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05)).network
    model = quantize(network, calibration=frames, input_bits=2)  # every bit is an input neuron, every synapse a line
    size = (frames.shape[2], frames.shape[3])
    write_sanafe(model, tmp_path, frames)
    result = judged(tmp_path, steps + len(model.layers) + 1)
    expected = run_engine(model, frames)
    assert min(expected.counts.values()) > 0
    found = sanafe_record(model, result["trace"], steps, size)
    assert compare(expected, found).identical
    report = build_report(model, small_cores(get_target("loihi2")), frames=frames, record=expected, neurons="own")
    rows = {row[0]: row[1:] for row in sanafe_table(result, report).rows}
    assert all(value > 0 for row in rows.values() for value in row)


def gestures() -> tuple[FixedPointModel, NDArray[np.float32]]:
    """The DVS-gesture network that SANA-FE ships, its input neurons run here: biases, threshold 255, hard reset."""
    assert PACKAGE is not None
    assert PACKAGE.submodule_search_locations is not None
    data = np.load(Path(PACKAGE.submodule_search_locations[0]) / "examples" / "dvs_challenge.npz")
    membrane, frames = np.zeros(1024), np.zeros((1000, 1, 32, 32), np.float32)
    for now in frames:
        membrane += data["inputs"]
        fired = membrane > data["thresholds"][0]
        membrane[fired] = 0
        now[0] = fired.reshape(32, 32)
    weights = [data[f"conv{k}"].transpose(3, 2, 0, 1) for k in (1, 2, 3, 4)]
    weights.append(data["dense1"].reshape(11, 9, 9, 11).transpose(3, 0, 1, 2))
    layers = []
    for k, (weight, threshold) in enumerate(zip(weights, data["thresholds"][1:], strict=True), 1):
        planes = byte_planes(weight.astype(np.int64), 0)
        given: list[NDArray[Any]] = [plane.weight for plane in planes]
        layers.append(
            planes_conv(
                f"layer{k}", given, int(threshold) + 1, 0, exponents=tuple(plane.exponent for plane in planes),
                stride=(2, 2) if k == 1 else (1, 1), floor=False,
            )
        )  # fmt: skip
    return FixedPointModel(tuple(layers), InputCode(1, 1.0), input_size=(32, 32)), frames


@pytest.mark.usefixtures("sanafe")
def test_the_gesture_network_sanafe_ships_has_its_counts_on_our_engine() -> None:
    """365,277 spikes and 51,549,374 synaptic operations in 1,000 steps, each layer one step late there."""
    model, frames = gestures()
    record = run_engine(model, frames, fire_once=False)
    below, shape = np.argwhere(frames), (1, 32, 32)
    spikes, operations = len(below), 0
    for late, layer in enumerate(model.convolutions):
        operations += counting.synaptic_operations(layer, shape, below[below[:, 0] < 1000 - late]) // len(layer.planes)
        shape, below = layer.output_shape(shape), record.spikes[layer.name]
        spikes += int((below[:, 0] < 999 - late).sum())
    assert (spikes, operations) == (365_277, 51_549_374)


def test_the_report_shows_its_result_beside_ours(cli: Any, tmp_path: Path) -> None:
    result = {"energy": {"total": 3e-6, "synapse": 1e-6}, "sim_time": 2e-5, "spikes": 77, "neurons_fired": 12}
    (tmp_path / "result.json").write_text(json.dumps(result))
    stock_model(0).save(tmp_path / "a.slm")
    np.savez(tmp_path / "clip.npz", frames=stock_frames(0))
    done = cli("report", "a.slm", "clip.npz", "--sanafe", "result.json", "--json")
    table = json.loads(done.out)["further"][0]
    assert "SANA-FE" in table["title"]
    assert [row[2] for row in table["rows"]] == [3.0, 20.0, 77, 12]
    assert all(row[1] > 0 for row in table["rows"])
    assert "name a clip" in cli("report", "a.slm", "--sanafe", "result.json").err


@pytest.mark.parametrize("text", ["", "[1]", '{"energy": 3}', '{"energy": {"total": "x"}, "sim_time": 1}'])
def test_other_files_are_no_result(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ArgumentError, match="is no result of SANA-FE"):
        read_sanafe_result(tmp_path / "result.json")


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ArgumentTypeError, match="must be a FixedPointModel"):
        write_sanafe("model", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`size` is needed"):
        write_sanafe(FixedPointModel(stock_model(0).layers, InputCode(3, 1.0)), tmp_path)
    with pytest.raises(ArgumentError, match="`conv1` moves without input"):
        write_sanafe(stock_model(0, floor=False), tmp_path)
    with pytest.raises(ArgumentError, match="`reset_interval`"):
        write_sanafe(replace(stock_model(0), reset_interval=4), tmp_path)
    layers = stock_model(0).layers
    first: Any = layers[0]
    biased = replace(first, neuron=replace(first.neuron, bias=np.full_like(first.neuron.leak, 10_000)))
    with pytest.raises(ArgumentError, match="`conv1` moves without input"):
        write_sanafe(replace(stock_model(0), layers=(biased, *layers[1:])), tmp_path)


def test_without_a_clip_the_network_is_written_silent(tmp_path: Path) -> None:
    architecture, network = write_sanafe(stock_model(0), tmp_path / "new")
    assert " [spikes:" not in network.read_text()
    assert "model: leaky_integrate_fire" in architecture.read_text()
