"""Camera files: written by the library and read back, and bytes made by hand from the published formats."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from same import assert_same_events

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.camera import faery_blocks
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.repair import RecordingWarning

faery = pytest.importorskip("faery")

WRITTEN = [("a.aedat4", None), ("a.es", None), ("a.raw", "evt2"), ("a.raw", "evt3"), ("a.dat", "dat2")]
EVT2 = b"% evt 2.0\n% geometry 640x480\n% end\n"
EVT3 = b"% evt 3.0\n% geometry 1280x720\n% end\n"
DAT = b"% Data file containing CD events.\n% Version 2\n% Height 240\n% Width 304\n"


def write(path: Path, events: SimpleNamespace, version: str | None, packet: int = 300) -> None:
    """`events` through the library's own writer, in packets; .es keeps times from its first event."""
    rows = np.zeros(len(events.t), faery.EVENTS_DTYPE)
    rows["t"], rows["x"], rows["y"], rows["on"] = events.t, events.x, events.y, events.p
    packets: Iterator[np.ndarray] = (rows[k : k + packet].copy() for k in range(0, len(rows), packet))
    height, width = events.size
    faery.file_encoder.events_to_file(packets, path, (width, height), version, zero_t0=path.suffix != ".es")


def words(code: str, values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values)


@pytest.mark.parametrize(("name", "version"), WRITTEN)
def test_what_the_library_wrote_comes_back(
    tmp_path: Path, events: SimpleNamespace, name: str, version: str | None
) -> None:
    write(tmp_path / name, events, version)
    recording = read_recording(tmp_path / name)
    assert_same_events(recording, events)
    assert (recording.source["sensor_size"], recording.repairs) == ("header", {})


def test_evt2_by_hand(tmp_path: Path) -> None:
    """Times are a 28-bit high word (type 8) and 6 low bits of each event; a trigger (type 10) is no event."""
    on, off, high, trigger = 1 << 28, 0 << 28, 8 << 28, 10 << 28
    body = [high | 3, on | 5 << 22 | 639 << 11 | 479, trigger | 1, off | 6 << 22 | 2 << 11 | 1, high | 4, on]
    (tmp_path / "a.raw").write_bytes(EVT2 + words("I", body))
    recording = read_recording(tmp_path / "a.raw")
    assert recording.size == (480, 640)
    assert recording.t.tolist() == [3 * 64 + 5, 3 * 64 + 6, 4 * 64]
    assert (recording.x.tolist(), recording.y.tolist()) == ([639, 2, 0], [479, 1, 0])
    assert recording.p.tolist() == [1, 0, 1]


def test_evt3_by_hand_with_vectors_and_overflow(tmp_path: Path) -> None:
    """Time is 12 high and 12 low bits; VECT_12 and VECT_8 tell events right of VECT_BASE_X, one bit each."""
    high, low, row, column, base, vector12, vector8 = 0x8000, 0x6000, 0x0000, 0x2000, 0x3000, 0x4000, 0x5000
    on = 1 << 11
    body = [high | 0, low | 100, row | 7, column | on | 1279, high | 1, low | 0]
    body += [base | on | 10, vector12 | 0b101, vector12 | 0b1, vector8 | 0b1000_0001]
    body += [word for step in (1000, 2000, 3000, 4000, 4095, 0) for word in (high | step, low | 7, column | 2)]
    (tmp_path / "a.raw").write_bytes(EVT3 + words("H", body))
    recording = read_recording(tmp_path / "a.raw")
    assert recording.size == (720, 1280)
    assert recording.x.tolist() == [1279, 10, 12, 22, 34, 41] + [2] * 6
    assert recording.p.tolist() == [1] * 6 + [0] * 6
    assert recording.t.tolist()[:6] == [100] + [4096] * 5
    assert recording.t.tolist()[6:] == [4096 * step + 7 for step in (1000, 2000, 3000, 4000, 4095, 4096)]


def test_dat_by_hand_with_overflow(tmp_path: Path) -> None:
    body = words("I", [2**32 - 16, 1 << 28 | 239 << 14 | 303, 5, 0 << 28 | 3 << 14 | 2])
    (tmp_path / "a.dat").write_bytes(DAT + bytes([12, 8]) + body)
    with pytest.warns(RecordingWarning, match="32-bit clock overflows undone: 1"):
        recording = read_recording(tmp_path / "a.dat")
    assert recording.size == (240, 304)
    assert recording.t.tolist() == [2**32 - 16, 2**32 + 5]
    assert (recording.x.tolist(), recording.y.tolist(), recording.p.tolist()) == ([303, 2], [239, 3], [1, 0])


def test_a_header_without_size_leaves_it_to_the_name_or_the_events(tmp_path: Path) -> None:
    content = b"% evt 2.0\n% end\n" + words("I", [8 << 28 | 3, 1 << 28 | 63 << 11 | 47])
    (tmp_path / "atis.raw").write_bytes(content)
    (tmp_path / "a.raw").write_bytes(content)
    assert read_recording(tmp_path / "atis.raw").size == (240, 304)
    with pytest.warns(RecordingWarning, match="largest coordinate"):
        assert read_recording(tmp_path / "a.raw").size == (48, 64)


@pytest.mark.parametrize(("name", "version", "loose"), [("a.raw", "evt2", 3), ("a.raw", "evt3", 1), ("a.dat", None, 5)])
def test_a_cut_within_an_event_is_counted_in_bytes(
    tmp_path: Path, events: SimpleNamespace, name: str, version: str | None, loose: int
) -> None:
    write(tmp_path / name, events, version)
    width = {"evt2": 4, "evt3": 2, None: 8}[version]
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[: loose - width])
    with pytest.warns(RecordingWarning, match=f"incomplete last event dropped: {loose}"):
        recording = read_recording(tmp_path / name)
    assert len(recording) == len(events.t) - 1


def test_a_cut_packet_loses_that_packet_and_is_told(tmp_path: Path, events: SimpleNamespace) -> None:
    write(tmp_path / "a.aedat4", events, None, packet=100)
    whole = (tmp_path / "a.aedat4").read_bytes()
    (tmp_path / "a.aedat4").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.warns(RecordingWarning, match="incomplete last packet dropped: 1"):
        recording = read_recording(tmp_path / "a.aedat4")
    assert len(recording) in (100, 200)
    np.testing.assert_array_equal(recording.x, events.x[: len(recording)])


@pytest.mark.parametrize(("name", "version"), WRITTEN)
@pytest.mark.parametrize("cut", [0, 3, 20])
def test_a_file_cut_within_its_header_is_refused(
    tmp_path: Path, events: SimpleNamespace, name: str, version: str | None, cut: int
) -> None:
    write(tmp_path / name, events, version)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:cut])
    with pytest.raises(RecordingError, match="cannot be read as"):
        read_recording(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.raw", EVT2, "holds no event"),
        ("a.raw", b"% evt 4.0\n% end\n1234", "EVT version '4.0', expected one of 2.0, 2.1, 3.0"),
        ("a.raw", words("I", [8 << 28 | 3, 1 << 28]), "EVT version None"),
        ("a.raw", EVT2 + words("I", [8 << 28, 1 << 28 | 700 << 11]), "no event lies on the sensor of 480x640"),
        ("a.dat", DAT + bytes([12, 8]), "holds no event"),
        ("a.aedat4", b"#!AER-DAT2.0\r\n" + bytes(100), "magic number"),
        ("a.es", b"Event Stream\x02\x00\x00\x00", "expected dvs or atis"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordingError, match=told):
        read_recording(tmp_path / name)


def test_without_the_library_one_line_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faery", None)
    with pytest.raises(RecordingError, match="pip install faery"):
        list(faery_blocks(str(tmp_path / "a.es"), "es", 100))
