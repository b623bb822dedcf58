"""Recordings that public bug reports describe, with the values an independent decoder gives for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.hdf5 import hdf5_blocks
from spikeseg_lava.events.read import open_events, read_recording
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning

OUTSIDE = "events outside the sensor dropped"
SORTED = "events out of time order sorted"


@dataclass(frozen=True)
class Right:
    """What must come out of a file: number of events, first and last time, and what must be counted or told."""

    name: str
    count: int
    times: tuple[int, int]
    repairs: dict[str, int] = field(default_factory=dict)
    told: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    also: Callable[[Recording], bool] = lambda recording: True


EPOCH = 1_600_000_000_000_000
RIGHT = [
    Right(
        "evt3_before_time_high.raw", 40, (8192010, 8271824), {"events before the first clock or row word dropped": 3}
    ),
    Right("evt3_glitch_ahead.raw", 14, (409650, 433080), {"leaps of the clock by a flipped bit undone": 1, SORTED: 1}),
    Right("evt2_step_back.raw", 7, (64007, 64263), {SORTED: 1}),
    Right("evt3_latin1_header.raw", 40, (8192010, 8271824), also=lambda r: r.size == (480, 640)),
    Right("evt3_one_event_outside.raw", 39, (8192010, 8271824), {OUTSIDE: 1}),
    Right("dat_one_outside.dat", 20, (0, 19000), {OUTSIDE: 1}),
    Right("dat_unsorted.dat", 4, (1000, 9000), {SORTED: 1}, also=lambda r: r.t.tolist() == [1000, 3000, 5000, 9000]),
    Right("dat_event2d.dat", 20, (0, 19000)),
    Right("evt21_legacy.raw", 60, (6400005, 6401225)),
    Right("evt21_evtonly.raw", 60, (6400005, 6401225)),
    Right("blank_in_name_label.csv", 200, (0, 49966), also=lambda r: (r.x.max(), r.y.max()) == (299, 199)),
    Right("v2e.txt", 200, (163, 49993)),
    Right("pandas_index.csv", 200, (163, 49993)),
    Right("extra_col.csv", 200, (163, 49993)),
    Right("ms_float.csv", 200, (163, 49993), told="times are taken as ms"),
    Right("ns_int.csv", 200, (EPOCH + 163, EPOCH + 49993), told="times are taken as ns"),
    Right("mv_standalone.csv", 200, (163, 49993), told="taken as x, y, p, t", also=lambda r: r.size == (200, 300)),
    Right("dsec_offset_1elem.h5", 300, (36607300810, 36607350424)),
    Right("m3ed_two_cameras.h5", 300, (154, 49768), options={"group": "prophesee/left"}),
    Right("mvsec.h5", 200, (1500000000003451, 1500000000998426), options={"group": "davis/right"}),
]
SAME_SCENE = ["pandas_index.csv", "extra_col.csv", "ms_float.csv", "mv_standalone.csv"]


def read(path: Path, **options: Any) -> tuple[Recording, str]:
    """The recording and all that was told."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RecordingWarning)
        recording = read_recording(path, **options)
    return recording, "\n".join(str(warning.message) for warning in told)


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_an_odd_recording_is_read_right(shared: Path, right: Right) -> None:
    recording, told = read(shared / "cases" / "recordings" / right.name, **right.options)
    assert (len(recording), int(recording.t[0]), int(recording.t[-1])) == (right.count, *right.times)
    assert recording.repairs == right.repairs
    assert right.told in told
    assert right.also(recording)


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
@pytest.mark.filterwarnings("ignore::spikeseg_lava.events.RecordingWarning")
def test_an_odd_recording_is_the_same_as_a_stream(shared: Path, right: Right) -> None:
    path = shared / "cases" / "recordings" / right.name
    whole, stream = read_recording(path, **right.options), open_events(path, **right.options)
    assert (stream.count, stream.size, stream.repairs) == (right.count, whole.size, whole.repairs)
    for name in "xytp":
        column = np.concatenate([getattr(block, name) for block in stream.blocks()])
        np.testing.assert_array_equal(column, getattr(whole, name))


@pytest.mark.parametrize("name", SAME_SCENE)
def test_one_scene_however_written(shared: Path, name: str) -> None:
    folder = shared / "cases" / "recordings"
    rows = np.loadtxt(folder / "pandas_index.csv", delimiter=",", skiprows=1)
    recording, _ = read(folder / name)
    np.testing.assert_array_equal(np.stack([recording.t, recording.x, recording.y, recording.p], axis=1), rows[:, 1:])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("damaged_header_byte19.aedat4", "its decoder stopped"),
        ("m3ed_two_cameras.h5", "several: prophesee/left, prophesee/right; choose one with `group`"),
        ("mvsec.h5", "several: davis/left/events, davis/right/events; choose one with `group`"),
    ],
)
@pytest.mark.parametrize("way", [read_recording, open_events])
def test_what_cannot_be_read_is_refused_in_one_line(shared: Path, name: str, told: str, way: Any) -> None:
    with pytest.raises(RecordingError, match=told) as refused:
        way(shared / "cases" / "recordings" / name)
    assert "\n" not in str(refused.value)


def test_blosc_is_read_with_its_plugin_and_named_without(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared / "cases" / "recordings" / "dsec_blosc.h5"
    assert len(read(path)[0]) == 300
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda code: code < 10)
    with pytest.raises(RecordingError, match=r"compressed with blosc: install hdf5plugin .*spikeseg-lava\[hdf5\]"):
        list(hdf5_blocks(str(path), None, 100))
