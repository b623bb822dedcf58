"""The commands on the real checkpoint and clips: the figures and sentences a user reads, word by word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from builders.models import planes_conv

from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord

LAYERS = ("conv1", "pool1", "conv2", "pool2", "conv3")


@pytest.fixture
def checkpoint(shared: Path) -> Path:
    return shared / "checkpoints" / "spikeseg_ebssa.pt"


@pytest.fixture
def clip(shared: Path) -> Path:
    return shared / "golden" / "atis_s0_theta0.05_fireonce.npz"


def test_run_on_torch_writes_the_golden_record(cli, checkpoint: Path, clip: Path) -> None:
    done = cli("run", checkpoint, clip, "--threshold", 0.05, "--fire-once", "--backend", "torch", "--output", "r.npz")
    assert done.code == 0, done.err
    with np.load("r.npz", allow_pickle=False) as written, np.load(clip, allow_pickle=False) as golden:
        for name in LAYERS:
            assert written[name].dtype == np.int32
            assert np.array_equal(written[name], golden[name])
        assert np.abs(written["conv2_membrane"] - golden["conv2_membrane"]).max() < 1e-5
        assert json.loads(str(written["meta"]))["fire_once"] is True


def test_run_on_lava_quantizes_first_and_keeps_the_spikes(cli, checkpoint: Path, clip: Path) -> None:
    done = cli("run", checkpoint, clip, "--threshold", 0.05, "--backend", "lava", "--output", "r.npz", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["spikes"]["conv3"] == 558
    record, golden = SpikeRecord.load("r.npz"), SpikeRecord.load(clip)
    assert record.membranes["conv1"].dtype == np.int32
    assert np.array_equal(record.spikes["conv3"], golden.spikes["conv3"])


def test_verify_prints_one_json_object(cli, checkpoint: Path, clip: Path) -> None:
    done = cli("verify", checkpoint, clip, "--threshold", 0.05, "--fire-once", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["bit_exact"] is True
    assert result["verdict"] == "pass"
    assert result["layers"]["conv1"] | {"first_difference": None} == {
        "reference_spikes": 200,
        "fixed_spikes": 200,
        "common_spikes": 200,
        "iou": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "first_difference": None,
        "membrane_difference": None,
    }


def test_verify_refuses_a_verdict_on_silence(cli, checkpoint: Path, shared: Path) -> None:
    silent = shared / "golden" / "davis_slider_theta0.1_fireonce.npz"
    done = cli("verify", checkpoint, silent, "--threshold", 0.1, "--json", "--backend", "event")
    assert done.code == 3
    assert json.loads(done.out)["verdict"] == "no_spikes"


def test_a_converted_model_gives_the_same_spikes(cli, checkpoint: Path, clip: Path) -> None:
    done = cli("convert", checkpoint, "m.slm", "--threshold", 0.05, "--calibration", clip)
    assert done.code == 0, done.err
    assert "unseen" in done.out
    assert cli("run", "m.slm", clip, "--backend", "event", "--output", "r.npz").code == 0
    assert np.array_equal(SpikeRecord.load("r.npz").spikes["conv2"], SpikeRecord.load(clip).spikes["conv2"])
    assert cli("verify", "m.slm", clip, "--backend", "event").code == 0
    refused = cli("run", "m.slm", clip, "--threshold", 0.1)
    assert refused.code == 2
    assert "convert the checkpoint" in refused.err


def test_a_recording_runs_as_one_sample(cli, checkpoint: Path, shared: Path) -> None:
    recording = shared / "recordings" / "davis_slider.txt"
    done = cli("run", checkpoint, recording, "--threshold", 0.05, "--timesteps", 4, "--size", "60x40", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["meta"]["steps"] == 4
    assert result["meta"]["shapes"]["conv1"] == [4, 40, 60]
    assert result["spikes"]["conv1"] > 0


@pytest.mark.parametrize("command", ["run", "verify"])
def test_stock_parts_are_made_of_what_is_left_after_simplification(cli, tmp_path: Path, command: str) -> None:
    """The second map is a copy of the first; in silence nothing has to spike."""
    kernel = np.full((2, 2, 3, 3), 4)
    layers = (planes_conv("conv1", [kernel], 30, 1), planes_conv("conv2", [np.full((1, 2, 1, 1), 3)], 2, 0))
    FixedPointModel(layers, InputCode(3, 1.0), input_size=(6, 8)).save(tmp_path / "twice.slm")
    np.savez(tmp_path / "clip.npz", frames=np.full((3, 2, 6, 8), 2, np.float32))
    maps = []
    for words in ((), ("--no-simplify",), ("--simplify", "--backend", "event")):
        done = cli(command, "twice.slm", "clip.npz", "--backend", "stock", *words, "--json")
        assert done.code == 0, done.err
        found = json.loads(done.out)
        maps.append(found["meta"]["shapes"]["conv1"][0] if command == "run" else found["exactness"])
    if command == "run":
        assert maps == [1, 2, 1]
