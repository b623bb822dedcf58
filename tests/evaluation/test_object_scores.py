"""Object-level scores on hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest

from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.evaluation.scores import ObjectScores, score_objects, total
from spikeseg_lava.evaluation.volumes import ObjectPath

SECOND = 1_000_000


def found(number: int, *centroids: tuple[float, float], start: int = 0) -> DetectedObject:
    """An object with one sighting a second, from second `start` on."""
    times = [(start + k) * SECOND for k in range(len(centroids))]
    return DetectedObject(
        number,
        tuple(Sighting(t, t + SECOND, 0, (0, 0, 1, 1), place, 3) for t, place in zip(times, centroids, strict=True)),
    )


def path(number: int, begin: tuple[float, float], end: tuple[float, float], seconds: int = 4) -> ObjectPath:
    """A straight line from `begin` to `end`."""
    return ObjectPath(number, np.array([0, seconds * SECOND - 1]), np.array([begin, end], float))


LEFT, RIGHT = path(1, (10, 10), (10, 50)), path(2, (90, 10), (90, 50))


def test_an_object_on_its_path_is_found_and_its_error_is_its_distance() -> None:
    scores, seen = score_objects([found(1, (13, 15), (13, 25))], [LEFT, RIGHT], 6, 4.0)
    assert (scores.true, scores.found, scores.fragments, scores.false) == (2, 1, 0, 0)
    assert seen == [True, False]
    assert scores.precision == 1
    assert scores.recall == 0.5
    assert scores.f1 == pytest.approx(2 / 3)
    assert scores.centroid_error == pytest.approx(3)


def test_a_second_object_on_the_same_path_is_a_fragment_and_costs_precision() -> None:
    objects = [found(1, (14, 15)), found(2, (11, 25), start=1)]
    scores, _ = score_objects(objects, [LEFT], 6, 4.0)
    assert (scores.found, scores.fragments, scores.false) == (1, 1, 0)
    assert scores.precision == 0.5
    assert scores.centroid_error == pytest.approx(1)  # the nearer of the two is the match


def test_an_object_at_the_right_place_at_the_wrong_time_is_false() -> None:
    scores, _ = score_objects([found(1, (10, 45))], [LEFT], 6, 4.0)
    assert (scores.found, scores.false) == (0, 1)
    assert scores.f1 == 0


def test_matching_finds_as_many_as_possible_before_it_looks_at_distances() -> None:
    near = path(2, (16, 10), (16, 50))
    objects = [found(1, (14, 15)), found(2, (8, 15))]  # the first is nearer to the second path than to its own
    scores, seen = score_objects(objects, [LEFT, near], 6, 4.0)
    assert scores.found == 2
    assert seen == [True, True]


def test_false_alarms_are_counted_per_hour_of_empty_sky() -> None:
    empty, _ = score_objects([found(1, (3, 3)), found(2, (9, 9))], [], 6, 1800.0)
    full, _ = score_objects([found(1, (60, 60))], [LEFT], 6, 10.0)
    both = total([empty, full])
    assert empty.false_per_hour == both.false_per_hour == 4
    assert full.false_per_hour is None
    assert both.false == 3


def test_nothing_found_has_no_precision_and_nothing_to_find_no_recall() -> None:
    missed, _ = score_objects([], [LEFT], 6, 4.0)
    assert missed.precision is None
    assert (missed.recall, missed.f1) == (0, 0)
    assert ObjectScores().recall is None
    assert ObjectScores().f1 is None


def test_box_overlap_is_that_of_pixels_with_the_path_of_the_same_step() -> None:
    # The path moves from (10, 10) to (10, 20) in the first second: its box is 5 pixels wide and 15 high.
    moving = DetectedObject(1, (Sighting(0, SECOND, 0, (8, 8, 12, 22), (10, 15), 3),))
    half = DetectedObject(1, (Sighting(0, SECOND, 0, (8, 8, 12, 14), (10, 12), 3),))
    assert score_objects([moving], [LEFT], 6, 4.0)[0].box_overlap == pytest.approx(1, abs=0.01)
    assert score_objects([half], [LEFT], 6, 4.0)[0].box_overlap == pytest.approx(7 / 15, abs=0.01)
