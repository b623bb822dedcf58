"""Lava graphs against the integer oracle, bit for bit, membranes included; float graphs against the float reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.models import integer_conv, two_plane_clip, two_plane_model, weights
from builders.records import assert_same

from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.lava.graph import build_encoder_graph, build_graph, run_graph, run_lava
from spikeseg_lava.network.floats import PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import STATE_MAX, FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.quantize import quantize
from torch_reference import run_reference

SECONDS = 60.0
GOLDEN = [
    f"{clip}_theta{theta}_{mode}"
    for clip in ("atis_s0", "atis_s1", "davis_slider")
    for theta, mode in (("0.05", "fireonce"), ("0.05", "refire"), ("0.1", "fireonce"))
]
IF_SIGNED = {"floor": False, "leak": 0, "threshold": 4000}
VARIANTS: dict[str, dict[str, Any]] = {
    "subtractive": {},
    "multiplicative": {"leak_mode": "multiplicative", "leak": 0, "decay": [100, 900, 4096, 0]},
    "if without floor": IF_SIGNED,
    "per channel": {"threshold": [5000, 9000, 20000, 7001], "leak": [0, 1, 500, 3000]},
    "biased": {"bias": [900, -300, 0, 2500], "leak": [0, 100, 500, 0]},
    "biased without floor": {
        "bias": [900, -300, 0, 50],
        "leak": 0,
        "decay": 100,
        "leak_mode": "multiplicative",
        "floor": False,
    },
    "strided": {"stride": (2, 3), "padding": (2, 1)},
    "saturating": {"planes": [(np.full((4, 2, 3, 5), 127), 13)], "threshold": STATE_MAX, "leak": 0},
}


@pytest.mark.parametrize("fire_once", [True, False], ids=["fire-once", "refire"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_layer_graph_equals_the_oracle(variant: str, fire_once: bool) -> None:
    model, frames = two_plane_model(**VARIANTS[variant]), two_plane_clip()
    expected = run_reference(model, frames, fire_once)
    assert expected.counts["conv1"]
    assert_same(expected, run_lava(model, frames, fire_once, timeout=SECONDS))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_fused_encoder_equals_the_oracle(variant: str) -> None:
    model, frames = two_plane_model(**VARIANTS[variant]), two_plane_clip()
    assert_same(run_reference(model, frames, True), run_lava(model, frames, True, fused=True, timeout=SECONDS))


@pytest.mark.parametrize(
    "network", [two_plane_model(), SpikingNetwork(tuple(c.source for c in two_plane_model().convolutions))]
)
def test_the_run_configuration_selects_between_equal_encoders(network: Any) -> None:
    frames = two_plane_clip()
    fused, layered = (
        run_graph(build_encoder_graph(network, frames, layered=layered), len(frames), SECONDS)
        for layered in (False, True)
    )
    assert fused.counts["conv2"]
    assert_same(fused, layered)


def test_pools_with_overlap_and_gaps() -> None:
    conv = integer_conv("conv1", [(weights(1, (2, 2, 3, 3)), 0)], 300, 2, padding=None)
    pools = PoolLayer("pool1", (7, 3), (6, 4)), PoolLayer("pool2", (1, 2), (2, 1))
    model, frames = FixedPointModel((conv, *pools), InputCode(6, 1.0)), two_plane_clip(size=(31, 20))
    expected = run_reference(model, frames, False)
    assert expected.counts["pool2"]
    assert_same(expected, run_lava(model, frames, False, timeout=SECONDS))


@pytest.mark.parametrize("fused", [False, True], ids=["layers", "fused"])
def test_state_is_cleared_after_every_reset_interval(fused: bool) -> None:
    model, frames = replace(two_plane_model(bias=[900, -300, 0, 2500]), reset_interval=2), two_plane_clip(steps=7)
    expected = run_reference(model, frames, True)
    assert expected.counts["conv2"] > run_reference(replace(model, reset_interval=None), frames, True).counts["conv2"]
    assert_same(expected, run_lava(model, frames, True, fused=fused, timeout=SECONDS))


@pytest.mark.parametrize("clip", GOLDEN)
def test_golden_clips(shared: Path, clip: str) -> None:
    with np.load(shared / "golden" / f"{clip}.npz") as file:
        frames = file["frames"]
    fire_once = clip.endswith("fireonce")
    threshold = float(clip.split("theta")[1].split("_")[0])
    model = quantize(load_checkpoint(shared / "checkpoints" / "spikeseg_ebssa.pt", threshold=threshold))
    expected = run_reference(model, frames, fire_once)
    assert threshold == 0.1 or min(expected.counts.values()) > 0
    assert_same(expected, run_lava(model, frames, fire_once, timeout=SECONDS))
    if not fire_once:  # the heaviest clips
        assert_same(expected, run_lava(model, frames, fire_once, fused=True, timeout=SECONDS))


@pytest.mark.parametrize("variant", ["subtractive", "multiplicative", "if without floor", "strided", "biased"])
def test_float_graphs_equal_the_float_reference(variant: str) -> None:
    model, frames = two_plane_model(**VARIANTS[variant]), two_plane_clip()
    network = SpikingNetwork(tuple(x.source if isinstance(x, FixedPointConv) else x for x in model.layers))
    expected, found = run_reference(network, frames, True), run_lava(network, frames, True, timeout=SECONDS)
    assert expected.counts["conv1"]
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(rows, found.spikes[name])
    for name, membrane in expected.membranes.items():
        np.testing.assert_allclose(found.membranes[name], membrane, rtol=1e-5, atol=1e-2)


def test_the_record_says_how_far_layers_run_behind() -> None:
    record = run_lava(two_plane_model(), two_plane_clip(), timeout=SECONDS)
    assert record.meta["latency"] == {"conv1": 0, "pool1": 0, "conv2": 0}


def test_only_the_layers_asked_for_are_recorded() -> None:
    frames = two_plane_clip()
    record = run_graph(build_graph(two_plane_model(), frames, record=["conv2"]), len(frames), SECONDS)
    assert list(record.spikes) == ["conv2"]
    assert list(record.membranes) == ["conv1", "conv2"]
