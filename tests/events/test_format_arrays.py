"""`.npy` and `.h5`: layouts that are read, and those that are refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from builders.recordings import assert_same_events

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.read import read_recording


def table(events: SimpleNamespace, names: str = "x y p t") -> np.ndarray:
    """A structured array; `names` in the order x, y, p, t."""
    types = ["<u2", "<u2", "<i2", "<i8"]
    rows = np.zeros(len(events.t), list(zip(names.split(), types, strict=True)))
    for name, column in zip(names.split(), "xypt", strict=True):
        rows[name] = getattr(events, column)
    return rows


@pytest.mark.parametrize("names", ["x y p t", "x y polarity timestamp", "X Y on TS"])
def test_structured_array(tmp_path: Path, events: SimpleNamespace, names: str) -> None:
    np.save(tmp_path / "a.npy", table(events, names))
    assert_same_events(read_recording(tmp_path / "a.npy", sensor_size=events.size), events)


def test_plain_array_of_four_columns(tmp_path: Path, events: SimpleNamespace) -> None:
    np.save(tmp_path / "a.npy", np.stack([events.t, events.x, events.y, events.p], axis=1))
    assert_same_events(read_recording(tmp_path / "a.npy", sensor_size=events.size), events)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((3, 5)), r"shape is \(3, 5\)"),
        (np.zeros(3, [("x", int), ("y", int)]), "fields are x, y"),
        (np.array([{"t": 1}], object), "pickled objects, which are never loaded"),
        (np.array([["a", "b", "c", "d"]]), "expected numbers"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: np.ndarray, told: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(RecordingError, match=told):
        read_recording(tmp_path / "a.npy")


@pytest.mark.parametrize("cut", [0, 5, 60, 400])
def test_truncated_array_is_refused(tmp_path: Path, events: SimpleNamespace, cut: int) -> None:
    np.save(tmp_path / "a.npy", table(events))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:cut])
    with pytest.raises(RecordingError, match=r"no array could be loaded|truncated: its header claims"):
        read_recording(tmp_path / "a.npy")


@pytest.mark.parametrize("names", ["x y t p", "xs ys ts ps", "x y timestamps polarity"])
@pytest.mark.parametrize("group", ["events", "/", "davis/left"])
def test_hdf5_group_of_columns(tmp_path: Path, events: SimpleNamespace, names: str, group: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, column in zip(names.split(), "xytp", strict=True):
            file[f"{group}/{name}"] = getattr(events, column)
    assert_same_events(read_recording(tmp_path / "a.h5", sensor_size=events.size), events)


def test_prophesee_hdf5_with_geometry(tmp_path: Path, events: SimpleNamespace) -> None:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["CD/events"] = table(events)
        file["CD/indexes"] = np.zeros(3, [("id", "<u8"), ("ts", "<i8")])
        file.attrs["geometry"] = "40x30"
    recording = read_recording(tmp_path / "a.hdf5")
    assert_same_events(recording, events)
    assert recording.source["sensor_size"] == "header"


@pytest.mark.parametrize("attributes", [{"height": 30, "width": 40}, {"sensor_resolution": [30, 40]}])
def test_hdf5_attributes_tell_the_size(tmp_path: Path, events: SimpleNamespace, attributes: dict) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "xytp":
            file[f"events/{name}"] = getattr(events, name)
        file["events"].attrs.update(attributes)
    assert_same_events(read_recording(tmp_path / "a.h5"), events)


def test_hdf5_time_offset_is_added(tmp_path: Path, events: SimpleNamespace) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "xytp":
            file[f"events/{name}"] = getattr(events, name)
        file["t_offset"] = 5_000_000_000
    recording = read_recording(tmp_path / "a.h5", sensor_size=events.size)
    np.testing.assert_array_equal(recording.t, events.t + 5_000_000_000)


def test_hdf5_with_two_cameras_is_refused_by_name(tmp_path: Path, events: SimpleNamespace) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["left/events"] = file["right/events"] = table(events)
    with pytest.raises(RecordingError, match="several: left/events, right/events"):
        read_recording(tmp_path / "a.h5")


def test_hdf5_without_events_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.zeros(3)
    with pytest.raises(RecordingError, match="found none"):
        read_recording(tmp_path / "a.h5")


def test_truncated_hdf5_is_refused(tmp_path: Path, events: SimpleNamespace) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events"] = table(events)
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:1500])
    with pytest.raises(RecordingError, match="truncated"):
        read_recording(tmp_path / "a.h5")
