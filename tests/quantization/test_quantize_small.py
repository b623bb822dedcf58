"""Integers of layers small enough to be worked out by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from builders.networks import neuron, one_layer, random_clip, random_network

from spikeseg_lava.chip.rules.check import check_rules
from spikeseg_lava.errors import ExchangeError
from spikeseg_lava.exchange.netx.layers import netx_layers
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import byte_planes, sum_planes
from spikeseg_lava.quantization.close_calls import close_calls, received
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.quantization.rounding import integer_neuron
from spikeseg_lava.quantization.scales import cut_level
from spikeseg_lava.spikes.comparison import compare


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


def test_close_calls_of_one_neuron():
    """w = 0.3, theta = 1, lambda = 0.1, inputs 1, 0, 2, 2, 0: V = 0.2, 0.1, 0.6, 1.1 (fires), -0.1."""
    layer = one_layer([[0.3]], 1.0, 0.1).convolutions[0]
    inputs = np.array([1, 0, 2, 2, 0], np.float32).reshape(5, 1, 1, 1)
    (found,) = close_calls(layer, inputs, fire_once=False)
    (patches,) = received(layer, [found], inputs, layer.neuron.beta)
    assert patches.ravel().tolist() == [1, 1, 3, 5, 0]
    np.testing.assert_allclose(found.distance, [-0.8, -0.9, -0.4, 0.1, -1.1], atol=1e-6)
    assert found.steps.tolist() == [1, 2, 3, 4, 1]
    assert (found.fired, found.complete) == (1, True)
    assert found.density(0.5) == 2


def test_close_calls_of_a_leaky_neuron_forget_what_it_forgets():
    """beta = 1/2, inputs 4, 2, 2: X = 4, 4, 4; cleared before step 2, X = 2 there."""
    layer = one_layer([[0.1]], 1.0, beta=0.5).convolutions[0]
    inputs = np.array([4, 2, 2], np.float32).reshape(3, 1, 1, 1)
    for interval, last in ((None, 4), (2, 2)):
        (found,) = close_calls(layer, inputs, False, interval)
        assert next(received(layer, [found], inputs, layer.neuron.beta)).ravel().tolist() == [4, 4, last]


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
            assert len(expected & found) >= (0.995 if calibrated else 0.98) * len(expected | found)


def test_binary_clip_is_given_one_bit_and_graded_ones_more():
    network = random_network(5)
    assert quantize(network, calibration=random_clip(6, binary=True)).input.bits == 1
    assert quantize(network, calibration=random_clip(6)).input.bits > 1


def test_payload_reaches_the_largest_value_of_all_clips():
    clips = [random_clip(7), 3 * random_clip(8)]
    model = quantize(random_network(5), calibration=clips)
    assert model.input.encode(clips[1]).max() <= model.input.largest
    assert model.input.scale * 3 == pytest.approx(round(model.input.scale * 3))
    assert len(model.provenance["quantization"]["calibration"]) == 4


def test_silent_layer_gets_the_finest_setting_and_says_so():
    silent = random_network(5).with_threshold(1e3)
    told = quantize(silent, calibration=random_clip(6)).provenance["quantization"]["layers"]["conv1"]
    assert told["chosen"]["planes"] == 2
    assert told["fitted_iou"] is told["unseen_iou"] is None
    assert "never spiked" in told["reason"]


def test_choice_tells_what_was_tried_and_how_both_kinds_of_clips_fared():
    told = quantize(random_network(5), calibration=random_clip(6)).provenance["quantization"]
    layer = told["layers"]["conv1"]
    assert layer["chosen"] in layer["tried"]
    assert 0.99 <= layer["fitted_iou"] <= 1
    assert 0.99 <= layer["unseen_iou"] <= 1
    assert told["iou"]["unseen"]["conv1"] == layer["unseen_iou"]
    assert len(told["unseen"]) >= 4


def test_cheaper_settings_pass_a_lower_fidelity():
    planes = {}
    for fidelity in (0.5, 1.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = quantize(random_network(5), calibration=random_clip(6), fidelity=fidelity)
        planes[fidelity] = [len(conv.planes) for conv in model.convolutions]
    assert planes[0.5] == [1, 1]
    assert sum(planes[1.0]) > 2


def test_spikes_lost_on_the_calibration_clip_are_warned_of():
    with pytest.warns(UserWarning, match=r"keep less than 0.99 .*`conv1`"):
        quantize(random_network(5), calibration=random_clip(6), planes=1, input_bits=2, rounding="nearest")


def test_progress_is_reported_to_its_end():
    seen = []
    quantize(random_network(5), calibration=random_clip(6), progress=lambda *told: seen.append(told))
    assert {what for what, _, _ in seen} == {"float network on clips", "layers"}
    assert seen[-1] == ("layers", 2, 2)


def test_layer_of_zero_weights():
    conv = quantize(one_layer([[0.0, 0.0]], 0.1, 0.05), input_bits=1).convolutions[0]
    assert not conv.kernel.any()
    assert conv.neuron.threshold[0] >= 1


def test_loihi_1_has_binary_spikes_only():
    with pytest.warns(UserWarning, match="loihi1") as told:
        model = quantize(random_network(5), "loihi1", random_clip(6))
    assert any("carry no payload" in str(warning.message) for warning in told)
    assert model.input.bits == 1
    assert quantize(random_network(5), "loihi1").input.bits == 1


@pytest.mark.parametrize("leak_mode", ["subtractive", "multiplicative"])
def test_loihi_1_holds_threshold_and_leak_in_its_registers(leak_mode: str):
    """Theta = 64 m + 1 with m of 17 bits, L = 12 bits times 2**(0..7), an accumulator of 21 bits and sign."""
    network, clip = random_network(3, leak_mode=leak_mode), random_clip(4, binary=True)
    model = quantize(network, "loihi1", clip)
    for conv in model.convolutions:
        neuron = conv.neuron
        assert (neuron.threshold % 64 == 1).all()
        assert neuron.threshold.max() < 2**23
        assert all(any(leak % 2**e == 0 and leak >> e < 4096 for e in range(8)) for leak in neuron.leak.tolist())
        assert np.abs(conv.kernel).sum(axis=(1, 2, 3)).max() < 2 * 2**21
    assert not [
        finding for finding in check_rules(model, frames=clip, record=run(model, clip)) if finding.severity == "error"
    ]
    floats, integers = run(network, clip, "torch"), run(model, clip, "event")
    assert min(layer.iou or 0 for layer in compare(floats, integers, ["conv1", "conv2"]).layers) >= 0.99


def test_a_leak_beyond_the_registers_of_loihi_1_costs_scale():
    """The bias register ends at 4095 << 7, below what the state word would allow."""
    conv = quantize(one_layer([[1.0]], 1.0, 1000.0), "loihi1").convolutions[0]
    assert conv.neuron.leak[0] <= 4095 << 7
    assert conv.neuron.leak[0] / conv.scale[0] == pytest.approx(1000, rel=1e-3)


@pytest.mark.filterwarnings("ignore:the integers keep less")  # 8 bits for 18 weights of both signs
@pytest.mark.parametrize("beta", [None, 0.9])
def test_an_exportable_model_fits_the_file_of_lava_dl(beta: float | None):
    random = np.random.default_rng(1)
    weight = random.normal(size=(3, 2, 3, 3)).astype(np.float32)
    layer = ConvLayer("conv1", weight, neuron(3, 2.0, beta=beta, floor=False), padding=(1, 1))
    network, clip = SpikingNetwork((layer,), (9, 7), 12), random_clip(6, binary=True)
    model = quantize(network, calibration=clip, exportable="netx")
    (exported,) = netx_layers(model)
    assert np.abs(exported.weight).max() > 127
    floats, integers = run(network, clip, "torch", False), run(model, clip, "event", False)
    assert (compare(floats, integers)["conv1"].iou or 0) >= 0.98


def test_what_the_file_of_lava_dl_cannot_hold_is_refused_by_name():
    with pytest.raises(ExchangeError, match=r"`conv1`.*no floor"):
        quantize(random_network(3), exportable="netx")


def test_counts_on_neurons_without_a_floor_stay_whole():
    """Counts 0 to 3 over many steps: a payload wider than they are takes its bits from the weights."""
    random = np.random.default_rng(2)
    weight = random.normal(size=(4, 2, 3, 3)).astype(np.float32)
    network = SpikingNetwork((ConvLayer("conv1", weight, neuron(4, 8.0, floor=False), padding=(1, 1)),), (9, 7), 300)
    counts = random.poisson(0.3, (300, 2, 9, 7)).clip(0, 3).astype(np.float32)
    model = quantize(network, calibration=counts[:150], fire_once=False)
    assert model.input.scale == 1
    floats, integers = run(network, counts[150:], "torch", False), run(model, counts[150:], "event", False)
    assert len(floats.spikes["conv1"]) > 1000
    assert (compare(floats, integers)["conv1"].iou or 0) >= 0.99
