"""Instances of a step become sightings: overlapping groups joined, places told by the events under the masks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from spikeseg_lava.decoding.decoder import Decoded
from spikeseg_lava.decoding.instance import Instances
from spikeseg_lava.detection.sightings import merged, sightings_of
from spikeseg_lava.engine.payloads import SparseSteps

FRAME = (16, 20)
EDGES = np.array([0, 100, 200])


def decoded(*found) -> Decoded:
    """Instances of (t, class, box) with full masks and one feature each, so that SMASH joins by overlap alone."""
    spikes = np.array([(t, c, 0, 0) for t, c, _ in found], np.int32)
    boxes = np.array([box for *_, box in found], np.int32)
    pixels = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    ends = np.concatenate([[0], np.cumsum(pixels)])
    masks = Instances(spikes, boxes, np.ones((len(found), 1), bool), ends, np.ones(ends[-1], bool), FRAME, 2)
    return Decoded(np.zeros((2, *FRAME), np.float32), masks, "causal", 2)


def events(*pixels) -> SparseSteps:
    """Events at (t, y, x), in order of t."""
    steps = np.array([t for t, *_ in pixels])
    index = np.array([(y * FRAME[1] + x) * 2 for _, y, x in pixels], np.int32)
    return SparseSteps.of_spikes(np.searchsorted(steps, [0, 1, 2]), index)


def test_box_and_centroid_are_those_of_the_events_of_the_step_under_the_mask():
    found = decoded((0, 0, (2, 2, 9, 9)), (1, 0, (2, 2, 9, 9)))
    near = events((0, 4, 4), (0, 4, 5), (0, 5, 4), (0, 9, 8), (0, 9, 9), (0, 4, 11), (0, 5, 11), (1, 15, 15))
    (first,) = sightings_of(found, EDGES, FRAME, events=near)
    assert (first.box, first.centroid) == ((4, 4, 5, 5), (13 / 3, 13 / 3))
    assert (first.mask_box, first.mask_centroid) == ((2, 2, 9, 9), (5.5, 5.5))
    assert [s.box for s in sightings_of(found, EDGES, FRAME)] == [(2, 2, 9, 9)] * 2


def test_the_largest_group_of_events_counts_and_one_of_two_pixels_is_noise():
    found = decoded((0, 0, (0, 0, 19, 15)), (1, 0, (0, 0, 19, 15)))
    first, larger = [(0, 1, x) for x in (1, 3, 5)], [(0, y, 12) for y in (4, 6, 8, 10)]
    (seen,) = sightings_of(found, EDGES, FRAME, events=events(*first, *larger, (1, 3, 3), (1, 4, 4), (1, 9, 9)))
    assert (seen.start_us, seen.box, seen.centroid) == (0, (12, 4, 12, 10), (12.0, 7.0))


def test_groups_that_overlap_are_one_sighting_of_their_class():
    found = decoded((0, 0, (0, 0, 3, 3)), (0, 1, (0, 0, 3, 3)), (0, 0, (9, 0, 12, 3)), (0, 0, (3, 3, 9, 9)))
    sightings = sightings_of(found, EDGES, FRAME, tau=0.9)
    assert [(s.class_id, s.box, s.spikes) for s in sightings] == [(0, (0, 0, 12, 9), 3), (1, (0, 0, 3, 3), 1)]


BOXES = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(0, 3)] * 2).map(lambda b: (*b[:2], b[0] + b[2], b[1] + b[3]))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), BOXES), min_size=1, max_size=9))
def test_merging_equals_connected_components_of_overlaps(found):
    found = sorted(found)
    boxes = np.array([box for *_, box in found], np.int32)
    spikes = np.array([(t, c, 0, 0) for t, c, _ in found], np.int32)
    labels = np.arange(len(found), dtype=np.int32)
    number, first = merged(labels.astype(np.int64), labels, spikes, boxes)
    alike = (spikes[:, None, :2] == spikes[:, :2]).all(axis=2)
    low, high = np.maximum(boxes[:, None, :2], boxes[:, :2]), np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    count, component = connected_components((low <= high).all(axis=2) & alike, directed=False)
    np.testing.assert_array_equal(number, component)
    assert first.tolist() == [int(np.flatnonzero(component == k)[0]) for k in range(count)]
