"""Worst cases and observed drives against sums done by hand and by PyTorch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.models import layer, model, ones
from builders.networks import neuron
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.chip.rules.check import check_rules
from spikeseg_lava.network.bounds import layer_ranges
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import STATE_MAX
from spikeseg_lava.network.observation import Interval, dense, drive
from spikeseg_lava.quantization.quantize import quantize


def test_worst_cases_by_hand() -> None:
    """Weights 3, -2 in two planes (x 1 and x 4), payload up to 7, threshold 50, leak 4."""
    made = model(layer([[[[3, -2]]]], 50, 4, exponents=(0, 2)), bits=3)
    found = layer_ranges(made, steps=10)["conv1"]
    assert found.drive == Interval(-2 * 5 * 7, 3 * 5 * 7)
    assert found.weight_sum == 25
    assert found.membrane == Interval(-70 - 4, 49 + 105 - 4)
    assert found.observed is None


def test_without_a_floor_the_steps_add_up() -> None:
    made = model(layer([[[[3, -2]]]], 50, 4, floor=False))
    assert layer_ranges(made, steps=10)["conv1"].membrane == Interval(-60, 49 + 3 - 4)


def test_with_a_decay_the_steps_add_up_to_less() -> None:
    """Half of the membrane is lost each step: 10 + 5 + 2.5 for three steps of -10."""
    made = replace(layer([[[[30, -10]]]], 50, 0, floor=False))
    leaky = replace(made.neuron, leak_mode="multiplicative", decay=np.array([2048], np.int32))
    found = layer_ranges(model(replace(made, neuron=leaky)), steps=3)["conv1"]
    assert found.membrane == Interval(-18, 49 + 30)
    assert found.safe_steps is None


def test_quantizer_and_design_rules_agree_on_a_leaky_neuron_without_a_floor() -> None:
    """With beta 0.9 a membrane sinks to ten worst drives and no further, however many steps there are."""
    leaky = ConvLayer("conv1", np.array([[[[1.0]], [[-1.0]]]], np.float32), neuron(1, 5.0, beta=0.9, floor=False))
    quantized = quantize(SpikingNetwork((leaky,), (1, 1), 2000), input_bits=4)
    assert layer_ranges(quantized)["conv1"].saturation == "impossible"
    assert not [finding for finding in check_rules(quantized) if "saturation" in finding.rule]
    assert layer_ranges(quantized)["conv1"].drive.magnitude * 2000 > STATE_MAX, "without the decay it would saturate"


def test_quantizer_and_design_rules_agree_where_saturation_matters() -> None:
    made = model(layer([[[[100, -100]]]], 50, 0, exponents=(8,), floor=False), bits=4)
    assert layer_ranges(made, steps=100)["conv1"].saturation == "harmful"
    assert [f.rule for f in check_rules(made, steps=100) if f.severity == "error"] == [
        "saturation_of_membranes_without_floor"
    ]
    assert layer_ranges(made, steps=20)["conv1"].saturation == "bounded"
    assert not [f for f in check_rules(made, steps=20) if f.severity == "error"]


def test_only_the_first_layer_sees_payloads() -> None:
    found = layer_ranges(model(layer(ones(1, 1, 1, 1)), layer(ones(1, 1, 1, 1), name="conv2"), bits=4), steps=1)
    assert (found["conv1"].payload, found["conv2"].payload) == (15, 1)


@pytest.mark.parametrize(("low", "high", "bits"), [(0, 0, 1), (0, 1, 2), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9)])
def test_bits_of_a_signed_word(low: int, high: int, bits: int) -> None:
    assert Interval(low, high).bits == bits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(1, 1), (2, 1), (1, 3)]))
def test_drive_is_the_convolution_of_pytorch(seed: int, stride: tuple[int, int]) -> None:
    import torch

    random = np.random.default_rng(seed)
    made = layer(random.integers(-128, 128, (3, 2, 3, 5)), exponents=(0, 8), stride=stride)
    inputs = random.integers(0, 4096, (2, 2, 6, 9))
    expected = torch.nn.functional.conv2d(
        torch.as_tensor(inputs).double(), torch.as_tensor(made.kernel).double(), stride=stride, padding=(1, 2)
    )
    np.testing.assert_array_equal(drive(made, inputs), expected.numpy())


def test_dense_puts_spikes_where_they_were() -> None:
    spikes = dense(np.array([(0, 1, 0, 2), (1, 0, 1, 0)]), 2, (2, 2, 3))
    assert np.argwhere(spikes).tolist() == [[0, 1, 0, 2], [1, 0, 1, 0]]
