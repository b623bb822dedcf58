"""A silent layer is named with the share of its threshold it reached, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from builders.models import integer_conv, model_of

from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.execution.backends import reason_of_silence

WEIGHT = np.full((1, 1, 1, 1), 3, np.int8)
ONCE = SparseSteps(np.array([0, 1, 2, 2]), np.zeros(2, np.int32), np.full(2, 2, np.int32))


@pytest.mark.parametrize(("theta", "reached"), [(25, "48% of theta"), (13, "92% of theta"), (12, None)])
def test_two_events_of_payload_2_and_weight_3_reach_12(theta, reached):
    reason = reason_of_silence(model_of(integer_conv("conv1", [(WEIGHT, 0)], theta)), ONCE, (2, 2))
    assert reason is None if reached is None else reason is not None and reached in reason


def test_the_first_silent_layer_is_named_and_a_lower_threshold_makes_it_spike():
    model = model_of(integer_conv("conv1", [(WEIGHT, 0)], 6), integer_conv("conv2", [(WEIGHT, 0)], 100))
    reason = reason_of_silence(model, ONCE, (2, 2), fire_once=False)
    assert reason is not None
    assert reason.startswith("conv2 never spiked: its largest membrane reached 6% of theta")


def test_input_without_an_event():
    model = model_of(integer_conv("conv1", [(WEIGHT, 0)], 6))
    assert reason_of_silence(model, SparseSteps.silent(3), (2, 2)) == (
        "the network never spiked: its input holds no event"
    )
