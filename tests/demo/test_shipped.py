"""The shipped checkpoint and clip: small, made by the committed script; the network finds streaks and little else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spikeseg_lava import demo
from spikeseg_lava.demo import make
from spikeseg_lava.demo.make import demo_network, ridge
from spikeseg_lava.events.synthetic import Scene, synthesize
from spikeseg_lava.pictures.sample import layer_size, sensor_positions
from torch_reference.encoder import run_reference


def found(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Sensor pixels (x, y) of the conv3 spikes of a scene."""
    record = run_reference(demo_network(), scene.frames(make.TIMESTEPS))
    return sensor_positions(record.spikes["conv3"], layer_size(record, "conv3"), scene.plan.size)


def coverage(scene: Scene, x: np.ndarray, y: np.ndarray, radius: float = 8.0) -> float:
    """Part of the visible path with a conv3 spike within `radius` pixels."""
    height, width = scene.plan.size
    path = scene.truth.positions(np.linspace(0, scene.plan.duration_us, 200)).reshape(-1, 2)
    path = path[(path >= 0).all(axis=1) & (path[:, 0] < width) & (path[:, 1] < height)]
    near = np.hypot(path[:, :1] - x, path[:, 1:] - y) <= radius
    return float(near.any(axis=1).mean())


def test_shipped_files_are_small():
    paths = (demo.checkpoint_path(), demo.clip_path(), demo.events_path())
    assert sum(path.stat().st_size for path in paths) < 300_000


def test_script_makes_the_shipped_files_again(tmp_path):
    make.make(tmp_path)
    assert (tmp_path / demo.events_path().name).read_bytes() == demo.events_path().read_bytes()
    made, shipped = (torch.load(p / demo.checkpoint_path().name, weights_only=True) for p in (tmp_path, demo.DATA))
    assert made["config"] == shipped["config"]
    assert made["model_state_dict"].keys() == shipped["model_state_dict"].keys()
    for key, value in shipped["model_state_dict"].items():
        torch.testing.assert_close(made["model_state_dict"][key], value, rtol=0, atol=1e-6)
    with np.load(tmp_path / demo.clip_path().name) as again, np.load(demo.clip_path()) as clip:
        np.testing.assert_array_equal(again["frames"], clip["frames"])
        np.testing.assert_array_equal(again["truth"], clip["truth"])


def test_checkpoint_has_the_layout_of_a_trained_one():
    checkpoint = torch.load(demo.checkpoint_path(), weights_only=True)
    state = checkpoint["model_state_dict"]
    shapes = [tuple(state[f"encoder.conv{i}.conv.weight"].shape) for i in (1, 2, 3)]
    assert shapes == [(4, 2, 5, 5), (8, 4, 5, 5), (1, 8, 7, 7)]
    assert all(
        state[f"encoder.conv{i}.neuron.{part}"].ndim == 0 for i in (1, 2, 3) for part in ("threshold", "leak", "beta")
    )
    assert checkpoint["config"]["data"]["input_height"] == 96
    assert checkpoint["config"]["data"]["input_width"] == 128


def test_ridge_is_one_on_its_crest_along_its_angle():
    kernel = ridge(5, np.pi / 4, 0.8, 0.3)  # x and y grow together: the main diagonal, rows running down
    assert kernel[2, 2] == pytest.approx(1)
    assert kernel[0, 0] == pytest.approx(kernel[4, 4])
    assert kernel[0, 0] > 0.3
    assert kernel[0, 4] < 0


def test_conv3_of_the_shipped_clip_lies_on_the_streak_and_covers_it():
    scene = synthesize(make.PLAN, make.SEED)
    x, y = found(scene)
    on_path = demo.truth_mask()[np.rint(y).astype(int), np.rint(x).astype(int)]
    assert len(x) > 40
    assert on_path.mean() > 0.95
    assert coverage(scene, x, y) > 0.9


def test_streak_is_faint_in_the_shipped_clip():
    sources = synthesize(make.PLAN, make.SEED).truth.sources
    assert (sources == 1).mean() < 0.05


def test_conv3_is_selective_on_scenes_it_was_not_shown():
    on, spikes, covered = 0, 0, []
    for seed in range(1000, 1012):
        scene = synthesize(make.PLAN, seed)
        x, y = found(scene)
        distance = scene.truth.tracks[0].distances(x, y, 0, scene.plan.duration_us)
        on, spikes = on + int((distance <= 6).sum()), spikes + len(x)
        covered.append(coverage(scene, x, y))
    assert on / spikes > 0.9
    assert np.mean(covered) > 0.75


def test_sky_without_an_object_gives_almost_no_conv3_spike():
    empty = replace(make.PLAN, passes=0)
    counts = [len(found(synthesize(empty, seed))[0]) for seed in range(2000, 2012)]
    assert np.mean(counts) < 2  # about 40 with an object


def test_brightest_possible_point_passes_conv1_but_never_conv3():
    frames = np.zeros((make.TIMESTEPS, 2, 96, 128), np.float32)
    frames[:, :, 40, 50] = 1
    counts = run_reference(demo_network(), frames).counts
    assert counts["conv1"] > 0
    assert counts["conv3"] == 0
