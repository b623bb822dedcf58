"""Binning, rescaling and normalisation by hand, and as properties."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events import frames
from spikeseg_lava.events.recording import Recording


def recording_of(rows: list[tuple[int, int, int, int]], size: tuple[int, int]) -> Recording:
    """A recording of (t, x, y, p) rows."""
    t, x, y, p = np.array(sorted(rows), np.int64).reshape(-1, 4).T
    return Recording(x.astype(np.int32), y.astype(np.int32), t, p.astype(np.uint8), size)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    size = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    row = st.tuples(st.integers(-50, 5000), st.integers(0, size[1] - 1), st.integers(0, size[0] - 1), st.integers(0, 1))
    return recording_of(draw(st.lists(row, min_size=1, max_size=60)), size)


SIZES = st.tuples(st.integers(1, 50), st.integers(1, 50))


def test_frames_of_four_events_by_hand() -> None:
    """Span 0..9 is 10 microseconds: two bins of 5. Column 2 of 5 lands on 1 of 3, row 1 of 2 on 1 of 2."""
    clip = recording_of([(0, 2, 1, 1), (4, 2, 1, 1), (4, 0, 0, 0), (9, 4, 0, 0)], (2, 5)).to_frames(2, (2, 3))
    expected = np.zeros((2, 2, 2, 3), np.float32)
    expected[0, 1, 1, 1], expected[0, 0, 0, 0], expected[1, 0, 0, 2] = 1, 0.5, 1
    np.testing.assert_array_equal(clip, expected)


def test_binary_frames_tell_presence_only() -> None:
    clip = recording_of([(0, 0, 0, 1), (1, 0, 0, 1), (1, 1, 0, 0)], (1, 2)).to_frames(1, binary=True)
    np.testing.assert_array_equal(clip, [[[[0, 1]], [[1, 0]]]])


def test_given_span_is_cut_into_equal_bins_whatever_events_it_holds() -> None:
    recording = recording_of([(100, 0, 0, 0), (350, 0, 0, 0)], (1, 1))
    np.testing.assert_array_equal(recording.bins(4, start=0, duration=400), [0, 100, 200, 300, 400])
    np.testing.assert_array_equal(recording.counts(4, start=0, duration=400)[:, 0, 0, 0], [0, 1, 0, 1])


def test_empty_bins_stay_zero() -> None:
    clip = recording_of([(0, 0, 0, 0)], (1, 1)).to_frames(3, start=10, duration=30)
    assert clip.shape == (3, 2, 1, 1)
    assert not clip.any()


@settings(deadline=None)
@given(old=st.integers(1, 2000), new=st.integers(1, 2000))
def test_rescaling_stays_in_range_in_order_and_keeps_the_corners(old: int, new: int) -> None:
    table = frames.rescaled(old, new)
    assert table[0] == 0
    assert table.max() <= new - 1
    assert np.all(np.diff(table) >= 0)
    assert table[-1] == (new - 1 if old > 1 else 0)


@pytest.mark.parametrize("width", [304, 240, 346, 640, 1280])
def test_rescaling_is_the_exact_fraction_rounded(width: int) -> None:
    expected = [round(Fraction(x * 127, width - 1)) for x in range(width)]
    np.testing.assert_array_equal(frames.rescaled(width, 128), expected)


@settings(deadline=None)
@given(start=st.integers(-(10**15), 10**15), duration=st.integers(1, 10**13), steps=st.integers(1, 60))
def test_bin_edges_are_where_the_bin_number_changes(start: int, duration: int, steps: int) -> None:
    edges = [int(edge) for edge in frames.bin_edges(start, duration, steps)]
    assert (edges[0], edges[-1]) == (start, start + duration)
    for k, edge in enumerate(edges[:-1]):
        assert (edge - start) * steps // duration >= k
        assert k == 0 or (edge - 1 - start) * steps // duration < k


@settings(deadline=None)
@given(recording=recordings(), size=SIZES, steps=st.integers(1, 12))
def test_every_event_is_counted_once(recording: Recording, size: tuple[int, int], steps: int) -> None:
    counts = recording.counts(steps, size)
    assert counts.shape == (steps, 2, *size)
    assert counts.sum() == len(recording)
    assert counts[:, 1].sum() == recording.p.sum()


@settings(deadline=None)
@given(recording=recordings(), size=SIZES, steps=st.integers(1, 12))
def test_each_bin_is_its_counts_over_their_maximum(recording: Recording, size: tuple[int, int], steps: int) -> None:
    counts, clip = recording.counts(steps, size), recording.to_frames(steps, size)
    assert clip.dtype == np.float32
    for bin_counts, frame in zip(counts, clip, strict=True):
        assert frame.max() == (1 if bin_counts.any() else 0)
        np.testing.assert_allclose(frame * bin_counts.max(), bin_counts, rtol=1e-6)


@settings(deadline=None)
@given(recording=recordings(), duration=st.integers(200, 3000), steps=st.integers(1, 5), binary=st.booleans())
def test_windows_are_the_frames_of_their_spans(recording: Recording, duration: int, steps: int, binary: bool) -> None:
    starts = recording.window_starts(duration)
    clips = list(recording.windows(duration, steps, (7, 9), binary))
    assert len(clips) == len(starts) == -(-recording.duration // duration)
    for start, clip in zip(starts, clips, strict=True):
        np.testing.assert_array_equal(clip, recording.to_frames(steps, (7, 9), binary, start, duration))


@settings(deadline=None)
@given(recording=recordings(), duration=st.integers(200, 3000))
def test_windows_cover_every_event(recording: Recording, duration: int) -> None:
    counts = [recording.counts(3, start=start, duration=duration).sum() for start in recording.window_starts(duration)]
    assert sum(counts) == len(recording)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"timesteps": 0}, "timesteps"),
        ({"timesteps": 2.5}, "timesteps"),
        ({"timesteps": True}, "timesteps"),
        ({"timesteps": 2, "duration": 0}, "duration"),
        ({"timesteps": 2, "start": 0.5}, "start"),
        ({"timesteps": 2, "size": 128}, "size"),
        ({"timesteps": 2, "size": (0, 3)}, "size"),
        ({"timesteps": 2, "size": (2.5, 3)}, "size"),
    ],
)
def test_impossible_arguments_are_named(arguments: dict, named: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{named}`"):
        recording_of([(0, 0, 0, 0)], (1, 1)).to_frames(**arguments)


def test_whole_floats_are_taken_as_numbers() -> None:
    recording = recording_of([(0, 0, 0, 0)], (1, 1))
    assert list(recording.window_starts(1e6)) == [0]  # type: ignore[arg-type]


def test_empty_span_needs_a_start_and_gives_black_frames_with_one() -> None:
    nothing = recording_of([(0, 0, 0, 0)], (3, 4)).between(5, 9)
    assert len(nothing) == 0
    assert not nothing.to_frames(2, start=5, duration=4).any()
    with pytest.raises(RecordingError, match="no event"):
        nothing.to_frames(2)


@pytest.mark.parametrize(
    ("x", "t", "p", "told"),
    [([0, 4], [0, 1], [0, 1], "`x` runs"), ([0, 1], [1, 0], [0, 1], "`t`"), ([0, 1], [0, 1], [0, 2], "`p`")],
)
def test_a_recording_cannot_be_made_of_bad_events(x: list[int], t: list[int], p: list[int], told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        Recording(np.array(x, np.int32), np.zeros(2, np.int32), np.array(t), np.array(p, np.uint8), (1, 4))
