"""Events, operations, updates and energy of a run, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from builders.models import pooled_model, pooled_run
from builders.networks import encoder_of_ones

from spikeseg_lava.chip.report.activity import activity
from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.record import SpikeRecord


def test_counts_by_hand() -> None:
    frames, record = pooled_run()
    conv1, pool1, conv2 = activity(pooled_model(), record, frames).layers
    assert conv1.input_events == 3  # the fourth event rounds to a payload of 0
    assert conv1.operations == 2 * 3 * (4 + 9 + 6)  # planes * maps * taps in the corner, inside, at the edge
    assert (conv1.updates, conv1.spikes, conv1.active) == (3 * 6 * 10 * 3, 3, 2)
    assert (pool1.input_events, pool1.operations) == (3, 3)
    assert (conv2.input_events, conv2.operations, conv2.updates) == (3, 4 + 6 + 6, 3 * 5 * 3)
    assert conv1.dense_operations == 3 * 2 * 3 * 2 * (3 * 6 - 2) * (3 * 10 - 2)


def test_totals() -> None:
    frames, record = pooled_run()
    found = activity(pooled_model(), record, frames)
    assert found.steps == 3
    assert found.spikes == 7
    assert found.operations == 114 + 3 + 16
    assert found.updates == 540 + 3 * 3 * 5 * 3 + 45


def test_without_frames_the_first_layer_stays_unknown() -> None:
    _, record = pooled_run()
    found = activity(pooled_model(), record)
    assert found.layers[0].operations is None
    assert found.layers[1].operations == 3
    assert found.operations is None


def test_a_float_network_counts_every_event() -> None:
    record = SpikeRecord({layer.name: np.zeros((0, 4), np.int32) for layer in encoder_of_ones().layers})
    frames = np.zeros((1, 2, 128, 128), np.float32)
    frames[0, 1, 64, 64] = 1e-6
    assert activity(encoder_of_ones(), record, frames).layers[0].operations == 4 * 25


def test_refusals() -> None:
    frames, record = pooled_run()
    with pytest.raises(RecordError, match="no layer `pool1`"):
        activity(pooled_model(), SpikeRecord({"conv1": record.spikes["conv1"]}), frames)
    with pytest.raises(RecordError, match="how many steps"):
        activity(pooled_model(), SpikeRecord(record.spikes))
