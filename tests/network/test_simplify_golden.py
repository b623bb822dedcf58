"""The real checkpoint: half of conv1 goes, and every golden record stays as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network.simplification import savings, simplify
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference import run_reference

CLIPS = [
    "atis_s0_theta0.05_fireonce",
    "atis_s0_theta0.1_fireonce",
    "atis_s0_theta0.05_refire",
    "davis_slider_theta0.05_fireonce",
]


def _threshold(clip: str) -> float:
    return float(clip.split("theta")[1].split("_")[0])


def test_half_of_conv1_and_nearly_all_of_conv2_go(shared: Path) -> None:
    small = simplify(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05))
    assert small.maps["conv1"] == (0, 1, 0, 1)
    saved = savings(small, (128, 128))
    # conv2's weights are beyond the level at which one spike fires: 35 of its 36 maps fire alike.
    assert small.maps["conv2"] == (0, *[1] * 35)
    assert (saved.before["conv2"].synapses, saved.after["conv2"].synapses) == (14_197_824, 394_384)
    assert saved.neurons_removed == 214_016 - 41_984
    assert saved.synapses_removed == 19_031_456 - 2_092_096


@pytest.mark.parametrize("clip", CLIPS)
def test_every_layer_of_the_golden_record_comes_back(shared: Path, clip: str) -> None:
    golden = SpikeRecord.load(shared / "golden" / f"{clip}.npz")
    frames = np.load(shared / "golden" / f"{clip}.npz")["frames"]
    small = simplify(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=_threshold(clip)))
    record = small.restored(run_reference(small.network, frames, fire_once="fireonce" in clip))
    assert len(golden.spikes["conv3"]) > 100
    for name, rows in golden.spikes.items():
        np.testing.assert_array_equal(record.spikes[name], rows)


def test_its_integers_stay_exact(shared: Path) -> None:
    frames = np.load(shared / "golden" / "atis_s0_theta0.05_fireonce.npz")["frames"][:, :, 32:96, 32:96]
    model = quantize(
        load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=0.05), planes=2, input_bits=12
    )
    small = simplify(model)
    assert small.maps["conv1"] == (0, 1, 0, 1)
    before, after = run_reference(model, frames), run_reference(small.network, frames)
    assert before.counts["conv3"] > 20
    np.testing.assert_array_equal(after.membranes["conv3"], before.membranes["conv3"])
    for name, rows in small.restored(after).spikes.items():
        np.testing.assert_array_equal(rows, before.spikes[name])
