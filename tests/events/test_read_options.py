"""A part of a recording, one of several cameras, less noise: the same options for whole recordings and streams."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from builders.recording_files import evt2_bytes, text_bytes, write_hdf5
from builders.recordings import assert_same_events

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.denoise import denoise
from spikeseg_lava.events.read import open_events, read_recording
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning

WAYS = [read_recording, lambda path, **options: open_events(path, **options).recording()]


@pytest.fixture
def path(tmp_path: Path, events: SimpleNamespace) -> Path:
    (tmp_path / "a.raw").write_bytes(evt2_bytes(events))
    return tmp_path / "a.raw"


@pytest.mark.parametrize("way", WAYS)
def test_a_part_is_counted_from_the_first_event(path: Path, events: SimpleNamespace, way: Any) -> None:
    begin = int(events.t[0]) + 20_000
    inside = (events.t >= begin) & (events.t < begin + 30_000)
    assert 50 < inside.sum() < 250
    part: Recording = way(path, start_us=20_000, duration_us=30_000)
    assert (part.t.tolist(), part.x.tolist()) == (events.t[inside].tolist(), events.x[inside].tolist())
    assert way(path, start_us=20_000).t.tolist() == events.t[events.t >= begin].tolist()
    assert way(path, duration_us=1).t.tolist() == [events.t[0]]


@pytest.mark.parametrize("way", WAYS)
def test_a_part_without_events_is_refused_with_the_times_there_are(
    path: Path, events: SimpleNamespace, way: Any
) -> None:
    with pytest.raises(
        RecordingError, match=f"no event is left from .*; there are some from {events.t[0]} to {events.t[-1]}"
    ):
        way(path, start_us=10_000_000)


@pytest.mark.parametrize("way", WAYS)
def test_denoising_on_reading_is_denoising_what_was_read(path: Path, way: Any) -> None:
    with pytest.warns(RecordingWarning, match="events without company dropped"):
        clean = way(path, denoise=True)
    expected = denoise(read_recording(path))
    assert 0 < len(expected) < 300
    np.testing.assert_array_equal(clean.t, expected.t)
    assert clean.repairs == expected.repairs


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("group", ["left", "/left", "left/events"])
def test_a_group_chooses_the_camera(tmp_path: Path, events: SimpleNamespace, way: Any, group: str) -> None:
    write_hdf5(tmp_path / "a.h5", events, "left/events")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for name in "xytp":
            file[f"right/events/{name}"] = [1, 2, 3]
    recording = way(tmp_path / "a.h5", group=group, sensor_size=events.size)
    assert_same_events(recording, events)
    with pytest.raises(RecordingError, match=r"`group` 'middle' holds no events .*; found left/events, right/events"):
        way(tmp_path / "a.h5", group="middle")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"group": "left"}, r"`group` chooses a place in an HDF5 file"),
        ({"start_us": -1}, "`start_us` must be a whole number of at least 0"),
        ({"duration_us": 0}, "`duration_us` must be a whole number of at least 1"),
        ({"time_unit": "h"}, "`time_unit` must be one of s, ms, us, ns"),
    ],
)
def test_options_that_cannot_be(path: Path, options: dict[str, Any], told: str) -> None:
    for way in WAYS:
        with pytest.raises(ArgumentError, match=told):
            way(path, **options)


@pytest.mark.parametrize("way", WAYS)
def test_text_comes_from_the_standard_input(events: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, way: Any) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text_bytes(events))))
    assert_same_events(way("-", sensor_size=events.size), events)
