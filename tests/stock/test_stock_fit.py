"""New integers where the given ones do not fit: what they keep, and what is measured on the real checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders.models import planes_conv

from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.approximation import refit_graded, refit_spikes
from spikeseg_lava.stock.cost import compare_methods, measure
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.steps import drives, needed_depth, window_spikes


def test_cutting_large_weights_changes_no_spike() -> None:
    random = np.random.default_rng(4)
    layer = planes_conv("conv2", [random.integers(0, 127, (3, 4, 3, 3))], 30, 6, padding=(1, 1))
    events = (random.random((9, 4, 10, 12)) < 0.02).astype(np.int32)
    cut = refit_spikes(layer, 30)
    assert cut.kernel.max() == 36 < layer.kernel.max()
    spikes = window_spikes(layer, drives(layer, events), 9, fire_once=False)
    assert spikes.sum() > 50
    np.testing.assert_array_equal(window_spikes(cut, drives(cut, events), 9, fire_once=False), spikes)


def test_second_payload_repairs_what_the_first_weight_missed() -> None:
    random = np.random.default_rng(5)
    layer = planes_conv("conv1", [random.integers(-99, 100, (2, 2, 5, 5))], 100, 0)
    units, scale, ratio = 4000, 100.0, 16
    conv, codes = refit_graded(layer, units, scale, ratio, brightest=1.0)
    wanted = units * layer.source.weight / 100
    coarse, repair = np.split(conv.kernel, 2, axis=1)
    one = np.abs(coarse * scale - wanted).max()
    both = np.abs(coarse * scale + repair * scale / ratio - wanted).max()
    assert both <= scale / ratio / 2 + 1e-6 < one / 4
    assert [code.scale for code in codes] == [100.0, 6.25]
    assert (conv.neuron.threshold == units).all()


def test_depth_is_the_longest_window_a_clip_needs() -> None:
    layer = planes_conv("conv1", [np.full((1, 1, 1, 1), 10)], 25, 1)
    assert needed_depth(layer, np.ones((8, 1, 1, 1), np.int32), True, 1.0) == 3
    assert needed_depth(layer, np.full((8, 1, 1, 1), 3), True, 1.0) == 1


@pytest.fixture(scope="module")
def model(shared: Path) -> FixedPointModel:
    return quantize(load_checkpoint(shared / "checkpoints/spikeseg_ebssa.pt", threshold=0.05), "loihi2")


def golden(shared: Path, name: str) -> tuple[np.ndarray, SpikeRecord]:
    path = shared / f"golden/{name}.npz"
    with np.load(path) as clip:
        return clip["frames"], SpikeRecord.load(path)


@pytest.mark.parametrize("mode", ["fireonce", "refire"])
def test_fewest_windows_keep_the_class_spikes_of_other_clips(shared: Path, model: FixedPointModel, mode: str) -> None:
    calibration, _ = golden(shared, f"atis_s0_theta0.05_{mode}")
    network = lower(model, "stock", calibration, fire_once=mode == "fireonce")
    assert max(plan.depth for plan in network.plans.values()) < 5
    for clip in ("atis_s0", "atis_s1", "davis_slider"):
        report = measure(network, *golden(shared, f"{clip}_theta0.05_{mode}"))
        assert report["conv3"].plain_spikes > 500
        assert (report["conv1"].iou or 0) > 0.97
        assert (report["conv3"].iou or 0) > 0.98


def test_methods_side_by_side(shared: Path, model: FixedPointModel) -> None:
    calibration, _ = golden(shared, "atis_s0_theta0.05_fireonce")
    frames, reference = golden(shared, "davis_slider_theta0.05_fireonce")
    exact, auto, plain = compare_methods(model, calibration, frames, reference, ("exact", "auto", "unfloored"))
    ious = [report["conv3"].iou or 0 for report in (exact, auto, plain)]
    assert min(ious[:2]) > 0.98 > 0.72 > ious[2]
    assert exact.neurons > auto.neurons > plain.neurons
    assert exact.spikes > 10 * auto.spikes
    assert (exact["conv1"].gadget, exact["conv1"].neurons) == ("mirror", 4 * exact["conv1"].plain_neurons)
    assert "mirror" in str(exact)
    assert "windows 3" in str(auto)
    assert auto.to_json()["layers"][0]["layer"] == "conv1"
