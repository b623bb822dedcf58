"""Text files: separators, headers, orders, units, broken ends."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from same import assert_same_events

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
