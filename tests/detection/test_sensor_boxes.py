"""Boxes of the frame on the sensor: exactly the pixels that were rescaled into them; overlap and distance by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikeseg_lava.detection.objects import box_on_sensor, gap, hull, iou, point_on_sensor
from spikeseg_lava.events.frames import rescaled

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIZES, SIZES, st.data())
def test_box_on_sensor_holds_the_pixels_that_fall_into_it(frame, sensor, data):
    x0, y0 = (data.draw(st.integers(0, n - 1)) for n in frame[::-1])
    x1, y1 = data.draw(st.integers(x0, frame[1] - 1)), data.draw(st.integers(y0, frame[0] - 1))
    box = box_on_sensor((x0, y0, x1, y1), frame, sensor)
    for axis, (first, last) in enumerate(((x0, x1), (y0, y1))):
        new = rescaled(sensor[1 - axis], frame[1 - axis])
        inside = np.flatnonzero((new >= first) & (new <= last))
        low, high = box[axis], box[axis + 2]
        if len(inside):
            assert (low, high) == (inside[0], inside[-1])
        assert 0 <= low <= high < sensor[1 - axis]


def test_same_size_changes_nothing():
    assert box_on_sensor((3, 1, 7, 9), (12, 20), (12, 20)) == (3, 1, 7, 9)
    assert point_on_sensor((3.5, 2.25), (12, 20), (12, 20)) == (3.5, 2.25)


def test_corners_meet_corners():
    assert point_on_sensor((127, 0), (128, 128), (240, 304)) == (303, 0)
    assert box_on_sensor((0, 0, 127, 127), (128, 128), (240, 304)) == (0, 0, 303, 239)


def test_overlap_and_distance_by_hand():
    a, touching, apart = (0, 0, 1, 1), (2, 0, 3, 1), (5, 5, 6, 6)
    assert (gap(a, a), gap(a, touching), gap(a, apart)) == (0, 0, np.hypot(3, 3))
    assert (iou(a, a), iou(a, (1, 0, 2, 1)), iou(a, apart)) == (1, 2 / 6, 0)
    assert hull([a, apart]) == (0, 0, 6, 6)
