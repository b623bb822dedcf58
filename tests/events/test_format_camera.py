"""Camera files: written by the library and read back, and bytes made by hand from the published formats."""

from __future__ import annotations

import struct
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders.recording_files import dat_bytes, evt2_bytes, evt3_bytes, evt21_bytes
from builders.recordings import assert_same_events

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats import prophesee
from spikeseg_lava.events.formats.camera import faery_blocks
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Recording
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


HIGH, LOW, ROW, COLUMN = 0x8000, 0x6000, 0x0000, 0x2000


def evt3(path: Path, clock: list[int]) -> Recording:
    """An EVT 3 file with one event behind each word of the clock, 7 us later."""
    body = [ROW | 5, *(word for high in clock for word in (HIGH | high, LOW | 7, COLUMN | 2))]
    path.write_bytes(EVT3 + words("H", body))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        return read_recording(path)


@pytest.mark.parametrize(
    ("clock", "ticks"),
    [
        ([4094, 4095, 0, 1, 4095, 0, 1], [4094, 4095, 4096, 4097, 4095, 4096, 4097]),  # back over the beginning
        ([4000, 100, 101], [4000, 4196, 4197]),  # words lost at the beginning
        ([10, 11, 9, 10, 11, 12], [10, 11, 9, 10, 11, 12]),  # a step back
        ([10, 11, 2059, 12, 13], [10, 11, 11, 12, 13]),  # a flipped bit ahead
        ([2058, 2059, 11, 2060, 2061], [2058, 2059, 2059, 2060, 2061]),  # a flipped bit behind
        ([3000, 5, 6, 7], [3000, 4101, 4102, 4103]),  # a beginning, and the clock goes on from there
        ([10, 3000, 3001], [10, 3000, 3001]),  # a gap
        ([3000, 1500, 1501], [3000, 1500, 1501]),  # the camera began anew
    ],
)
def test_the_clock_of_evt3(tmp_path: Path, clock: list[int], ticks: list[int]) -> None:
    assert evt3(tmp_path / "a.raw", clock).t.tolist() == [4096 * tick + 7 for tick in sorted(ticks)]


@pytest.mark.parametrize(
    ("clock", "ticks"),
    [
        ([2**28 - 1, 0, 1, 2**28 - 1, 0, 1], [2**28 - 1, 2**28, 2**28 + 1, 2**28 - 1, 2**28, 2**28 + 1]),
        ([2**28 - 3, 3], [2**28 - 3, 2**28 + 3]),
        ([1000, 999, 1000], [1000, 999, 1000]),
        ([1000, 1000 + 2**27, 1001], [1000, 1000, 1001]),
        ([1000 + 2**27, 1000, 1001 + 2**27], [1000 + 2**27, 1000 + 2**27, 1001 + 2**27]),
    ],
)
@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_the_clock_of_evt2(tmp_path: Path, clock: list[int], ticks: list[int], version: str) -> None:
    heads = [word for high in clock for word in (8 << 28 | high, 1 << 28 | 5 << 22 | 3 << 11 | 4)]
    body = words("I", heads) if version == "2.0" else words("Q", [head << 32 | (head >> 28 == 1) for head in heads])
    (tmp_path / "a.raw").write_bytes(f"% evt {version}\n% geometry 640x480\n% end\n".encode() + body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        recording = read_recording(tmp_path / "a.raw")
    assert recording.t.tolist() == [64 * tick + 5 for tick in sorted(ticks)]


def test_a_flipped_bit_at_the_end_of_a_block_is_seen_in_the_next(tmp_path: Path, monkeypatch: Any) -> None:
    whole = evt3(tmp_path / "a.raw", [10, 11, 2059, 12, 13, 4095, 14, 15])
    assert whole.repairs["leaps of the clock by a flipped bit undone"] == 2
    for length in range(1, 9):
        monkeypatch.setattr(prophesee, "WORDS", length)
        part = evt3(tmp_path / "a.raw", [10, 11, 2059, 12, 13, 4095, 14, 15])
        assert (part.t.tolist(), part.repairs) == (whole.t.tolist(), whole.repairs)


def test_vectors_over_the_edge_lose_what_is_outside(tmp_path: Path) -> None:
    body = [HIGH | 1, LOW | 2, ROW | 719, 0x3000 | 1 << 11 | 1274, 0x4FFF, 0x50FF]
    (tmp_path / "a.raw").write_bytes(EVT3 + words("H", body))
    with pytest.warns(RecordingWarning, match="outside the sensor dropped: 14"):
        recording = read_recording(tmp_path / "a.raw")
    assert recording.x.tolist() == [*range(1274, 1280)]


@pytest.mark.parametrize("padding", [2, 9, 1000])
def test_zeros_at_the_end_and_between_are_no_events(tmp_path: Path, events: SimpleNamespace, padding: int) -> None:
    content = evt2_bytes(events)
    (tmp_path / "a.raw").write_bytes(content + bytes(4 * padding))
    (tmp_path / "a.dat").write_bytes(dat_bytes(events) + bytes(8 * padding))
    for name, count in (("a.raw", padding), ("a.dat", 2 * padding)):
        with pytest.warns(RecordingWarning, match=f"words of padding dropped: {count}"):
            assert_same_events(read_recording(tmp_path / name), events)


def test_a_file_of_unknown_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(EVT3 + words("H", [0xB123] * 1000))
    with pytest.raises(RecordingError, match=r"most of its words are unknown in EVT 3\.0"):
        read_recording(tmp_path / "a.raw")


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("% evt 3.0\n% geometry 40x30\n% end\n", (30, 40)),
        ("% format EVT3;height=30;width=40\n% end\n", (30, 40)),
        ("% evt 3.0\n% height 30\n% width 40\n% end\n", (30, 40)),
        ("% evt 3.0\n% plugin_name hal_plugin_imx636_evk4\n% end\n", (720, 1280)),
        ("% evt 3.0\n% plugin_name hal_plugin_genx320\n% end\n", (320, 320)),
        ("% evt 3.0\n% generation 3.1\n% end\n", (480, 640)),
        ("% evt 3.0\n% author M\xfcrz\n% geometry 40x30\n% end\n", (30, 40)),
    ],
)
def test_the_header_tells_the_sensor(
    tmp_path: Path, events: SimpleNamespace, header: str, size: tuple[int, int]
) -> None:
    (tmp_path / "a.raw").write_bytes(evt3_bytes(events, header))
    assert read_recording(tmp_path / "a.raw").size == size


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("header", ["% evt 2.1\n", "% evt 2.1\n% format EVT21;height=30;width=40\n"])
def test_both_byte_orders_of_evt21(tmp_path: Path, events: SimpleNamespace, header: str, legacy: bool) -> None:
    (tmp_path / "a.raw").write_bytes(evt21_bytes(events, legacy, f"{header}% geometry 40x30\n% end\n"))
    assert_same_events(read_recording(tmp_path / "a.raw"), events)


@pytest.mark.parametrize("kind", [0, 12])
def test_both_types_of_change_events_in_dat(tmp_path: Path, events: SimpleNamespace, kind: int) -> None:
    (tmp_path / "a.dat").write_bytes(dat_bytes(events, kind))
    assert_same_events(read_recording(tmp_path / "a.dat"), events)
    (tmp_path / "b.dat").write_bytes(dat_bytes(events, 14))
    with pytest.raises(RecordingError, match=r"type 14 .*, expected 0 \(2d\) or 12 \(CD\)"):
        read_recording(tmp_path / "b.dat")


def test_a_real_recording_is_decoded_as_the_library_does(shared: Path) -> None:
    path = shared / "recordings" / "faery_evt2.raw"
    recording = read_recording(path)
    theirs = np.concatenate(list(faery.events_stream_from_file(path)))
    assert len(recording) == len(theirs) > 400_000
    for ours, name in ((recording.x, "x"), (recording.y, "y"), (recording.t, "t"), (recording.p, "on")):
        np.testing.assert_array_equal(ours, theirs[name])
