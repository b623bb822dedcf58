"""Verdicts: what passes, what fails, and what proves nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import spikeseg_lava as sl
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.execution.verification import Verification, float_network, verify
from spikeseg_lava.network.floats import ConvLayer, Neuron, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.comparison import compare
from spikeseg_lava.spikes.record import SpikeRecord

FRAMES = np.random.default_rng(3).random((5, 1, 6, 7), np.float32)


@pytest.fixture
def network() -> SpikingNetwork:
    weight = np.random.default_rng(4).normal(0.2, 0.3, (2, 1, 3, 3)).astype(np.float32)
    return SpikingNetwork(
        (ConvLayer("conv1", weight, Neuron(np.ones(2), np.full(2, 0.1), np.ones(2)), padding=(1, 1)),)
    )


@pytest.fixture
def model(network: SpikingNetwork) -> FixedPointModel:
    return sl.quantize(network, calibration=FRAMES)


def test_a_faithful_model_on_an_exact_engine_passes(network: SpikingNetwork, model: FixedPointModel) -> None:
    result = verify(model, FRAMES, network, backend="event")
    assert result.verdict == "pass"
    assert result.bit_exact
    assert result.to_json()["layers"]["conv1"]["iou"] == 1.0
    assert result.to_json()["layers"]["conv1"]["reference_spikes"] > 0


def test_the_model_brings_its_own_floats(network: SpikingNetwork, model: FixedPointModel) -> None:
    assert np.array_equal(float_network(model).convolutions[0].weight, network.convolutions[0].weight)
    assert verify(model, FRAMES, backend="event").verdict == "pass"


def test_silence_gets_no_verdict(network: SpikingNetwork, model: FixedPointModel) -> None:
    result = verify(model, np.zeros_like(FRAMES), network, backend="event")
    assert result.verdict == "no_spikes"
    assert result.bit_exact
    assert "conv1 never spiked" in result.reason


def test_integers_that_lost_spikes_fail(network: SpikingNetwork, model: FixedPointModel) -> None:
    conv = model.convolutions[0]
    deaf = replace(conv, neuron=replace(conv.neuron, threshold=conv.neuron.threshold * 2))
    result = verify(replace(model, layers=(deaf,)), FRAMES, network, backend="event")
    assert result.verdict == "fail"
    assert result.unfaithful_layers == ("conv1",)


def record(rows: list[tuple[int, ...]], membrane: int) -> SpikeRecord:
    spikes, membranes = {"conv1": np.array(rows, np.int32).reshape(-1, 4)}, {"conv1": np.array([[[membrane]]])}
    return SpikeRecord(spikes, membranes, {"backend": "event"})


def test_one_membrane_unit_is_a_failure() -> None:
    one, other = record([(0, 0, 0, 0)], 5), record([(0, 0, 0, 0)], 6)
    result = Verification(other, compare(one, other), compare(one, one), 0.99)
    assert not result.bit_exact
    assert result.verdict == "fail"
    assert "differs from the integer oracle" in result.reason


def test_the_oracle_is_not_compared_with_itself(model: FixedPointModel) -> None:
    with pytest.raises(ArgumentError, match="oracle itself"):
        verify(model, FRAMES, backend="torch")
    with pytest.raises(ArgumentError, match="least_iou"):
        verify(model, FRAMES, backend="event", least_iou=1.5)
