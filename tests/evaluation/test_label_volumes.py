"""Volumes counted by hand: paths between labels, detections near and far, cells, samples; properties of the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeseg_lava.detection.objects import Sighting
from spikeseg_lava.evaluation.volumes import DEFINITION, Counts, count_volumes, distance_to, paths_of
from spikeseg_lava.events.recording import Labels

SENSOR = (20, 30)
LABELS = Labels(
    np.array([25.0, 5.0, 2.0]), np.array([10.0, 10.0, 2.0]), np.array([1900, 100, 1500]), np.array([7, 7, 8])
)


def at(x, y, start=0) -> Sighting:
    return Sighting(start, start + 100, 0, (0, 0, 1, 1), (x, y), 1)


def counted(*sightings, labels=LABELS, starts=(0, 1000), radius=2.0):
    return count_volumes(sightings, paths_of(labels), SENSOR, starts, 1000, radius)


def test_paths_run_straight_between_labels_in_order_of_time():
    seven, eight = paths_of(LABELS)
    assert piece(seven, 0, 1000) == [[5, 10], [pytest.approx(5 + 20 * 899 / 1800), 10]]
    assert piece(seven, 1000, 2000) == [[15, 10], [25, 10]]
    assert piece(eight, 1000, 2000) == [[2, 2], [2, 2]]
    assert eight.piece(0, 1000) is None
    assert seven.piece(1901, 3000) is None


def piece(path, begin, end) -> list[list[float]]:
    corners = path.piece(begin, end)
    assert corners is not None
    return corners.tolist()


def test_distance_is_to_the_nearest_part_of_the_line():
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    np.testing.assert_allclose(distance_to(corners, [5, -3, 13, 7], [2, 4, 14, 5]), [2, 5, 5, 3])


def test_nothing_detected_misses_every_label_volume():
    counts, seen = counted()
    assert seen == [False, False, False]
    assert (counts.tp, counts.fn, counts.fp, counts.false_detections) == (0, 3, 0, 0)
    assert counts.tn == 2 * 4 * 6  # cells of 5 x 5; none lies within label volumes altogether
    assert counts.seconds == 0.002


def test_detection_counts_where_and_when_the_object_was():
    assert counted(at(8, 11.5))[1] == [True, False, False]
    assert counted(at(8, 11.5, 1000))[1] == [False, False, False]
    assert counted(at(20, 10, 1900))[1] == [False, True, False]
    assert counted(at(2, 0, 1000))[1] == [False, False, True]


def test_false_detections_fill_cells():
    counts, seen = counted(at(8, 13), at(9, 13.4), at(29.4, 19.4), at(8, 10))
    assert seen == [True, False, False]
    assert (counts.fp, counts.tn, counts.false_detections) == (2, 46, 3)


def test_cell_that_is_all_label_volume_is_no_other_volume():
    labels = Labels(np.array([15.0]), np.array([10.0]), np.array([0]), np.array([1]))
    counts, _ = counted(labels=labels, starts=(0,), radius=9.0)
    assert counts.tn == 2 * 2
    assert counted(labels=labels, starts=(0,), radius=40.0)[0] == Counts(0, 1, 0, 0, 0, 0.001)


def test_no_label_leaves_only_false_alarms():
    none = LABELS.between(5000, 6000)
    counts, seen = counted(at(3, 3), labels=none)
    assert seen == []
    assert (counts.fp, counts.tn) == (1, 47)
    assert counts.sensitivity is None
    assert counts.informedness is None
    assert counts.specificity == 47 / 48


def test_figures():
    counts = Counts(tp=3, fn=1, fp=2, tn=8, false_detections=5, seconds=30.0)
    assert (counts.sensitivity, counts.specificity, counts.false_per_minute) == (0.75, 0.8, 10)
    assert counts.informedness == pytest.approx(0.55)
    assert counts + counts == Counts(6, 2, 4, 16, 10, 60.0)
    assert Counts().specificity is None
    assert Counts().false_per_minute is None


@given(
    st.lists(st.tuples(st.floats(-0.5, 29.4), st.floats(-0.5, 19.4), st.integers(0, 1999)), max_size=15),
    st.floats(0.5, 9),
)
def test_every_volume_is_counted_once(points, radius):
    counts, seen = counted(*(at(*point) for point in points), radius=radius)
    silent, _ = counted(radius=radius)
    assert counts.tp + counts.fn == len(seen) == 3
    assert counts.tp == sum(seen)
    assert counts.fp + counts.tn >= silent.tn
    assert counts.fp <= counts.false_detections <= len(points)


def test_definition_says_that_nothing_is_cropped():
    assert "no event is cropped" in DEFINITION
    assert "sensitivity + specificity - 1" in DEFINITION
