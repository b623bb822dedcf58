"""The real checkpoint on the real clips: every figure the design asks of the quantiser."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.events.clip import load_clip
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.bounds import layer_ranges
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord

CONVOLUTIONS = ("conv1", "conv2", "conv3")
CLIPS = [(clip, 0.05) for clip in ("atis_s0", "atis_s1", "davis_slider")] + [("atis_s0", 0.1)]
RECORDS = [(c, t, m) for c, t in CLIPS for m in ("fireonce", "refire") if not (t == 0.1 and m == "refire")]
SILENT = [("atis_s1", 0.1), ("davis_slider", 0.1)]


@functools.cache
def network(shared: Path, theta: float):
    return load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=theta)


@functools.cache
def default_model(shared: Path, clip: str, theta: float) -> FixedPointModel:
    """Calibrated on the clip itself, in both modes at once."""
    return quantize(network(shared, theta), calibration=load_clip(golden(shared, clip, theta, "fireonce")))


def golden(shared: Path, clip: str, theta: float, mode: str) -> Path:
    return shared / "golden" / f"{clip}_theta{theta}_{mode}.npz"


def agreement(shared: Path, model: FixedPointModel, clip: str, theta: float, mode: str) -> list[float]:
    """IoU of conv1, conv2, conv3 with the golden record."""
    path = golden(shared, clip, theta, mode)
    found = compare(SpikeRecord.load(path), run(model, load_clip(path), "event", mode == "fireonce"), CONVOLUTIONS)
    assert not found.silent_layers
    return [found[name].iou or 0.0 for name in CONVOLUTIONS]


@pytest.mark.parametrize(("clip", "theta", "mode"), RECORDS)
def test_default_setting_keeps_every_spike_of_its_clip(shared: Path, clip: str, theta: float, mode: str):
    conv1, conv2, conv3 = agreement(shared, default_model(shared, clip, theta), clip, theta, mode)
    assert (conv1, conv3) == (1.0, 1.0)
    assert conv2 >= 0.999


@pytest.mark.parametrize(("clip", "theta"), CLIPS)
def test_default_setting_is_one_plane_and_ten_bits_at_most(shared: Path, clip: str, theta: float):
    model = default_model(shared, clip, theta)
    assert [len(conv.planes) for conv in model.convolutions] == [1, 1, 1]
    assert model.input.bits <= 10
    assert all(layer.saturation == "impossible" for layer in layer_ranges(model).values())


@pytest.mark.parametrize(("clip", "theta"), SILENT)
def test_silent_clip_proves_nothing_and_gets_the_finest_setting(shared: Path, clip: str, theta: float):
    model = default_model(shared, clip, theta)
    assert [len(conv.planes) for conv in model.convolutions] == [2, 2, 2]
    record = run(model, load_clip(golden(shared, clip, theta, "fireonce")), "event", True)
    assert not any(record.counts.values())


@pytest.mark.parametrize(("clip", "theta", "mode"), RECORDS)
def test_without_calibration(shared: Path, clip: str, theta: float, mode: str):
    assert min(agreement(shared, quantize(network(shared, theta)), clip, theta, mode)) >= 0.999


@pytest.mark.parametrize("per_channel", [False, True])
def test_one_plane_without_calibration_beats_naive_rounding(shared: Path, per_channel: bool):
    model = quantize(network(shared, 0.05), planes=1, input_bits=8, per_channel=per_channel)
    found = [agreement(shared, model, clip, theta, mode) for clip, theta, mode in RECORDS if theta == 0.05]
    assert (np.min(found, axis=0) > (0.923, 0.946, 0.981)).all()


def test_one_model_for_all_clips(shared: Path):
    clips = [load_clip(golden(shared, clip, theta, "fireonce")) for clip, theta in CLIPS if theta == 0.05]
    model = quantize(
        network(shared, 0.05), calibration=clips, planes=1, input_bits=10, rounding="calibrated", fire_once=False
    )
    found = [agreement(shared, model, clip, theta, mode) for clip, theta, mode in RECORDS if theta == 0.05]
    assert np.min(found) == 1.0


def test_igarss_preset_on_frames_of_counts(shared: Path):
    """Threshold 10 with leaks 9, 1, 0: frames 200 times larger make conv1 do what it does at threshold 0.05."""
    float_network = network(shared, 10.0)
    clip = 200 * load_clip(golden(shared, "atis_s0", 0.05, "fireonce"))
    model = quantize(float_network, calibration=clip, planes=2, input_bits=9, fire_once=True)
    floats, integers = run(float_network, clip, "torch", True), run(model, clip, "event", True)
    found = compare(floats, integers, CONVOLUTIONS)
    assert floats.counts["conv1"] > 100
    assert model.input.encode(clip).max() == model.input.largest
    assert all((found[name].iou or 1.0) >= 0.99 for name in CONVOLUTIONS)
