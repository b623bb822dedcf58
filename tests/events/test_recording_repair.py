"""What is mended is mended rightly, has a name and a count, and is told; what cannot be is refused in one line."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events import repair as rules
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning

SIZE = (10, 20)


def read(folder: Path, rows: list[tuple[float, ...]], **options: object) -> Recording:
    """Rows (t, x, y, p) through a file; repairs are left to `Recording.repairs`."""
    table = np.zeros(len(rows), [(name, float) for name in "txyp"])
    for name, column in zip("txyp", np.array(rows).T, strict=True):
        table[name] = column
    np.save(folder / "events.npy", table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        return read_recording(folder / "events.npy", **{"sensor_size": SIZE, **options})


def test_clean_file_needs_no_repair_and_no_warning(tmp_path: Path) -> None:
    np.save(tmp_path / "events.npy", np.array([(5, 19, 9, 1), (6, 0, 0, 0)]))
    recording = read_recording(tmp_path / "events.npy", sensor_size=SIZE)
    assert recording.repairs == {}
    assert recording.source["sensor_size"] == "argument"


def test_all_repairs_come_as_one_warning_with_counts(tmp_path: Path) -> None:
    np.save(tmp_path / "events.npy", np.array([(7, 1, 1, 1), (5, 2, 2, 0), (6, 20, 0, 0), (8, 0, -1, 0)]))
    with pytest.warns(RecordingWarning) as told:
        recording = read_recording(tmp_path / "events.npy", sensor_size=SIZE)
    assert len(told) == 1
    assert "events outside the sensor dropped: 2; events out of time order sorted: 1" in str(told[0].message)
    assert told[0].filename == __file__
    assert recording.repairs == {"events outside the sensor dropped": 2, "events out of time order sorted": 1}


def test_sorting_keeps_events_of_one_time_in_file_order(tmp_path: Path) -> None:
    late, early = ([(t, x, 0, 1) for x in range(20)] for t in (9, 5))
    recording = read(tmp_path, [*late, *early, (9, 7, 0, 0)])
    assert recording.t.tolist() == [5] * 20 + [9] * 21
    assert recording.x.tolist() == [*range(20), *range(20), 7]
    assert recording.repairs == {"events out of time order sorted": 20}


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 1, 0], [0, 1, 0]), ([-1, 1, -1], [0, 1, 0]), ([1, 2, 1], [0, 1, 0]), ([1, 1, 1], [1, 1, 1])],
)
def test_three_polarity_codes(tmp_path: Path, codes: list[int], expected: list[int]) -> None:
    recording = read(tmp_path, [(k, k, 0, code) for k, code in enumerate(codes)])
    assert recording.p.tolist() == expected
    assert recording.repairs == {}


@pytest.mark.parametrize("codes", [[0, 1, 2], [-1, 0, 1], [0, 255, 0], [3, 4, 5]])
def test_other_polarity_codes_are_refused(tmp_path: Path, codes: list[int]) -> None:
    with pytest.raises(RecordingError, match=r"polarities must be .*, got "):
        read(tmp_path, [(k, k, 0, code) for k, code in enumerate(codes)])


def test_clock_overflows_run_on(tmp_path: Path) -> None:
    clock = 2**32
    recording = read(tmp_path, [(clock - 2, 0, 0, 0), (3, 1, 0, 0), (clock - 1, 2, 0, 0), (4, 3, 0, 0), (4, 4, 0, 1)])
    assert recording.t.tolist() == [clock - 2, clock - 1, clock + 3, clock + 4, clock + 4]
    assert recording.x.tolist() == [0, 2, 1, 3, 4]
    assert recording.repairs["32-bit clock overflows undone"] == 2
    assert recording.repairs["events out of time order sorted"] == 1


def test_signed_clock_overflows_run_on(tmp_path: Path) -> None:
    recording = read(tmp_path, [(2**31 - 1, 0, 0, 0), (-(2**31), 1, 0, 0), (-(2**31) + 5, 2, 0, 0)])
    assert recording.t.tolist() == [2**31 - 1, 2**31, 2**31 + 5]
    assert recording.repairs == {"32-bit clock overflows undone": 1}


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**31), min_size=4, max_size=50))
def test_any_rising_clock_survives_the_overflow(steps: list[int]) -> None:
    """Steps below a quarter of the range are what a camera makes; each overflow is then undone exactly."""
    true = np.cumsum(np.array(steps, np.int64) // 2)
    clock, shown = rules.Clock(), true % 2**32
    undone = np.concatenate(
        [clock.unrolled(shown[: len(shown) // 2 + 1]), clock.unrolled(shown[len(shown) // 2 + 1 :])]
    )
    np.testing.assert_array_equal(undone - undone[0], true - true[0])
    assert clock.falls == true[-1] // 2**32 - true[0] // 2**32


@pytest.mark.parametrize("times", [[0, 4_000_000_000, 4_000_000_001], [5_000_000_000, 1_000_000_000, 2_000_000_000]])
def test_neither_a_long_pause_nor_the_disorder_of_a_wider_clock_is_an_overflow(times: list[int]) -> None:
    clock = rules.Clock()
    clock.unrolled(np.array(times, np.int64))
    assert not clock.is_wrapped(min(times), max(times))


def test_times_with_fractions_are_seconds_and_whole_ones_microseconds(tmp_path: Path) -> None:
    assert read(tmp_path, [(0.5, 0, 0, 0), (1.000001, 0, 0, 1)]).t.tolist() == [500_000, 1_000_001]
    assert read(tmp_path, [(5.0, 0, 0, 0), (7.0, 0, 0, 1)]).t.tolist() == [5, 7]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1_000_000), ("ms", 1000), ("us", 1)])
def test_a_given_time_unit_counts(tmp_path: Path, unit: str, factor: int) -> None:
    assert read(tmp_path, [(3, 0, 0, 0), (4, 0, 0, 1)], time_unit=unit).t.tolist() == [3 * factor, 4 * factor]


def test_nanoseconds_are_rounded(tmp_path: Path) -> None:
    assert read(tmp_path, [(1600, 0, 0, 0), (2_400, 0, 0, 1)], time_unit="ns").t.tolist() == [2, 2]


def test_fractional_coordinates_are_rounded_and_counted(tmp_path: Path) -> None:
    recording = read(tmp_path, [(1, 3.4, 2, 0), (2, 3.6, 2, 1), (3, 5, 5, 1)])
    assert recording.x.tolist() == [3, 4, 5]
    assert recording.repairs == {"fractional coordinates rounded": 2}


def test_pixels_from_one_are_recognised_by_both_ends(tmp_path: Path) -> None:
    recording = read(tmp_path, [(1, 1, 1, 0), (2, 20, 5, 1), (3, 4, 10, 1)])
    assert (recording.x.tolist(), recording.y.tolist()) == ([0, 19, 3], [0, 4, 9])
    assert recording.repairs == {"events counted from pixel 1 moved by one": 3}
    assert recording.source["one_based"] is True


def test_one_stray_pixel_does_not_move_all_others(tmp_path: Path) -> None:
    recording = read(tmp_path, [(1, 0, 3, 0), (2, 20, 5, 1), (3, 4, 9, 1)])
    assert recording.x.tolist() == [0, 4]
    assert recording.repairs == {"events outside the sensor dropped": 1}


def test_events_that_all_miss_the_sensor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no event lies on the sensor of 10x20 .*`sensor_size`"):
        read(tmp_path, [(1, 40, 3, 0), (2, 41, 5, 1)])


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no event camera is that large"):
        read(tmp_path, [(3, 4, 100_000, 0), (4, 5, 200_000, 1)], sensor_size=None)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_number_are_refused(tmp_path: Path, bad: float) -> None:
    with pytest.raises(RecordingError, match=r"column `y` holds 1 value"):
        read(tmp_path, [(1, 3, bad, 0), (2, 4, 5, 1)])


def test_empty_recording_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "events.npy", np.zeros((0, 4)))
    with pytest.raises(RecordingError, match="holds no event"):
        read_recording(tmp_path / "events.npy")


def test_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gone\.npy` cannot be read .* it is not there"):
        read_recording(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("a.avi", {}, r"suffix of .* must be one of mat, aedat4"),
        ("a.npy", {"format": "exe"}, "`format` must be one of"),
        ("a.npy", {"sensor_size": (0, 3)}, "`sensor_size`"),
        ("a.npy", {"time_unit": "h"}, "`time_unit` must be one of s, ms, us, ns"),
    ],
)
def test_impossible_options_are_named(tmp_path: Path, name: str, options: dict, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        read_recording(tmp_path / name, **options)


def test_a_file_of_another_name_is_read_by_its_format(tmp_path: Path) -> None:
    (tmp_path / "events.log").write_text("1 2 3 1\n2 3 4 0\n")
    assert len(read_recording(tmp_path / "events.log", format=".TXT", sensor_size=SIZE)) == 2
