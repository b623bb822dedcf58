"""Denoising leaves out hot pixels and single events, counts both, and treats streams as whole recordings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.denoise import denoise
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import Events, EventStream


def recording(rows: list[tuple[int, int, int]], size: tuple[int, int] = (30, 40)) -> Recording:
    """Rows (t, x, y), sorted here."""
    t, x, y = np.array(sorted(rows)).T
    return Recording(x.astype(np.int32), y.astype(np.int32), t.astype(np.int64), np.ones(len(t), np.uint8), size)


def rows_of(events: Recording | Events) -> list[tuple[int, int, int]]:
    return list(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True))


def test_an_event_stays_with_one_beside_it_shortly_before() -> None:
    rows = [(0, 5, 5), (100, 6, 6), (101, 9, 9), (200, 7, 8), (1000, 8, 8), (1101, 8, 9), (1200, 8, 9)]
    kept = denoise(recording(rows), support_us=100)
    assert rows_of(kept) == [(100, 6, 6)]  # neither the pixel's own last event nor one 101 us ago is company
    assert kept.repairs == {"events without company dropped": 6}


def test_corners_have_three_neighbours() -> None:
    rows = [(0, 0, 0), (1, 1, 1), (2, 39, 29), (3, 38, 29), (4, 0, 29), (5, 39, 0)]
    assert rows_of(denoise(recording(rows))) == [(1, 1, 1), (3, 38, 29)]


def test_a_hot_pixel_goes_and_a_star_of_several_pixels_stays() -> None:
    hot = [(t, 20, 20) for t in range(0, 100_000, 100)]
    star = [(t + dx, 5 + dx, 5) for t in range(0, 100_000, 200) for dx in range(3)]
    kept = denoise(recording([*hot, *star]))
    assert kept.repairs == {"hot pixels": 1, "events of hot pixels dropped": 1000, "events without company dropped": 1}
    assert set(zip(kept.x.tolist(), kept.y.tolist(), strict=True)) == {(5, 5), (6, 5), (7, 5)}


@pytest.mark.parametrize("length", [1, 7, 1000])
def test_a_stream_is_denoised_as_a_whole_recording(length: int) -> None:
    random = np.random.default_rng(3)
    rows = [tuple(row) for row in random.integers(0, (20_000, 40, 30), (800, 3)).tolist()]
    whole = recording([*rows, *((t, 3, 3) for t in range(0, 20_000, 100))])

    def blocks() -> Iterator[Events]:
        for k in range(0, len(whole), length):
            yield Events(whole.x, whole.y, whole.t, whole.p)[k : k + length]

    stream = EventStream(whole.size, whole.start, int(whole.t[-1]), len(whole), "", blocks)
    expected, found = denoise(whole, 5000), denoise(stream, 5000)
    assert 100 < len(expected) < 700
    assert (found.count, found.repairs) == (len(expected), expected.repairs)
    assert rows_of(found.recording()) == rows_of(expected)


def test_a_recording_of_noise_only_is_refused() -> None:
    with pytest.raises(RecordingError, match="denoising leaves nothing of 2 events"):
        denoise(recording([(0, 5, 5), (100, 20, 20)]))
    with pytest.raises(ArgumentError, match="`support_us`"):
        denoise(recording([(0, 5, 5)]), support_us=0)
