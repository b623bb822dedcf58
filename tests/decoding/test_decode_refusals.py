"""What cannot be decoded is refused with one clear line, and what is not said in the record is found out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.networks import deep_network
from builders.records import STEPS, random_record

from spikeseg_lava.decoding.decoder import decode
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, RecordError
from spikeseg_lava.network.floats import PoolLayer, SpikingNetwork

NETWORK = deep_network(1)
RECORD = random_record(NETWORK, (18, 25), 2)


def without_meta(record, **membranes):
    return replace(record, meta={}, membranes=membranes)


def test_unknown_pool_winners():
    with pytest.raises(ArgumentError, match="`pool_winners` must be one of causal, last-step, got 'first'"):
        decode(RECORD, NETWORK, "first")


def test_something_that_is_no_network():
    with pytest.raises(ArgumentTypeError, match="`network`"):
        decode(RECORD, "network.pt")  # type: ignore[arg-type]


def test_network_that_ends_in_a_pool():
    network = SpikingNetwork((*NETWORK.layers, PoolLayer("pool3", (2, 2), (2, 2))))
    with pytest.raises(ArgumentError, match="cannot be decoded"):
        decode(RECORD, network)


@pytest.mark.parametrize("missing", ["conv1", "conv2", "conv3"])
def test_record_that_lacks_a_layer(missing):
    spikes = {name: rows for name, rows in RECORD.spikes.items() if name != missing}
    with pytest.raises(RecordError, match=f"no layer `{missing}`"):
        decode(replace(RECORD, spikes=spikes), NETWORK)


def test_pools_need_not_be_recorded():
    spikes = {name: rows for name, rows in RECORD.spikes.items() if not name.startswith("pool")}
    np.testing.assert_array_equal(
        decode(replace(RECORD, spikes=spikes), NETWORK).channels, decode(RECORD, NETWORK).channels
    )


def test_record_of_another_size():
    with pytest.raises(RecordError, match="does not fit the network"):
        decode(RECORD, NETWORK, size=(12, 12))


def test_record_out_of_order():
    spikes = {**RECORD.spikes, "conv2": RECORD.spikes["conv2"][::-1]}
    with pytest.raises(RecordError, match="`conv2` are not in order of time"):
        decode(replace(RECORD, spikes=spikes), NETWORK)


def test_unknown_size():
    with pytest.raises(ArgumentError, match="`size` is needed"):
        decode(without_meta(RECORD), NETWORK)


@pytest.mark.parametrize(
    ("record", "network", "size"),
    [
        (RECORD, NETWORK, None),
        (without_meta(RECORD, conv1=np.zeros((3, 18, 25))), NETWORK, None),
        (without_meta(RECORD), replace(NETWORK, input_size=(18, 25)), None),
        (without_meta(RECORD), NETWORK, (18, 25)),
    ],
    ids=["from meta", "from the membrane", "from the network", "given"],
)
def test_size_is_found_out(record, network, size):
    found = decode(record, network, size=size, timesteps=STEPS)
    assert found.saliency.shape == (18, 25)
    assert all(instance.mask.shape == (18, 25) for instance in found.instances[:3])


def test_fewer_steps_than_the_record_holds():
    with pytest.raises(ArgumentError, match="`timesteps` is 2"):
        decode(RECORD, NETWORK, timesteps=2)


@pytest.mark.parametrize(("trained", "steps"), [(None, STEPS), (2, STEPS), (9, 9)])
def test_steps_are_those_trained_with_where_nothing_else_is_said(trained, steps):
    network = replace(NETWORK, input_size=(18, 25), timesteps=trained)
    assert decode(without_meta(RECORD), network).timesteps == steps


def test_no_spike_at_all():
    silent = replace(RECORD, spikes={name: rows[:0] for name, rows in RECORD.spikes.items()})
    for mode in ("causal", "last-step"):
        found = decode(silent, NETWORK, mode)
        assert len(found.instances) == 0
        assert not found.saliency.any()
        assert found.saliency.shape == (18, 25)


def test_unknown_weights():
    with pytest.raises(ArgumentError, match="`weights` must be 'stored' or 'unit', got 'rounded'"):
        decode(RECORD, NETWORK, weights="rounded")
