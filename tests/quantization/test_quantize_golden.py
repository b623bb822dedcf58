"""The real checkpoint on the real clips: every figure asked of the quantizer."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.chip.rules.check import check_rules
from spikeseg_lava.events.clip import load_clip
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord

CONVOLUTIONS = ("conv1", "conv2", "conv3")
CLIPS = [(clip, 0.05) for clip in ("atis_s0", "atis_s1", "davis_slider")] + [("atis_s0", 0.1)]
RECORDS = [(c, t, m) for c, t in CLIPS for m in ("fireonce", "refire") if not (t == 0.1 and m == "refire")]


@functools.cache
def network(shared: Path, theta: float):
    return load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=theta)


@functools.cache
def made(shared: Path, clip: str | None, theta: float, planes: int | None = None) -> FixedPointModel:
    """Calibrated on one clip in both modes, or without a clip."""
    calibration = None if clip is None else load_clip(golden(shared, clip, theta, "fireonce"))
    return quantize(network(shared, theta), calibration=calibration, planes=planes)


def golden(shared: Path, clip: str, theta: float, mode: str) -> Path:
    return shared / "golden" / f"{clip}_theta{theta}_{mode}.npz"


def agreement(shared: Path, model: FixedPointModel, clip: str, theta: float, mode: str) -> list[float]:
    """IoU of conv1, conv2, conv3 with the golden record."""
    path = golden(shared, clip, theta, mode)
    found = compare(SpikeRecord.load(path), run(model, load_clip(path), "event", mode == "fireonce"), CONVOLUTIONS)
    assert not found.silent_layers
    return [found[name].iou or 0.0 for name in CONVOLUTIONS]


def all_agreements(shared: Path, model: FixedPointModel) -> list[list[float]]:
    return [agreement(shared, model, clip, theta, mode) for clip, theta, mode in RECORDS if theta == 0.05]


@pytest.mark.parametrize("calibration", ["davis_slider", None])
def test_default_keeps_the_spikes_of_clips_that_took_no_part_in_choosing(shared: Path, calibration: str | None):
    found = all_agreements(shared, made(shared, calibration, 0.05))
    assert np.min(found) >= 0.99
    assert np.mean(found) >= 0.999


def test_another_threshold(shared: Path):
    model = made(shared, "atis_s0", 0.1)
    assert min(agreement(shared, model, "atis_s0", 0.1, "fireonce")) >= 0.99


def test_one_plane_on_request(shared: Path):
    model = made(shared, "davis_slider", 0.05, 1)
    assert [len(conv.planes) for conv in model.convolutions] == [1, 1, 1]
    found = all_agreements(shared, model)
    assert np.min(found) >= 0.98
    assert np.mean(found) >= 0.99


def test_default_says_how_both_kinds_of_clips_fared(shared: Path):
    told = made(shared, "davis_slider", 0.05).provenance["quantization"]
    for kind in ("fitted", "unseen"):
        assert min(told["iou"][kind][name] for name in CONVOLUTIONS) >= 0.999


def test_silent_clip_proves_nothing_and_other_clips_choose(shared: Path):
    model = made(shared, "atis_s1", 0.1)
    record = run(model, load_clip(golden(shared, "atis_s1", 0.1, "fireonce")), "event", True)
    assert not any(record.counts.values())
    assert model.provenance["quantization"]["iou"]["fitted"]["conv1"] is None


def test_loihi_1_keeps_its_own_rules(shared: Path):
    binary = np.minimum(load_clip(golden(shared, "atis_s0", 0.05, "fireonce")) * 1000, 1)
    float_network = network(shared, 0.05)
    model = quantize(float_network, "loihi1", binary, fire_once=True)
    record = run(model, binary, "event", True)
    assert not [f for f in check_rules(model, frames=binary, record=record) if f.severity == "error"]
    assert all((conv.neuron.threshold % 64 == 1).all() for conv in model.convolutions)
    found = compare(run(float_network, binary, "torch", True), record, CONVOLUTIONS)
    assert min(layer.iou or 0 for layer in found.layers) >= 0.99


def test_igarss_preset_on_frames_of_counts(shared: Path):
    """Threshold 10 with leaks 9, 1, 0: frames 200 times larger make conv1 do what it does at threshold 0.05."""
    float_network = network(shared, 10.0)
    clip = 200 * load_clip(golden(shared, "atis_s0", 0.05, "fireonce"))
    model = quantize(float_network, calibration=clip, planes=2, input_bits=9, fire_once=True)
    floats, integers = run(float_network, clip, "torch", True), run(model, clip, "event", True)
    found = compare(floats, integers, CONVOLUTIONS)
    assert floats.counts["conv1"] > 100
    assert model.input.bits == 9
    assert 2**8 <= model.input.encode(clip).max() < 2**9
    assert all((found[name].iou or 1.0) >= 0.99 for name in CONVOLUTIONS)
