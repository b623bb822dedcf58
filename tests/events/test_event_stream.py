"""Streams over files give the events a whole recording has, and refuse what would have to be mended."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from builders.recordings import stream_recording as recording

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import raw_events as event_blocks
from spikeseg_lava.events.formats import text
from spikeseg_lava.events.read import open_events, read_recording
from spikeseg_lava.events.repair import RecordingWarning


def rows_of(events, time_scale=1.0, first_pixel=0):
    return np.stack([events.t * time_scale, events.x + first_pixel, events.y + first_pixel, events.p], axis=1)


def write(path, events, form):
    if form == "npy":
        np.save(path, rows_of(events, 1))
    elif form == "structured":
        fields = [("ts", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]
        table = np.zeros(len(events), fields)
        table["ts"], table["x"], table["y"], table["p"] = events.t, events.x, events.y, events.p
        np.save(path, table)
    elif form == "h5":
        with h5py.File(path, "w") as file:
            group = file.create_group("events")
            for name in "txyp":
                group[name] = getattr(events, name)
    elif form == "txt":
        np.savetxt(path, rows_of(events, 1e-6, first_pixel=1), fmt=["%.6f", "%d", "%d", "%d"])


@pytest.mark.parametrize(("form", "suffix"), [("npy", "npy"), ("structured", "npy"), ("h5", "h5"), ("txt", "txt")])
@pytest.mark.parametrize("block", [70, 10_000])
@pytest.mark.filterwarnings("ignore::spikeseg_lava.events.RecordingWarning")
def test_blocks_hold_what_the_whole_recording_holds(tmp_path, monkeypatch, form, suffix, block):
    events = recording(500)
    path = tmp_path / f"events.{suffix}"
    write(path, events, form)
    monkeypatch.setattr(event_blocks, "BLOCK", block)
    monkeypatch.setattr(text, "CHUNK", 15 * block)
    size = (24, 32) if form == "txt" else None
    whole, stream = read_recording(path, sensor_size=size), open_events(path, sensor_size=size)
    assert stream.size == whole.size
    assert (stream.count, stream.start, stream.stop) == (500, whole.start, whole.start + whole.duration - 1)
    for _ in range(2):  # a stream can be gone through again
        blocks = list(stream.blocks())
        assert len(blocks) > 500 // block
        for name in "xytp":
            np.testing.assert_array_equal(np.concatenate([getattr(b, name) for b in blocks]), getattr(whole, name))
    np.testing.assert_array_equal(whole.t, events.t)
    np.testing.assert_array_equal(whole.x, events.x)


@pytest.mark.parametrize("block", [3, 1000])
@pytest.mark.filterwarnings("ignore::spikeseg_lava.events.RecordingWarning")
def test_events_out_of_order_are_sorted_as_in_a_whole_recording(tmp_path, monkeypatch, block):
    monkeypatch.setattr(event_blocks, "BLOCK", block)
    events = rows_of(recording(200))
    events = events[np.argsort(events[:, 0] + np.random.default_rng(0).integers(0, 50_000, 200))]
    np.save(tmp_path / "late.npy", events)
    whole, stream = read_recording(tmp_path / "late.npy"), open_events(tmp_path / "late.npy")
    assert whole.repairs["events out of time order sorted"] > 20
    assert whole.repairs == stream.repairs
    blocks = list(stream.blocks())
    assert len(blocks) > 3 or block == 1000
    for name in "xytp":
        np.testing.assert_array_equal(np.concatenate([getattr(b, name) for b in blocks]), getattr(whole, name))
    np.testing.assert_array_equal(whole.t, np.sort(events[:, 0]))


def test_events_outside_the_sensor_are_dropped_as_in_a_whole_recording(tmp_path):
    np.save(tmp_path / "events.npy", rows_of(recording(50)))
    with pytest.warns(RecordingWarning, match="outside the sensor dropped: 12"):
        stream = open_events(tmp_path / "events.npy", sensor_size=(20, 20))
    with pytest.warns(RecordingWarning, match="outside the sensor dropped: 12"):
        whole = read_recording(tmp_path / "events.npy", sensor_size=(20, 20))
    assert (stream.count, stream.start, stream.stop) == (38, whole.t[0], whole.t[-1])
    np.testing.assert_array_equal(next(stream.blocks()).x, whole.x)


def test_a_file_that_changes_between_two_passes_is_noticed(tmp_path):
    events = rows_of(recording(50))
    np.save(tmp_path / "events.npy", events)
    stream = open_events(tmp_path / "events.npy", sensor_size=(24, 32))
    events[7, 1] += 1
    np.save(tmp_path / "events.npy", events)
    with pytest.raises(RecordingError, match="changed while it was read"):
        list(stream.blocks())


def test_a_truncated_array_is_told(tmp_path):
    path = tmp_path / "events.npy"
    np.save(path, rows_of(recording(50)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RecordingError, match="truncated"):
        open_events(path)


@pytest.mark.parametrize("content", [b"", b"no array at all"])
def test_a_file_of_another_kind_is_told(tmp_path, content):
    (tmp_path / "events.npy").write_bytes(content)
    with pytest.raises(RecordingError, match="no array"):
        open_events(tmp_path / "events.npy")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RecordingError, match="is not there"):
        open_events(tmp_path / "nothing.txt")


def test_other_formats_are_read_as_a_whole(shared):
    stream = open_events(shared / "recordings" / "atis_bird_car.mat")
    (events,) = stream.blocks()
    assert stream.count == len(events.t) > 200_000
