"""Which size a recording's sensor has, and who said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.repair import RecordingWarning
from spikeseg_lava.events.sensor import size_from_name


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("20180825_atis_iss.mat", (240, 304)),
        ("ATIS-2.txt", (240, 304)),
        ("davis_slider.txt", (180, 240)),
        ("x_davis240c_y.txt", (180, 240)),
        ("davis346_night.csv", (260, 346)),
        ("evk4.raw", (720, 1280)),
        ("dvs128.txt", (128, 128)),
        ("gratis.txt", None),
        ("statistics.npy", None),
        ("iss.mat", None),
    ],
)
def test_the_file_name_tells_the_camera(name: str, size: tuple[int, int] | None) -> None:
    assert size_from_name(Path("/davis/atis") / name) == size


def test_argument_goes_before_header_and_name(tmp_path: Path) -> None:
    path = tmp_path / "atis.txt"
    path.write_text("100 90\n1 2 3 1\n")
    assert read_recording(path).size == (90, 100)
    assert read_recording(path, sensor_size=(50, 60)).size == (50, 60)
    path.write_text("1 2 3 1\n")
    assert read_recording(path).size == (240, 304)


def test_a_name_that_does_not_fit_the_events_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "davis.txt"
    path.write_text("1 2 3 1\n2 639 479 0\n")
    with pytest.warns(RecordingWarning, match="640x480, by the largest coordinates"):
        recording = read_recording(path)
    assert recording.size == (480, 640)
    assert recording.source["sensor_size"] == "largest coordinate"


def test_a_stray_event_does_not_make_the_name_unbelievable(tmp_path: Path) -> None:
    path = tmp_path / "davis.txt"
    path.write_text("1 2 3 1\n" * 200 + "2 639 3 0\n")
    with pytest.warns(RecordingWarning, match="outside the sensor dropped: 1"):
        recording = read_recording(path)
    assert (recording.size, len(recording)) == ((180, 240), 200)
