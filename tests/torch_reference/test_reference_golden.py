"""The float encoder reproduces the records of the original PyTorch encoder on real recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.events.clip import load_clip
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import run_reference

CLIPS = ("atis_s0", "atis_s1", "davis_slider")
SETTINGS = ("theta0.05_fireonce", "theta0.05_refire", "theta0.1_fireonce")
SILENT = {"atis_s1_theta0.1_fireonce", "davis_slider_theta0.1_fireonce"}  # no spike: agreement on nothing
GOLDEN = [f"{clip}_{setting}" for clip in CLIPS for setting in SETTINGS]


def golden(shared: Path, name: str) -> tuple[np.ndarray, SpikeRecord]:
    path = shared / "golden" / f"{name}.npz"
    return load_clip(path), SpikeRecord.load(path)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_record_is_reproduced(shared: Path, name: str):
    frames, expected = golden(shared, name)
    threshold = expected.meta["threshold"][0]
    network = load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=threshold)
    record = run_reference(network, frames, expected.meta["fire_once"])
    assert list(record.spikes) == list(expected.spikes) == ["conv1", "pool1", "conv2", "pool2", "conv3"]
    for layer, rows in expected.spikes.items():
        np.testing.assert_array_equal(record.spikes[layer], rows, err_msg=layer)
    assert record.membranes.keys() == expected.membranes.keys() == {"conv1", "conv2", "conv3"}
    for layer, membrane in expected.membranes.items():
        np.testing.assert_allclose(record.membranes[layer], membrane, rtol=0, atol=1e-5)
    assert (min(record.counts.values()) == 0) == (name in SILENT)
    json.dumps(dict(record.meta))


def test_checkpoint_fires_at_its_own_threshold_without_override(shared: Path):
    frames, expected = golden(shared, "atis_s0_theta0.1_fireonce")
    record = run_reference(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt"), frames, True)
    assert record.counts == expected.counts
    assert record.counts["conv3"] == 171
