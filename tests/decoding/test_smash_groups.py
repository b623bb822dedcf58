"""Instances become objects by SMASH: hand-made scores, ties, chains, empty masks; equal to a plain double loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.decoding.instance import Instance
from spikeseg_lava.decoding.smash import group
from spikeseg_lava.errors import ArgumentError

EMPTY = (-1, -1, -1, -1)


def an_instance(box, features=(1, 0, 0), t=0) -> Instance:
    size = (0, 0) if box == EMPTY else (box[3] - box[1] + 1, box[2] - box[0] + 1)
    return Instance(t, 0, 0, 0, box, np.ones(size, bool), (32, 32), np.array(features, bool), 3)


def test_no_instance_no_object():
    assert group([]).shape == (0,)
    assert group([an_instance(EMPTY)]).tolist() == [-1]


def test_objects_are_counted_in_order_of_appearance_and_empty_masks_left_out():
    far, near, other = (20, 20, 22, 22), (0, 0, 2, 2), (0, 0, 3, 2)
    labels = group([an_instance(far), an_instance(EMPTY), an_instance(near), an_instance(other)])
    assert labels.tolist() == [0, -1, 1, 1]


def test_score_must_exceed_tau():
    """Boxes 3x3 and 3x4: IoU 9/12; features share 1 of 2: Jaccard 1/2; score 0.375, exact in float32."""
    pair = [an_instance((0, 0, 2, 2), (1, 0, 0)), an_instance((0, 0, 2, 3), (1, 1, 0))]
    assert group(pair, 0.37).tolist() == [0, 0]
    assert group(pair, 0.375).tolist() == [0, 1]


def test_steps_and_features_keep_apart():
    box = (0, 0, 2, 2)
    labels = group([an_instance(box), an_instance(box, t=1), an_instance(box, (0, 1, 0)), an_instance(box)], 0.0)
    assert labels.tolist() == [0, 1, 2, 0]


def test_joins_only_its_best_partner():
    """Three boxes in a row: the middle one prefers the first; the last prefers the middle: one chain."""
    row = [an_instance((0, 0, 9, 0)), an_instance((1, 0, 10, 0)), an_instance((4, 0, 13, 0))]
    assert group(row, 0.1).tolist() == [0, 0, 0]
    assert group(row, 0.6).tolist() == [0, 0, 1]


@pytest.mark.parametrize("tau", [-0.1, float("nan"), float("inf")])
def test_refuses_other_thresholds(tau):
    with pytest.raises(ArgumentError, match="`tau`"):
        group([], tau)


BOXES = st.tuples(*[st.integers(0, 5)] * 2).flatmap(
    lambda c: st.tuples(st.just(c[0]), st.just(c[1]), st.integers(c[0], c[0] + 3), st.integers(c[1], c[1] + 3))
)
INSTANCES = st.builds(an_instance, st.one_of(st.just(EMPTY), BOXES), st.tuples(*[st.booleans()] * 3), st.integers(0, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(INSTANCES, max_size=12), st.sampled_from([0.0, 0.1, 0.4]))
def test_equals_the_double_loop(instances, tau):
    assert group(instances, tau).tolist() == by_double_loop(instances, tau)


def by_double_loop(instances, tau) -> list[int]:
    found = [i for i, instance in enumerate(instances) if not instance.empty]
    sets = [{i} for i in found]
    for i in found:
        scores = [(score(instances[i], instances[j]), -j) for j in found if j != i]
        best = max(scores, default=(0.0, 0))
        if best[0] > np.float32(tau):
            joined = [s for s in sets if i in s or -best[1] in s]
            sets = [s for s in sets if s not in joined] + [set().union(*joined)]
    order = sorted(sets, key=min)
    return [next((k for k, s in enumerate(order) if i in s), -1) for i in range(len(instances))]


def score(a: Instance, b: Instance) -> np.float32:
    shared, either = (a.ash & b.ash).sum(), (a.ash | b.ash).sum()
    pixels = (a.mask & b.mask).sum() / (a.mask | b.mask).sum()
    return np.float32(float(np.float32(shared) / np.float32(either)) * pixels if either else 0)
