"""MATLAB files: TD and Obj structs of v5 and v7.3."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from builders.recordings import assert_same_events
from scipy.io import savemat

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.repair import RecordingWarning

OBJECTS = {"x": [3.0, 4.5], "y": [2.0, 2.25], "ts": [1_500.0, 2_500.0], "id": [1, 2]}


def structs(events: SimpleNamespace, shift: int = 1) -> dict[str, dict[str, Any]]:
    """TD as EBSSA keeps it, counted from 1, with `Obj` beside it."""
    td = {"x": events.x + shift, "y": events.y + shift, "ts": events.t, "p": events.p}
    return {"TD": {name: np.asarray(value)[:, None] for name, value in td.items()}, "Obj": OBJECTS}


def write_v73(path: Path, content: dict[str, dict[str, Any]]) -> None:
    """As MATLAB writes it: HDF5 behind a block of 512 bytes, arrays of doubles, columns as rows."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for struct, fields in content.items():
            for name, value in fields.items():
                file[f"{struct}/{name}"] = np.atleast_2d(np.ravel(value)).astype(np.float64)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


WRITERS = {
    "v5": lambda path, content: savemat(path, content),
    "v5 compressed": lambda path, content: savemat(path, content, do_compression=True),
    "v7.3": write_v73,
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Any:
    return WRITERS[request.param]


def test_events_and_labels_are_counted_from_zero(tmp_path: Path, events: SimpleNamespace, write: Any) -> None:
    write(tmp_path / "a.mat", structs(events))
    recording = read_recording(tmp_path / "a.mat", sensor_size=events.size)
    assert_same_events(recording, events)
    assert recording.source["one_based"] is True
    assert recording.repairs == {}
    labels = recording.labels
    assert labels is not None
    rows = [labels.x.tolist(), labels.y.tolist(), labels.t.tolist(), labels.id.tolist()]
    assert rows == [[2.0, 3.5], [1.0, 1.25], [1500, 2500], [1, 2]]


def test_labels_go_with_their_time(tmp_path: Path, events: SimpleNamespace) -> None:
    savemat(tmp_path / "a.mat", structs(events))
    recording = read_recording(tmp_path / "a.mat", sensor_size=events.size)
    for start, stop, expected in ((2_000, 3_000, [2]), (1_500, 2_500, [1]), (1_501, 2_501, [2])):
        part = recording.between(start, stop)
        assert part.labels is not None
        assert part.labels.id.tolist() == expected
        assert np.all((part.t >= start) & (part.t < stop))


def test_a_struct_array_of_labels_is_read_row_by_row(tmp_path: Path, events: SimpleNamespace) -> None:
    rows = np.zeros(2, [(name, object) for name in OBJECTS])
    for name, values in OBJECTS.items():
        rows[name] = values
    savemat(tmp_path / "a.mat", {**structs(events), "Obj": rows})
    labels = read_recording(tmp_path / "a.mat", sensor_size=events.size).labels
    assert labels is not None
    assert labels.x.tolist() == [2.0, 3.5]


def test_sparse_events_of_a_struct_are_counted_from_one_by_convention(tmp_path: Path) -> None:
    savemat(tmp_path / "atis.mat", {"TD": {"x": [7, 9], "y": [5, 5], "ts": [1, 2], "p": [-1, 1]}})
    recording = read_recording(tmp_path / "atis.mat")
    assert (recording.x.tolist(), recording.y.tolist(), recording.p.tolist()) == ([6, 8], [4, 4], [0, 1])
    assert recording.labels is None


def test_a_struct_with_pixel_zero_is_counted_from_zero(tmp_path: Path, events: SimpleNamespace) -> None:
    savemat(tmp_path / "a.mat", structs(events, shift=0))
    recording = read_recording(tmp_path / "a.mat", sensor_size=events.size)
    assert_same_events(recording, events)
    assert recording.source["one_based"] is False


def test_unknown_size_is_the_largest_coordinate_and_told(tmp_path: Path, events: SimpleNamespace) -> None:
    savemat(tmp_path / "a.mat", structs(events))
    with pytest.warns(RecordingWarning, match="largest coordinate"):
        assert_same_events(read_recording(tmp_path / "a.mat"), events)


def test_every_truncation_is_refused(tmp_path: Path, events: SimpleNamespace, write: Any) -> None:
    write(tmp_path / "a.mat", structs(events))
    whole = (tmp_path / "a.mat").read_bytes()
    for part in range(0, 10):
        (tmp_path / "b.mat").write_bytes(whole[: len(whole) * part // 10])
        with pytest.raises(RecordingError, match=r"b\.mat` cannot be read as a \.mat recording"):
            read_recording(tmp_path / "b.mat", sensor_size=events.size)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"events": [1, 2]}, "no struct `TD`"),
        ({"TD": [1, 2]}, "`TD` has the fields"),
        ({"TD": {"x": [1], "y": [1], "p": [1]}}, "`TD` has the fields x, y, p"),
        ({"TD": {"x": [1, 2], "y": [1], "ts": [1], "p": [1]}}, "differ in length"),
        ({"TD": {"x": [], "y": [], "ts": [], "p": []}}, "holds no event"),
        ({"TD": {"x": [1], "y": [1], "ts": [1], "p": [1]}, "Obj": {"x": [1]}}, "labels `Obj`"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: dict, told: str) -> None:
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(RecordingError, match=told):
        read_recording(tmp_path / "a.mat")
