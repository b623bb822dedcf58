"""Frames of the real recordings are those the golden spike records were computed from, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.events.read import read_recording

SECOND = 1_000_000


@pytest.mark.parametrize("second", [0, 1])
def test_atis_seconds_equal_the_golden_frames(shared: Path, second: int) -> None:
    """The bins share the span of the events of that second (first to last), not the second itself."""
    recording = read_recording(shared / "recordings" / "atis_bird_car.mat")
    clip = recording.between(second * SECOND, (second + 1) * SECOND).to_frames(timesteps=10, size=(128, 128))
    np.testing.assert_array_equal(clip, _golden(shared, f"atis_s{second}"))


def test_davis_recording_equals_the_golden_frames(shared: Path) -> None:
    recording = read_recording(shared / "recordings" / "davis_slider.txt")
    clip = recording.to_frames(timesteps=10, size=(128, 128))
    np.testing.assert_array_equal(clip, _golden(shared, "davis_slider"))


def test_real_recordings_are_read_as_they_are(shared: Path) -> None:
    atis = read_recording(shared / "recordings" / "atis_bird_car.mat")
    davis = read_recording(shared / "recordings" / "davis_slider.txt")
    assert (len(atis), atis.size, atis.source["one_based"], atis.repairs) == (242_040, (240, 304), True, {})
    assert (len(davis), davis.size, davis.source["time_unit"], davis.repairs) == (50_000, (180, 240), "s", {})
    assert (int(atis.x.min()), int(atis.x.max()), int(atis.t[-1])) == (0, 303, 2_999_577)
    assert (int(davis.t[0]), int(davis.t[-1])) == (3_811, 174_156)


def _golden(shared: Path, clip: str) -> np.ndarray:
    with np.load(shared / "golden" / f"{clip}_theta0.05_fireonce.npz") as archive:
        return archive["frames"]
