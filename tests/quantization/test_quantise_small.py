"""Integers of layers small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import neuron, one_layer, random_clip, random_network

from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.integers import byte_planes, sum_planes
from spikeseg_lava.quantization.calibrated_rounding import round_up_or_down
from spikeseg_lava.quantization.close_calls import Decisions, close_calls, decisions_at
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.quantization.rounding import integer_neuron
from spikeseg_lava.quantization.scales import cut_level


def test_signed_bytes_of_two_planes():
    low, high = byte_planes(np.array([300, -300, 200, 127, -128, 32639, -32639]) << 3, 3)
    assert low.weight.tolist() == [44, -44, -56, 127, -128, 127, -127]
    assert high.weight.tolist() == [1, -1, 1, 0, 0, 127, -127]
    assert (low.exponent, high.exponent) == (3, 11)
    assert sum_planes((low, high)).tolist() == [n << 3 for n in (300, -300, 200, 127, -128, 32639, -32639)]


def test_threshold_is_rounded_up_and_leak_to_the_nearest():
    made = integer_neuron(neuron(3, [0.5, 0.5001, 0.4999], [0.0124, 0.0126, 0.0]), np.array([100.0, 100.0, 100.0]))
    assert made.threshold.tolist() == [50, 51, 50]
    assert made.leak.tolist() == [1, 1, 0]
    assert made.decay.tolist() == [0, 0, 0]


def test_decay_of_a_multiplicative_leak():
    made = integer_neuron(neuron(2, 1.0, 0.0, beta=0.75), np.array([10.0, 10.0]))
    assert made.decay.tolist() == [1024, 1024]
    assert made.leak.tolist() == [0, 0]


@pytest.mark.parametrize("planes", [1, 2])
def test_whole_weights_stay_exact_so_that_ties_fire(planes: int):
    model = quantize(one_layer([[1, 3]], 4), planes=planes, input_bits=1)
    conv = model.convolutions[0]
    one, three = conv.kernel[0, :, 0, 0].tolist()
    assert three == 3 * one
    assert one + three >= conv.neuron.threshold[0] > one + three - one


def test_exponent_gives_the_leak_more_resolution_than_the_weights_have():
    conv = quantize(one_layer([[1.0]], 5.0, 0.01), planes=1, input_bits=1).convolutions[0]
    assert conv.neuron.leak[0] / conv.scale[0] == pytest.approx(0.01, rel=0.01)
    assert conv.kernel.max() >> conv.planes[0].exponent <= 127


def test_large_weights_are_cut_to_the_level_that_fires_alone():
    conv = quantize(one_layer([[0.02, 0.9]], 0.05, 0.005), planes=1, input_bits=1).convolutions[0]
    small, large = (conv.kernel[0, :, 0, 0] / conv.scale[0]).tolist()
    assert small == pytest.approx(0.02, abs=0.5 * 0.056 / 63)
    assert conv.kernel.max() >= conv.neuron.threshold[0] + conv.neuron.leak[0]
    assert large < 0.06


@pytest.mark.parametrize(
    ("network", "bits"),
    [
        (one_layer([[0.02, 0.9]], 0.05), 8),
        (one_layer([[-0.02, 0.9]], 0.05), 1),
        (one_layer([[0.02, 0.9]], 0.05, 0.01, floor=False), 1),
    ],
    ids=["graded input", "negative weight", "no floor, with leak"],
)
def test_nothing_is_cut_where_one_spike_does_not_decide(network, bits):
    assert np.isinf(cut_level(network.convolutions[0], bits)).all()


def test_scale_of_each_channel_fills_its_own_bytes():
    network = one_layer([[1.0, -1.0], [0.01, -0.01]], 5.0)
    one = quantize(network, planes=1, input_bits=1).convolutions[0]
    each = quantize(network, planes=1, input_bits=1, per_channel=True).convolutions[0]
    smallest = [int(np.abs(c.kernel[1]).max()) >> c.planes[0].exponent for c in (one, each)]
    assert smallest[0] <= 1
    assert smallest[1] >= 63
    assert one.scale[0] == one.scale[1] < each.scale[1]


def test_planes_by_layer_name():
    model = quantize(random_network(1), planes={"conv1": 1})
    assert [len(conv.planes) for conv in model.convolutions] == [1, 2]


def test_rounding_up_or_down_keeps_a_decision_that_nearest_rounding_turns():
    decisions = Decisions(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([2.7, 2.5]), np.array([True, False]))
    weights, loss = round_up_or_down(np.array([1.4, 1.4]), decisions, 1.0, 0.05)
    assert sorted(weights.tolist()) == [1, 2]
    assert loss == 0


def test_close_decisions_of_one_neuron():
    """w = 0.3, theta = 1, lambda = 0.1, inputs 1, 0, 2, 2, 0: V = 0.2, 0.1, 0.6, 1.1 (fires), -0.1."""
    network = one_layer([[0.3]], 1.0, 0.1)
    inputs = np.array([1, 0, 2, 2, 0], np.float32).reshape(5, 1, 1, 1)
    layer = network.convolutions[0]
    (found,) = decisions_at(layer, close_calls(layer, inputs, fire_once=False), inputs)
    assert found.inputs.ravel().tolist() == [1, 1, 3, 5, 0]
    np.testing.assert_allclose(found.level, [1.1, 1.2, 1.3, 1.4, 1.1])
    assert found.fires.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("leak_mode", ["subtractive", "multiplicative"])
@pytest.mark.parametrize("floor", [True, False])
@pytest.mark.parametrize("calibrated", [True, False])
def test_integers_spike_like_floats(leak_mode: str, floor: bool, calibrated: bool):
    network, clip = random_network(3, leak_mode=leak_mode, floor=floor), random_clip(4)
    model = quantize(network, calibration=clip if calibrated else None)
    for fire_once in (True, False):
        floats, integers = run(network, clip, "torch", fire_once), run(model, clip, "event", fire_once)
        for name in ("conv1", "conv2"):
            expected, found = ({tuple(row) for row in r.spikes[name].tolist()} for r in (floats, integers))
            assert len(expected) > 20
            assert len(expected & found) >= (1.0 if calibrated else 0.98) * len(expected | found)


def test_binary_clip_is_given_one_bit_and_graded_ones_more():
    network = random_network(5)
    assert quantize(network, calibration=random_clip(6, binary=True)).input.bits == 1
    assert quantize(network, calibration=random_clip(6)).input.bits > 1


def test_payload_reaches_the_largest_value_of_all_clips():
    clips = [random_clip(7), 3 * random_clip(8)]
    model = quantize(random_network(5), calibration=clips)
    assert model.input.scale == model.input.largest // 3 // 13 * 13  # both clips hold multiples of 1/13
    assert len(model.provenance["quantisation"]["calibration"]) == 4


def test_silent_layer_gets_the_finest_setting_and_says_so():
    clip = np.zeros((5, 2, 9, 7), np.float32)
    model = quantize(random_network(5), calibration=clip)
    told = model.provenance["quantisation"]["layers"]["conv1"]
    assert told["chosen"]["planes"] == 2
    assert "never spiked" in told["reason"]


def test_choice_tells_what_was_tried():
    told = quantize(random_network(5), calibration=random_clip(6)).provenance["quantisation"]["layers"]["conv1"]
    assert told["tried"][-1] == told["chosen"]
    assert told["chosen"]["wrong_spikes"] == 0
    assert all(tried["wrong_spikes"] > 0 for tried in told["tried"][:-1])
    assert str(told["chosen"]["reference_spikes"]) in told["reason"]


def test_layer_of_zero_weights():
    conv = quantize(one_layer([[0.0, 0.0]], 0.1, 0.05), input_bits=1).convolutions[0]
    assert not conv.kernel.any()
    assert conv.neuron.threshold[0] >= 1


def test_loihi_1_has_binary_spikes_only():
    with pytest.warns(UserWarning, match="carry no payload"):
        model = quantize(random_network(5), "loihi1", random_clip(6))
    assert model.input.bits == 1
    assert quantize(random_network(5), "loihi1").input.bits == 1
