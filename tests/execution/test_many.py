"""Many recordings: one bad file stops no other, a run started again does the rest, Dask spreads the work unchanged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import psutil
import pytest
from builders.models import stream_model as model
from builders.recordings import stream_recording as recording
from joblib.externals.loky import get_reusable_executor

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import load_clip, save_clip
from spikeseg_lava.execution.many import ManyResult, run_many
from spikeseg_lava.execution.stream import run_stream
from spikeseg_lava.spikes.spike_file import SpikeFile

SETTINGS: dict[str, Any] = {"duration_us": 250_000, "timesteps": 4, "sensor_size": (24, 32)}


def write(path: Path, seed: int) -> Path:
    events = recording(400, seed=seed)
    np.save(path, np.stack([events.t, events.x, events.y, events.p], axis=1))
    return path


@pytest.fixture
def files(tmp_path):
    return [write(tmp_path / f"pass{k}.npy", k) for k in range(3)]


def assert_equal_alone(result, files, tmp_path):
    for file, one in zip(files, result.files, strict=True):
        alone = tmp_path / "alone.h5"
        run_stream(model(), file, alone, **SETTINGS)
        with SpikeFile(one.output) as found, SpikeFile(alone) as expected:
            assert sum(record.counts["conv1"] for record in expected) > 0
            for record, other in zip(found, expected, strict=True):
                for name, rows in other.spikes.items():
                    np.testing.assert_array_equal(record.spikes[name], rows)


def test_each_file_gives_what_it_gives_alone(files, tmp_path):
    told = []
    result = run_many(files, model(), tmp_path / "out", progress=lambda r, n: told.append((r.source, n)), **SETTINGS)
    assert [one.state for one in result.files] == ["done"] * 3
    assert sorted(told) == [(file, 3) for file in files]
    assert_equal_alone(result, files, tmp_path)


def test_a_clip_is_one_sample_and_not_run_twice(files, tmp_path):
    clips = [tmp_path / f"clip{k}.npz" for k in range(2)]
    shape = (3, 2, 12, 16)
    for k, clip in enumerate(clips):
        save_clip(clip, (np.random.default_rng(k).random(shape) < 0.3).astype(np.float32))
    first = run_many([*clips, files[0]], model(), tmp_path / "out", **SETTINGS)
    assert [one.samples for one in first.files[:2]] == [1, 1]
    with SpikeFile(first.files[0].output) as found:
        expected = run_engine(model(), load_clip(clips[0]))
        assert len(expected.spikes["conv1"]) > 0
        np.testing.assert_array_equal(found.record(0).spikes["conv1"], expected.spikes["conv1"])
    save_clip(clips[1], np.ones(shape, np.float32))
    again = run_many([*clips, files[0]], model(), tmp_path / "out", **SETTINGS)
    assert [one.state for one in again.files] == ["skipped", "done", "skipped"]


def test_a_bad_file_is_reported_and_stops_no_other(files, tmp_path):
    files[1].write_bytes(b"rubbish")
    missing = tmp_path / "missing.npy"
    result = run_many([*files, missing], model(), tmp_path / "out", **SETTINGS)
    assert [one.state for one in result.files] == ["done", "failed", "done", "failed"]
    assert [one.source for one in result.failed] == [files[1], missing]
    lines = result.summary().splitlines()
    assert lines[0] == "2 done, 0 done before, 2 failed"
    assert "pass1.npy" in lines[1]
    assert "no array" in lines[1]


def test_a_second_run_does_only_what_is_missing(files, tmp_path):
    first = run_many(files, model(), tmp_path / "out", **SETTINGS)
    first.files[1].output.unlink()
    written = first.files[0].output.stat().st_mtime_ns
    again = run_many(files, model(), tmp_path / "out", **SETTINGS)
    assert [one.state for one in again.files] == ["skipped", "done", "skipped"]
    assert first.files[0].output.stat().st_mtime_ns == written


@pytest.mark.parametrize("change", ["model", "settings", "recording"])
def test_an_output_of_something_else_is_made_anew(files, tmp_path, change):
    run_many(files[:1], model(), tmp_path / "out", **SETTINGS)
    other = model(seed=1) if change == "model" else model()
    settings = {**SETTINGS, "fire_once": False} if change == "settings" else SETTINGS
    if change == "recording":
        rows = np.load(files[0])
        rows[7, 1] ^= 1  # one event one pixel beside
        np.save(files[0], rows)
    assert run_many(files[:1], other, tmp_path / "out", **settings).files[0].state == "done"


def test_an_interrupted_file_is_continued(files, tmp_path):
    def interrupt(number, record):
        if number == 1:
            raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_stream(model(), files[0], tmp_path / "out" / "pass0.npy.spikes.h5", sink=interrupt, **SETTINGS)
    result = run_many(files[:1], model(), tmp_path / "out", **SETTINGS)
    assert result.files[0].samples == 2  # of four, two were there
    assert_equal_alone(result, files[:1], tmp_path)


def test_processes_give_the_same(files, tmp_path):
    result = run_many(files, model(), tmp_path / "out", jobs=2, **SETTINGS)
    assert not result.failed
    assert_equal_alone(result, files, tmp_path)


def test_a_dask_cluster_gives_the_same(files, tmp_path):
    distributed = pytest.importorskip("distributed")
    files[2].write_bytes(b"rubbish")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, local_directory=str(tmp_path)
    )
    with cluster, distributed.Client(cluster), joblib.parallel_backend("dask"):
        result = run_many(files, model(), tmp_path / "out", jobs=-1, **SETTINGS)
    assert [one.state for one in result.files] == ["done", "done", "failed"]
    for file, one in zip(files[:2], result.files, strict=False):
        assert_equal_alone(ManyResult((one,)), [file], tmp_path)


def test_bad_arguments_are_told(files, tmp_path):
    with pytest.raises(ArgumentError, match="empty"):
        run_many([], model(), tmp_path)
    with pytest.raises(ArgumentError, match="share one name"):
        run_many([files[0], tmp_path / "other" / files[0].name], model(), tmp_path)
    with pytest.raises(ArgumentError, match="`timestep`"):
        run_many(files, model(), tmp_path, timestep=3)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="output_dir"):
        run_many(files, model(), tmp_path / "file")


def in_a_worker(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Code that every process started from now on runs at its start."""
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))


KILLED_BY_ONE_FILE = """
import os, sys
def killed(event, arguments):
    if event == "open" and str(arguments[0]).endswith("pass1.npy") and "loky" in " ".join(sys.orig_argv):
        os.kill(os.getpid(), 11)
sys.addaudithook(killed)
"""


def test_a_file_that_kills_its_worker_stops_no_other(files, tmp_path, monkeypatch, caplog):
    get_reusable_executor().shutdown(kill_workers=True)
    in_a_worker(monkeypatch, tmp_path, KILLED_BY_ONE_FILE)
    result = run_many(files[:2], model(), tmp_path / "out", jobs=2, **SETTINGS)
    get_reusable_executor().shutdown(kill_workers=True)
    assert [one.state for one in result.files] == ["done", "failed"]
    assert "SIGSEGV" in (result.files[1].error or "")
    assert sum("a worker was lost" in record.message for record in caplog.records) == 1
    assert_equal_alone(ManyResult(result.files[:1]), files[:1], tmp_path)


class Panic(BaseException):
    """As a Rust library raises it: no Exception."""


def test_a_panic_is_the_error_of_its_file(files, tmp_path, monkeypatch):
    def panic(model, source, *_, **__):
        raise Panic("index out of range\n\x1b[31m")

    monkeypatch.setattr("spikeseg_lava.execution.stream.run_stream", panic)
    result = run_many(files[:1], model(), tmp_path / "out", **SETTINGS)
    assert result.files[0].error == r"Panic: index out of range\n\x1b[31m"


def test_no_more_workers_than_files_and_never_none(files, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(joblib, "Parallel", lambda jobs, **_: seen.append(jobs) or (lambda tasks: iter_of(tasks)))

    def iter_of(tasks):
        yield from (function(*arguments, **named) for function, arguments, named in tasks)

    for jobs in (64, 2, 1):
        run_many(files, model(), tmp_path / "out", jobs=jobs, **SETTINGS)
    assert seen == [3, 2, 1]
    with pytest.raises(ArgumentError, match="`jobs`"):
        run_many(files, model(), tmp_path / "out", jobs=0, **SETTINGS)


SLOW = """
import sys, time
from pathlib import Path
from builders.models import stream_model as model
from spikeseg_lava.execution import many
import spikeseg_lava.cli.app as app
def run(*_, **__):
    files = [Path(name) for name in sys.argv[2:]]
    many.run_many(files, model(), "out", jobs=2, duration_us=20, timesteps=4, sensor_size=(24, 32))
app.app = run
from spikeseg_lava.cli import main
main()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_all_workers_at_once_and_what_is_done_is_continued(files, tmp_path, name):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", SLOW, "run", *map(str, files)]
    running = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(list((tmp_path / "out").glob("*.partial"))) == 2)
    workers = psutil.Process(running.pid).children(recursive=True)
    assert len(workers) >= 2
    running.send_signal(getattr(signal, name))
    assert running.wait(timeout=10) == 128 + getattr(signal, name)
    wait_until(lambda: not any(runs(worker) for worker in workers), seconds=2)
    assert running.communicate()[1] == f"interrupted by {name}\n"
    assert not [path for path in Path("/dev/shm").iterdir() if str(running.pid) in path.name]
    for left in (tmp_path / "out").iterdir():  # only what can be gone on from
        with h5py.File(left) as file:
            assert file["steps"].shape != (0,)  # pyright: ignore[reportAttributeAccessIssue]


def runs(process: psutil.Process) -> bool:
    """Whether a process still does something; one that nobody has waited for yet does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
