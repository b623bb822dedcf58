"""Sightings become objects: linked by class, place and time, one a step each; figures of an object by hand."""

from __future__ import annotations

import math

import pytest

from spikeseg_lava.detection.linking import Linker
from spikeseg_lava.detection.objects import DetectedObject, Sighting

STEP = 100


def seen(step, x, y=0, class_id=0, spikes=1, half=2) -> Sighting:
    box = (x - half, y - half, x + half, y + half)
    return Sighting(step * STEP, (step + 1) * STEP, class_id, box, (float(x), float(y)), spikes)


def linked(*sightings, max_distance=3.0, max_gap_us=200, min_spikes=1):
    linker = Linker(max_distance, max_gap_us)
    linker.add(sightings)
    return [[s.centroid[0] for s in found.sightings] for found in linker.finished(min_spikes, all_of_them=True)]


def test_follows_a_moving_object():
    assert linked(seen(0, 10), seen(1, 14), seen(2, 18)) == [[10, 14, 18]]


def test_too_far_too_late_or_another_class_is_another_object():
    assert linked(seen(0, 10), seen(1, 20)) == [[10], [20]]
    assert linked(seen(0, 10), seen(4, 10)) == [[10], [10]]
    assert linked(seen(0, 10), seen(3, 10)) == [[10, 10]]
    assert linked(seen(0, 10), seen(1, 10, class_id=1)) == [[10], [10]]


def test_two_objects_side_by_side_stay_two():
    assert linked(seen(0, 10), seen(0, 15), seen(1, 11), seen(1, 16)) == [[10, 11], [15, 16]]


def test_what_is_left_over_near_an_object_is_a_part_of_it():
    linker = Linker(3.0, 200)
    linker.add([seen(0, 10), seen(1, 14), seen(1, 11, spikes=3), seen(1, 30)])
    near, far = linker.finished(all_of_them=True)
    assert [s.centroid for s in near.sightings] == [(10, 0), ((14 + 3 * 11) / 4, 0)]
    assert (near.sightings[1].box, near.sightings[1].spikes) == ((9, -2, 16, 2), 4)
    assert far.box == (28, -2, 32, 2)


def test_the_larger_overlap_is_linked_first():
    sightings = (seen(0, 10), seen(0, 16), seen(1, 14), seen(1, 11))
    assert linked(*sightings) == [[10, 11], [16, 14]]


def test_links_across_samples():
    linker = Linker(3.0, 200)
    linker.add([seen(0, 10)])
    linker.add([])
    linker.add([seen(2, 12)])
    assert len(list(linker.finished(all_of_them=True))) == 1


def test_objects_of_few_spikes_are_left_out():
    assert linked(seen(0, 10, spikes=2), seen(0, 40), min_spikes=2) == [[10]]


def test_figures_of_an_object():
    """Seen in 3 of 5 steps, 4 pixels a step of 100 us."""
    found = DetectedObject(1, (seen(2, 10, spikes=2), seen(3, 14), seen(6, 26, y=2)))
    assert found.box == (8, -2, 28, 4)
    assert found.centroid == (15.0, 0.5)
    assert (found.start_us, found.end_us, found.spikes) == (200, 700, 4)
    assert found.velocity is not None
    assert found.velocity[0] == pytest.approx(4 / (STEP / 1e6))
    assert found.confidence == pytest.approx(3 / 4 * 3 / 5)


def test_a_single_sighting_has_no_velocity():
    found = DetectedObject(1, (seen(0, 10),))
    assert found.velocity is None
    assert found.confidence == 0.5
    assert all(math.isfinite(v) for v in found.centroid)


def test_class_is_that_of_most_spikes():
    sightings = (seen(0, 10, class_id=2), seen(1, 10, class_id=1), seen(2, 10, class_id=2))
    assert DetectedObject(1, sightings).class_id == 2
    assert DetectedObject(1, sightings[:2]).class_id == 1


def test_objects_are_given_out_in_order_of_appearance_as_soon_as_nothing_can_be_added():
    linker = Linker(3.0, 100)
    linker.add([seen(0, 10), seen(0, 50), seen(1, 54), seen(3, 58)])
    assert [found.sightings[0].centroid[0] for found in linker.finished()] == [10]
    linker.add([seen(3, 90), seen(4, 62)])
    assert list(linker.finished()) == []
    linker.add([seen(9, 10, spikes=2)])
    assert [(found.id, len(found.sightings)) for found in linker.finished()] == [(2, 4), (3, 1)]
    assert [found.id for found in linker.finished(min_spikes=2, all_of_them=True)] == [4]


def test_sightings_are_linked_by_their_masks_and_shown_by_their_events():
    """Events on either side of two overlapping masks: one object, whose box is that of the events."""
    first = Sighting(0, STEP, 0, (0, 0, 1, 1), (0.5, 0.5), 1, (0, 0, 19, 19), (9.5, 9.5))
    second = Sighting(STEP, 2 * STEP, 0, (18, 18, 19, 19), (18.5, 18.5), 1, (0, 0, 19, 19), (9.5, 9.5))
    linker = Linker(3.0, 200)
    linker.add([first, second])
    (found,) = linker.finished(all_of_them=True)
    assert found.box == (0, 0, 19, 19)
    assert found.centroid == (9.5, 9.5)
    assert found.velocity == pytest.approx((18 / 100e-6, 18 / 100e-6))
