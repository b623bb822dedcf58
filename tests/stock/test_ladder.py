"""The first hour on a board: every rung fires, adds one thing, and a bundle holds what a board needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from builders.models import stock_frames, stock_model

from spikeseg_lava.stock.ladder import ladder, write_bundle
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.on_chip import report_network
from spikeseg_lava.stock.parts import PointSynapse


def test_every_rung_fires_in_every_layer_and_adds_to_the_one_before() -> None:
    rungs = ladder()
    assert all(min(rung.expected.counts.values()) > 0 for rung in rungs)
    assert rungs[0].expected.spikes["lif"][:, 0].tolist() == [2, 5]  # 1 a step, threshold 3
    parts = [len(rung.network.populations) for rung in rungs]
    assert parts == sorted(parts)
    resets = [any(population.reset for population in rung.network.populations) for rung in rungs]
    latches = [any(isinstance(s, PointSynapse) for s in rung.network.synapses) for rung in rungs]
    assert (resets, latches) == ([False, False, True, True], [False, False, False, True]) or latches[2]
    assert latches[3]


def test_a_bundle_holds_manifest_parts_and_vectors(tmp_path: Path) -> None:
    model, frames = stock_model(0), stock_frames(0, 4)
    network = lower(model, calibration=frames)
    manifest = json.loads(write_bundle(network, frames, report_network(model, network, frames), tmp_path).read_text())
    neurons = sum(core["neurons"] for core in manifest["cores"])
    assert neurons == sum(population.neurons for population in network.populations)
    assert len(manifest["step_time_us"]) == manifest["chip_steps"] == network.chip_steps(4)
    assert set(manifest["layers"]) == {"conv1", "pool1", "conv2"}
    assert manifest["host_bytes_a_step"]["to_chip"] > 0
    parts, vectors = np.load(tmp_path / "parts.npz"), np.load(tmp_path / "vectors.npz")
    assert {p["name"] for p in manifest["populations"]} <= set(vectors.files)
    assert all(f"{s['name']}.weight" in parts.files for s in manifest["synapses"] if s["kind"] == "Conv")
    fired = vectors[manifest["layers"]["conv1"]["population"]]
    assert len(fired) == manifest["layers"]["conv1"]["spikes"] > 0


def test_a_dry_run_shows_what_every_rung_must_fire(cli: Callable) -> None:
    done = cli("board", "--dry-run", "--json")
    assert done.code == 0
    rungs = json.loads(done.out)
    assert [rung["rung"] for rung in rungs] == ["one LIF", "one Conv", "one layer", "the encoder"]
    assert [layer["layer"] for layer in rungs[-1]["layers"]] == ["conv1", "pool1", "conv2"]


def test_without_a_board_or_a_clip_one_line_says_what_is_missing(cli: Callable, tmp_path: Path) -> None:
    assert "Lava extension for Loihi" in cli("board").err
    assert "name both" in cli("board", "--bundle", tmp_path / "out").err
