"""Text files: separators, headers, orders, units, broken ends."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from builders.recordings import assert_same_events

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning


def read(folder: Path, text: str, name: str = "atis.txt") -> Recording:
    (folder / name).write_text(text)
    return read_recording(folder / name)


@pytest.mark.parametrize("separator", [" ", ",", "\t", ";", ", ", "   "])
def test_all_separators(tmp_path: Path, events: SimpleNamespace, separator: str) -> None:
    rows = np.stack([events.t, events.x, events.y, events.p], axis=1)
    np.savetxt(tmp_path / "a.csv", rows, fmt="%d", delimiter=separator)
    assert_same_events(read_recording(tmp_path / "a.csv", sensor_size=events.size), events)


@pytest.mark.parametrize(
    "text",
    [
        "7 1 2 1\n9 3 4 0\n",
        "# t x y p\n7 1 2 1\n9 3 4 0\n",
        "t,x,y,on\n7,1,2,1\n9,3,4,0\n",
        "x,y,polarity,timestamp\n1,2,1,7\n3,4,0,9\n",
        "% made by hand\n// two events\n\n#ts p x y\n7 1 1 2\n\n9 0 3 4\n",
        "0.000007 1 2 1\n0.000009 3 4 0",
        "7 1 2 1 0.5\n9 3 4 0 0.25\n",
        "\ufefft x y p\r\n7 1 2 1\r\n9 3 4 0\r\n",
        "7 1 2 -1\n".replace("-1", "2") + "9 3 4 1\n",
        "camera recording of Monday\n7.0 1 2 1\n9.0 3 4 -1\n",
    ],
)
def test_the_same_two_events_however_written(tmp_path: Path, text: str) -> None:
    recording = read(tmp_path, text)
    columns = [column.tolist() for column in (recording.t, recording.x, recording.y, recording.p)]
    assert columns == [[7, 9], [1, 3], [2, 4], [1, 0]]
    assert recording.repairs == {}


def test_two_leading_numbers_are_width_and_height(tmp_path: Path) -> None:
    assert read(tmp_path, "60 50\n7 1 2 1\n").size == (50, 60)


@pytest.mark.parametrize("rest", ["9 3 4", "9 3", "9", "9 3 4 -"])
def test_incomplete_last_line_is_dropped_and_counted(tmp_path: Path, rest: str) -> None:
    with pytest.warns(RecordingWarning, match="incomplete last line dropped: 1"):
        recording = read(tmp_path, f"7 1 2 1\n\n8 1 2 0\n{rest}")
    assert recording.t.tolist() == [7, 8]


@pytest.mark.parametrize("line", ["9 3 4", "9 3 x 1", "nonsense"])
def test_a_bad_line_in_the_middle_is_refused_by_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(RecordingError, match=rf"line 3 is '{re.escape(line)}', expected numbers t, x, y, p"):
        read(tmp_path, f"t x y p\n7 1 2 1\n{line}\n8 1 2 0\n")


@pytest.mark.parametrize("text", ["", "\n\n", "t x y p\n", "nothing here\n", "1 2\n3 4\n"])
def test_a_text_without_events_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordingError, match="holds an event"):
        read(tmp_path, text)


def test_metavision_order_without_a_header_is_told_by_the_values(tmp_path: Path) -> None:
    """x, y, p, t would pass for t, x, y, p were it not for the polarities."""
    with pytest.warns(RecordingWarning, match="taken as x, y, p, t, by their values"):
        recording = read(tmp_path, "100,50,1,7\n101,51,0,9\n102,52,0,12\n", "a.csv")
    assert (recording.t.tolist(), recording.y.tolist(), recording.p.tolist()) == ([7, 9, 12], [50, 51, 52], [1, 0, 0])


def test_bytes_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(RecordingError):
        read_recording(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "text",
    [
        "time (us),x,y,polarity,label\n7,1,2,1,0\n9,3,4,0,1\n",
        "timestamp [us];x [px];y [px];polarity\n7;1;2;1\n9;3;4;0\n",
        "t_us x y p\n7 1 2 1\n9 3 4 0\n",
        '"t","x","y","p"\n"7","1","2","1"\n"9","3","4","0"\n',
        ",t,x,y,p\n0,7,1,2,1\n1,9,3,4,0\n",
        " t x y p\n0 7 1 2 1\n1 9 3 4 0\n",
        "t,x,y,p,\n7,1,2,1,\n9,3,4,0,\n",
        "t,x,y,p\n7,1,2,True\n9,3,4,False\n",
        "label,y,x,time,on\ncar,2,1,7,true\nstar,4,3,9,false\n",
        "# t, x, y, p\n7 1 2 1\n9 3 4 0\n",
        "# events: t x y p\n7 1 2 1\n9 3 4 0\n",
        "# The time and x and y are integers, p is one of 0, 1\n# 1 2 3 4\n7 1 2 1\n9 3 4 0\n",
        "% x y p t as Monday's camera has them\nt\tx\ty\tp\n7\t1\t2\t1\n9\t3\t4\t0\n",
        "ts.secs,ts.nsecs,x,y,polarity\n0,7000,1,2,True\n0,9000,3,4,False\n",
        "header.seq,event.ts,event.x,event.y,event.polarity\n1,7,1,2,1\n2,9,3,4,0\n",
        "t,x,y,p\r\n7,1,2,1\r\n9,3,4,0\r\n",
        "7,1,2,1 # first\n# a remark\n9,3,4,0\n",
    ],
)
def test_headers_of_many_programs(tmp_path: Path, text: str) -> None:
    recording = read(tmp_path, text)
    columns = [column.tolist() for column in (recording.t, recording.x, recording.y, recording.p)]
    assert columns == [[7, 9], [1, 3], [2, 4], [1, 0]]
    assert recording.repairs == {}


@pytest.mark.parametrize(
    ("name", "scale"),
    [("t (s)", 1e6), ("time[ms]", 1e3), ("ts_ns", 1e-3), ("Timestamp (µs)", 1), ("time (seconds)", 1e6), ("t", 1)],
)
def test_the_unit_stands_in_the_name_of_the_column(tmp_path: Path, name: str, scale: float) -> None:
    recording = read(
        tmp_path, f"{name},x,y,p\n{round(2_000_000_000 / scale)},1,2,1\n{round(4_000_000_000 / scale)},3,4,0\n"
    )
    assert recording.t.tolist() == [2_000_000_000, 4_000_000_000]
    assert recording.source["time_unit_from"] == ("rule: whole numbers" if name == "t" else f"column name `{name}`")


def test_a_given_unit_wins_over_the_header(tmp_path: Path) -> None:
    (tmp_path / "atis.txt").write_text("t (s),x,y,p\n1,1,2,1\n2,3,4,0\n")
    assert read_recording(tmp_path / "atis.txt", time_unit="ms").t.tolist() == [1000, 2000]


def times(path: Path, values: list[str]) -> Path:
    path.write_text("".join(f"{t} {k % 300} 2 {k % 2}\n" for k, t in enumerate(values)))
    return path


@pytest.mark.parametrize(
    ("values", "unit", "told"),
    [
        ([f"{k * 0.000123:.6f}" for k in range(200)], "s", False),  # more than three decimals: a clock of microseconds
        ([f"{k * 0.237:.3f}" for k in range(200)], "ms", True),  # four a second as seconds
        ([f"{k * 0.000237:.3f}" for k in range(2000)], "s", True),  # milliseconds of seconds, 4000 a second
        ([f"{k * 0.5:.1f}" for k in range(10)], "s", True),  # too few to tell
        ([f"{k * 0.5 + 0.123456:.6f}" for k in range(200)], "ms", True),  # two a second as seconds: no camera
        ([str(k * 237) for k in range(200)], "us", False),
        ([str(k * 237_000) for k in range(200)], "ns", True),
        ([str(1_600_000_000_000_000_123 + k * 237_001) for k in range(20)], "ns", True),
        ([str(1_600_000_000_000_123 + k * 237) for k in range(200)], "us", False),
    ],
)
def test_a_unit_nobody_names_follows_from_the_numbers_and_a_guess_is_told(
    tmp_path: Path, values: list[str], unit: str, told: bool
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RecordingWarning)
        recording = read_recording(times(tmp_path / "atis.txt", values), sensor_size=(10, 300))
    assert recording.source["time_unit"] == unit
    assert [f"times are taken as {unit} because" in str(warning.message) for warning in caught] == [True] * told


def test_whole_times_keep_all_their_digits(tmp_path: Path) -> None:
    recording = read(tmp_path, "t_us,x,y,p\n9007199254740993,1,2,1\n9007199254740995,3,4,0\n")
    assert recording.t.tolist() == [9007199254740993, 9007199254740995]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "atis.txt").write_bytes("# Mürz 2026\nt x y p\n7 1 2 1\n9 3 4 0\n".encode(encoding))
    assert read_recording(tmp_path / "atis.txt").t.tolist() == [7, 9]


def test_a_digit_that_is_none_is_no_size(tmp_path: Path) -> None:
    assert read(tmp_path, "² ²\n7 1 2 1\n9 3 4 0\n").size == (240, 304)


@pytest.mark.parametrize("rest", ["0.000163", "1.5e-3"])
def test_a_first_time_without_fraction_takes_none_from_the_others(tmp_path: Path, rest: str) -> None:
    """With warnings as a user has them: NumPy parses 0.000163 as the whole number 0 and only warns."""
    (tmp_path / "atis.txt").write_text(f"0 1 2 1\n{rest} 3 4 0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recording = read_recording(tmp_path / "atis.txt", time_unit="s")
    assert recording.t.tolist() == [0, round(float(rest) * 1e6)]


def test_a_time_beyond_all_times_is_refused_whatever_the_warnings(tmp_path: Path) -> None:
    (tmp_path / "atis.txt").write_text("0 1 2 1\n1e300 3 4 0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RecordingError, match="more than 36,000 years"):
            read_recording(tmp_path / "atis.txt")
