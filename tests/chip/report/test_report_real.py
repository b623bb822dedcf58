"""The trained network on a real clip: the figures known of it, and operations that PyTorch counts the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from spikeseg_lava.chip.report.html import render_html
from spikeseg_lava.chip.report.report import compose_report
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.record import SpikeRecord


def test_trained_network_on_a_golden_clip(shared: Path) -> None:
    clip = shared / "golden" / "davis_slider_theta0.05_refire.npz"
    frames, record = np.load(clip)["frames"], SpikeRecord.load(clip)
    model = quantize(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05), planes=1)
    report = compose_report(model, frames=frames, record=record)
    values = {key: figure.value for key, figure in report.figures.items()}
    assert (values["network.neurons"], values["network.synapses"]) == (214_016, 19_031_456)
    assert [values[f"conv{k}.synapses"] for k in (1, 2, 3)] == [3_215_648, 14_197_824, 1_617_984]
    assert values["network.spikes"] == sum(record.counts.values()) > 1000
    reached = torch.as_tensor(model.input.encode(frames) > 0).double()
    taps = torch.nn.functional.conv2d(reached, torch.ones(4, 2, 5, 5, dtype=torch.float64), padding=2)
    assert values["conv1.operations"] == int(taps.sum())
    assert report.count("error") == 0
    assert "19,031,456" in render_html(report)


def test_a_wide_sensor_is_warned_of(shared: Path) -> None:
    model = quantize(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt"), planes=1)
    report = compose_report(model, size=(240, 304))
    wide = [finding.layer for finding in report.findings if finding.rule == "wide_input"]
    assert wide == ["conv1", "pool1"]
    assert report.resources.chips == 4
