"""Files made to harm: what claims too much, points elsewhere or never ends is refused with the figure and the limit."""

from __future__ import annotations

import os
import resource
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from builders.recording_files import evt3_bytes, text_bytes, write_hdf5

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.clip import load_clip
from spikeseg_lava.events.formats import text as text_format
from spikeseg_lava.events.frames import bin_edges, checked_size
from spikeseg_lava.events.read import open_events, read_recording

GIGABYTE = 2**30
WAYS = [read_recording, open_events]


@pytest.fixture(autouse=True)
def _memory() -> Iterator[None]:
    """No test here may take more than two gigabytes."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * GIGABYTE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def npy_header(shape: str, kind: str = "'<i8'") -> bytes:
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header


def refused(path: Path, told: str) -> None:
    for way in WAYS:
        with pytest.raises(RecordingError, match=told):
            way(path)


@pytest.mark.parametrize("shape", ["(1000000000000, 4)", "(1, 1000000000000)", "(10000000000, 10000000000, 4)"])
def test_an_array_that_claims_more_than_the_file_holds(tmp_path: Path, shape: str) -> None:
    (tmp_path / "a.npy").write_bytes(npy_header(shape) + bytes(64))
    refused(tmp_path / "a.npy", "truncated: its header claims")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.npy", npy_header(shape) + bytes(64))
    refused(tmp_path / "a.npz", "truncated: its header claims")


def test_a_clip_that_claims_more_than_the_file_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("frames.npy", npy_header("(1000000, 2, 1000, 1000)", "'<f4'") + bytes(64))
    with pytest.raises(Exception, match="claims") as told:
        load_clip(tmp_path / "a.npz")
    assert type(told.value).__name__ == "ClipError"


def test_a_pickle_is_never_loaded_nor_its_loading_suggested(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=np.array([{}], object))
    with pytest.raises(Exception, match="pickled objects, which are never loaded") as told:
        load_clip(tmp_path / "a.npz")
    assert "allow_pickle" not in str(told.value)


def test_rows_that_nobody_stored(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", shape=(10**12,), dtype="i4", chunks=(2**16,), fillvalue=1)
    refused(tmp_path / "a.h5", "claims 1000000000000 rows that are not stored")


def test_a_dataset_stored_in_part(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", shape=(300,), dtype="i4", chunks=(100,))[:200] = 1
    refused(tmp_path / "a.h5", "claims 300 rows that are not stored")


def external(file: Any, events: SimpleNamespace) -> None:
    file["x"] = h5py.ExternalLink("other.h5", "/events/x")


def raw_storage(file: Any, events: SimpleNamespace) -> None:
    file.create_dataset("x", (300,), "u1", external=[("/etc/passwd", 0, 300)])


def virtual(file: Any, events: SimpleNamespace) -> None:
    layout = h5py.VirtualLayout((300,), "i8")
    layout[:] = h5py.VirtualSource("other.h5", "events/x", (300,))
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("link", "told"),
    [(external, "into another file"), (raw_storage, "in other files"), (virtual, "in other files")],
    ids=["external link", "external storage", "virtual dataset"],
)
def test_what_would_read_other_files(
    tmp_path: Path, events: SimpleNamespace, link: Callable[[Any, Any], None], told: str
) -> None:
    write_hdf5(tmp_path / "other.h5", events)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "ytp":
            file[name] = getattr(events, name)
        link(file, events)
    refused(tmp_path / "a.h5", told)


def test_groups_that_hold_each_other(tmp_path: Path, events: SimpleNamespace) -> None:
    write_hdf5(tmp_path / "a.h5", events)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for k in range(20):
            file[f"events/loop{k}"], file[f"events/again{k}"] = file["/"], file["events"]
    assert len(read_recording(tmp_path / "a.h5")) == 300


def test_a_line_of_a_gigabyte(tmp_path: Path, events: SimpleNamespace) -> None:
    for name, before in (("first.txt", b""), ("later.txt", text_bytes(events))):
        with (tmp_path / name).open("wb") as file:
            file.write(before + b"7 1 2 1 ")
            file.truncate(GIGABYTE)
        refused(tmp_path / name, "characters")


def test_an_archive_that_unpacks_to_terabytes_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikeseg_lava.events.read.EVENTS_IN_MEMORY", 10_000)
    monkeypatch.setattr(text_format, "CHUNK", 2**14)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"1000 1 2 1\n1001 39 29 0\n" * 20_000)
    with pytest.raises(RecordingError, match="more than 10000 events, the most that are kept in memory; `open_events`"):
        read_recording(tmp_path / "a.zip", sensor_size=(30, 40))


@pytest.mark.filterwarnings("ignore::spikeseg_lava.events.RecordingWarning")
def test_times_that_are_no_times(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 1 2 1\n1e300 1 2 1\n")
    refused(tmp_path / "a.txt", "times reach 1e[+]300 ns, more than 36,000 years")


@pytest.mark.filterwarnings("ignore::spikeseg_lava.events.RecordingWarning")
@pytest.mark.parametrize("way", WAYS)
def test_events_thirty_thousand_years_apart_make_no_endless_windows(tmp_path: Path, way: Any) -> None:
    (tmp_path / "a.txt").write_text("0.5 1 2 1\n1000000000000.5 3 4 1\n")
    events = way(tmp_path / "a.txt")
    with pytest.raises(RecordingError, match=r"1000000000000 windows of 1 s; at most 10000000 are run.*`time_unit`"):
        events.window_starts(1_000_000)


def test_frames_of_more_values_than_there_are_places(tmp_path: Path, events: SimpleNamespace) -> None:
    (tmp_path / "a.raw").write_bytes(evt3_bytes(events))
    recording = read_recording(tmp_path / "a.raw")
    with pytest.raises(ArgumentError, match="`size` of 100000x100000 has more than the 1073741824 pixels"):
        checked_size("size", (100_000, 100_000))
    with pytest.raises(ArgumentError, match="at most 2147483648 are held in memory"):
        recording.to_frames(1000, (2000, 2000))
    for steps in (2**20 + 1, 10**20):
        with pytest.raises(ArgumentError, match="`timesteps` must be"):
            bin_edges(0, 1_000_000, steps)


@pytest.mark.parametrize("side", ["²x²", "1e9x1e9", "0x0", "99999x99999"])
def test_a_geometry_that_is_none_is_left_out(tmp_path: Path, events: SimpleNamespace, side: str) -> None:
    (tmp_path / "a.raw").write_bytes(evt3_bytes(events, f"% evt 3.0\n% geometry {side}\n% end\n"))
    assert read_recording(tmp_path / "a.raw", sensor_size=(30, 40)).size == (30, 40)
