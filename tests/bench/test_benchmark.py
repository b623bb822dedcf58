"""Benchmarks count what is there to do exactly and keep their figures; nothing depends on how long it took."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from builders.models import layer

from spikeseg_lava.bench.contenders import AS_CALLED, CONTENDERS, STOCK, Case
from spikeseg_lava.bench.result import BenchmarkResult, Figures, Spread, draw
from spikeseg_lava.bench.run import MemoryWatch, run_benchmark
from spikeseg_lava.bench.work import Limits, Work, scene, work_of
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel


def conv(name, outputs, inputs, threshold):
    return layer(np.ones((outputs, inputs, 3, 3)), threshold, name=name)


def small_model():
    """One event makes all neurons of conv1 around it fire, and each window of pool1 those of conv2."""
    layers = conv("conv1", 2, 1, 1), PoolLayer("pool1", (2, 2), (2, 2)), conv("conv2", 1, 2, 1)
    return FixedPointModel(layers, InputCode(8, 1.0))


def test_work_is_counted_exactly():
    frames = np.zeros((2, 1, 8, 8), np.float32)
    frames[0, 0, 0, 0] = 1  # a corner: 2 x 2 places of 2 maps; they fall into one window, again in a corner
    work = work_of(Case(frames, small_model()))
    assert work.events == 0.5
    assert work.operations == (2 * 2 * 2 + 2 * (2 * 2 * 1)) / 2
    assert work.spikes == (8 + 2 + 4) / 2
    assert work.neurons > 0


def test_the_figures_of_one_run(tmp_path):
    frames = scene(small_model(), (16, 24), (16, 24), 5)
    told = []
    names = ["torch float", "torch oracle", "event engine", "event engine, with record"]
    result = run_benchmark(small_model(), frames, contenders=names, rounds=2, curves=False, progress=told.append)
    assert list(result.contenders) == names[1:]
    assert "torch float" in result.skipped
    assert all(len(figures.ms) == 2 and min(figures.ms) > 0 for figures in result.contenders.values())
    assert result.ratio("event engine") is None
    assert result.ratio("event engine", "torch oracle") is not None
    assert len(told) == 10
    result.to_json(tmp_path / "figures.json")
    kept = json.loads((tmp_path / "figures.json").read_text())
    assert kept["summary"]["event engine"]["ms_per_step"]["median"] == result.contenders["event engine"].spread.median
    assert kept["work"]["events"] == 5


def example() -> BenchmarkResult:
    contenders = {STOCK: Figures((200.0, 100.0, 120.0), 9), "event engine": Figures((0.1, 0.1, 0.2), 1)}
    return BenchmarkResult(contenders, Work(10, 2e5, 1e5, 1e3, 7), Limits(1e10, 1.6e10), {}, {})


def test_ratios_are_those_of_one_round():
    assert example().ratio("event engine") == Spread(600, 1000, 2000)
    assert example().ns_per_operation("event engine") == pytest.approx(0.5)
    assert example().least_ms == pytest.approx(0.01 + 0.001)
    assert [row[0] for row in example().table()] == ["", STOCK, "event engine", "estimated limit of the engine"]


def test_curves_and_plot(tmp_path, monkeypatch):
    from spikeseg_lava.bench import work

    monkeypatch.setattr(work, "REPEATS", 1)
    points = work.over_events(small_model(), (16, 16))
    assert [point.work.events for point in points] == [0, 1, 3, 10, 30, 100]
    areas = work.over_area(small_model(), (16, 16))
    assert len({replace(point.work, neurons=0) for point in areas}) == 1  # the same work on every area, but for tiles
    assert [point.size for point in areas] == [(16, 16), (32, 32), (64, 64), (128, 128)]
    result = BenchmarkResult(**{**vars(example()), "by_events": points, "by_area": areas})
    draw(result, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")


def test_memory_is_watched():
    with MemoryWatch() as watch:
        held = np.ones(40_000_000, np.uint8)
    assert held.nbytes / 1e6 * 0.8 < watch.peak < 400


def test_memory_held_for_a_moment_is_seen_where_it_is_looked_at():
    with MemoryWatch() as watch:
        held = np.ones(40_000_000, np.uint8)
        watch.look()
        del held
    assert watch.peak > 30


def test_bad_arguments_are_told():
    frames = np.zeros((1, 1, 8, 8), np.float32)
    with pytest.raises(ArgumentError, match="contenders"):
        run_benchmark(small_model(), frames, contenders=["torch"])
    with pytest.raises(ArgumentError, match="rounds"):
        run_benchmark(small_model(), frames, rounds=0)


@pytest.mark.parametrize("name", [STOCK, "layer graph", "fused Process"])
def test_lava_contenders_run(name):
    pytest.importorskip("lava")
    with CONTENDERS[name](Case(scene(small_model(), (8, 8), (8, 8), 3)[:3], small_model())) as call:
        call()


def test_runs_as_called_come_first_and_are_a_difference_of_lengths():
    assert list(CONTENDERS)[:3] == list(AS_CALLED) == ["run, event", "run, lava-fused", "run, lava"]
    frames = scene(small_model(), (8, 8), (8, 8), 3)[:3]
    result = run_benchmark(small_model(), frames, contenders=["run, event"], rounds=1, curves=False)
    (ms,) = result.contenders["run, event"].ms
    assert 0 < ms < 50
