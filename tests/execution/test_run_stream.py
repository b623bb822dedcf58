"""A stream gives the spikes of its samples run one by one, in memory, in a file, interrupted and resumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders.models import stream_model as model
from builders.recordings import stream_recording as recording

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError, ClipError, RecordError
from spikeseg_lava.events import raw_events as event_blocks
from spikeseg_lava.events.read import open_events
from spikeseg_lava.execution.stream import run_stream
from spikeseg_lava.spikes.spike_file import SpikeFile
from torch_reference import run_reference

WINDOW: dict[str, Any] = {"duration_us": 130_000, "timesteps": 4}


def expected_of(events, size=None, fire_once=True):
    return [run_reference(model(), frames, fire_once) for frames in events.windows(130_000, 4, size)]


def assert_records(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.counts == other.counts
        for name, rows in other.spikes.items():
            np.testing.assert_array_equal(one.spikes[name], rows)


@pytest.mark.parametrize("fire_once", [True, False])
@pytest.mark.parametrize("size", [None, (17, 20)])
def test_every_window_equals_the_oracle(tmp_path, fire_once, size):
    events, expected = recording(), expected_of(recording(), size, fire_once)
    summary = run_stream(model(), events, tmp_path / "spikes.h5", size=size, fire_once=fire_once, **WINDOW)
    assert summary.samples == len(expected) == 8
    assert summary.steps == 32
    assert min(summary.counts.values()) > 20
    with SpikeFile(tmp_path / "spikes.h5") as file:
        assert_records(list(file), expected)
        assert file.record(3).meta["start"] == events.start + 3 * 130_000
        assert file.meta["fire_once"] is fire_once
    assert [path.name for path in tmp_path.iterdir()] == ["spikes.h5"]


def test_a_file_in_small_blocks_equals_the_recording_in_memory(tmp_path, monkeypatch):
    events, found = recording(), []
    np.save(tmp_path / "events.npy", np.stack([events.t, events.x, events.y, events.p], axis=1))
    monkeypatch.setattr(event_blocks, "BLOCK", 97)
    run_stream(
        model(), tmp_path / "events.npy", sensor_size=events.size, sink=lambda _, record: found.append(record), **WINDOW
    )
    assert_records(found, expected_of(events))


def test_a_generator_of_frames_is_a_source():
    events, found = recording(), []
    run_stream(model(), events.windows(130_000, 4), sink=lambda _, record: found.append(record))
    assert_records(found, expected_of(events))


def test_carried_state_is_that_of_one_long_sample():
    events, found = recording(), []
    frames = list(events.windows(130_000, 4))
    run_stream(model(), iter(frames), carry_state=True, sink=lambda _, record: found.append(record))
    whole = run_engine(model(), np.concatenate(frames))
    for name, rows in whole.spikes.items():
        parts = [record.spikes[name] + [4 * k, 0, 0, 0] for k, record in enumerate(found)]
        np.testing.assert_array_equal(np.concatenate(parts), rows)


@pytest.mark.parametrize("carry_state", [True, False])
def test_an_interrupted_run_continues(tmp_path, carry_state):
    events, path = recording(), tmp_path / "spikes.h5"
    run_stream(model(), events, tmp_path / "whole.h5", carry_state=carry_state, **WINDOW)

    def interrupt(number, record):
        if number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stream(model(), events, path, carry_state=carry_state, sink=interrupt, **WINDOW)
    assert not path.exists()
    seen = []
    run_stream(model(), events, path, carry_state=carry_state, sink=lambda n, _: seen.append(n), **WINDOW)
    assert seen == list(range(0 if carry_state else 5, 8))
    with SpikeFile(path) as found, SpikeFile(tmp_path / "whole.h5") as expected:
        assert_records(list(found), list(expected))


def test_what_another_model_left_is_not_continued(tmp_path):
    events, path = recording(), tmp_path / "spikes.h5"

    def interrupt(number, record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stream(model(seed=1), events, path, sink=interrupt, **WINDOW)
    assert run_stream(model(), events, path, **WINDOW).samples == 8


def test_a_broken_unfinished_file_is_begun_anew(tmp_path):
    (tmp_path / "spikes.h5.partial").write_bytes(b"cut short")
    assert run_stream(model(), recording(), tmp_path / "spikes.h5", **WINDOW).samples == 8


def test_only_a_window_and_a_block_are_in_memory(tmp_path, monkeypatch):
    events = recording(20_000)
    np.save(tmp_path / "events.npy", np.stack([events.t, events.x, events.y, events.p], axis=1))
    monkeypatch.setattr(event_blocks, "BLOCK", 100)

    stream = open_events(tmp_path / "events.npy", sensor_size=events.size)
    held = [len(w.t.base) for w in stream.windows(stream.window_starts(20_000)) if w.t.base is not None]
    assert max(held) < 1000


def test_progress_counts_samples():
    told = []
    run_stream(model(), recording(), progress=lambda done, total: told.append((done, total)), **WINDOW)
    assert told == [(k, 8) for k in range(1, 9)]


def test_frames_of_changing_size_are_refused():
    frames = [np.zeros((2, 2, 12, 12), np.float32), np.zeros((2, 2, 14, 12), np.float32)]
    with pytest.raises(ArgumentError, match="pixels"):
        run_stream(model(), iter(frames))


def test_bad_arguments_are_told(tmp_path):
    with pytest.raises(ArgumentError, match="folder"):
        run_stream(model(), recording(), tmp_path / "nowhere" / "spikes.h5")
    with pytest.raises(ArgumentError, match="duration_us"):
        run_stream(model(), recording(), duration_us=0)
    with pytest.raises(ArgumentError, match="no sample"):
        run_stream(model(), iter([]))
    with pytest.raises(ClipError, match="expected"):
        run_stream(model(), iter([np.zeros((2, 2))]))
    (tmp_path / "other.h5").write_bytes(b"")
    with pytest.raises(RecordError, match="spike file"):
        SpikeFile(tmp_path / "other.h5")
