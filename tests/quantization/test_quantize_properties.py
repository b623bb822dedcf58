"""Whatever the network: integers within the words of the chip, and within the stated error of their floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.drawn import networks
from builders.networks import one_layer, random_clip, random_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.bounds import layer_ranges
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import STATE_MAX
from spikeseg_lava.network.model import FixedPointModel, load_model, save_model
from spikeseg_lava.quantization.calibration import ranges_on
from spikeseg_lava.quantization.explain import explain
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.quantization.scales import cut_level

OPTIONS = st.fixed_dictionaries(
    {
        "planes": st.sampled_from([None, 1, 2]),
        "input_bits": st.sampled_from([None, 1, 5, 8, 12]),
        "per_channel": st.booleans(),
    }
)


def quantized(network: SpikingNetwork, options: dict) -> FixedPointModel | None:
    """The model, or None where a layer is too coarse for its membrane and is refused."""
    try:
        return quantize(network, rounding="nearest", **options)
    except QuantizationError:
        return None


@settings(max_examples=30, deadline=None)
@given(networks(), OPTIONS)
def test_every_integer_is_within_its_word(network: SpikingNetwork, options: dict):
    model = quantized(network, options)
    if model is None:
        return
    for conv in model.convolutions:
        firing = conv.neuron.threshold.astype(np.int64) + conv.neuron.leak
        assert all(plane.weight.dtype == np.int8 and plane.exponent >= 0 for plane in conv.planes)
        assert conv.neuron.threshold.min() >= 1
        assert conv.neuron.leak.min() >= 0
        assert firing.max() <= STATE_MAX
        assert 0 <= conv.neuron.decay.min() <= conv.neuron.decay.max() <= 4096
    assert all(layer.saturation != "harmful" for layer in layer_ranges(model).values())


@settings(max_examples=30, deadline=None)
@given(networks(), OPTIONS)
def test_every_integer_is_near_its_float(network: SpikingNetwork, options: dict):
    model = quantized(network, options)
    if model is None:
        return
    for layer in explain(model).layers:
        weight, threshold = layer.trace("weight"), layer.trace("threshold")
        unit = 2.0 ** layer.exponents[0] / weight.scale
        assert (np.abs(weight.error) <= 0.5001 * unit)[~weight.cut].all()
        assert (weight.integer[weight.cut] >= threshold.integer.min()).all()
        assert (threshold.error * threshold.scale >= 0).all()
        assert (threshold.error * threshold.scale < 1).all()
        assert (np.abs(layer.traces[2].error * layer.traces[2].scale) <= 0.5001).all()


@settings(max_examples=30, deadline=None)
@given(networks())
def test_what_was_cut_fires_alone(network: SpikingNetwork):
    model = quantized(network, {"planes": 1, "input_bits": 1})
    if model is None:
        return
    for conv in model.convolutions:
        cut = conv.source.weight > cut_level(conv.source, 1)[:, None, None, None]
        alone = (conv.neuron.threshold.astype(np.int64) + conv.neuron.leak)[:, None, None, None]
        assert (conv.kernel >= alone)[cut].all()


@settings(max_examples=25, deadline=None)
@given(networks(), OPTIONS)
def test_saved_models_come_back_as_they_were(tmp_path_factory, network: SpikingNetwork, options: dict):
    model = quantized(network, options)
    if model is None:
        return
    path = tmp_path_factory.mktemp("models") / "model.slm"
    save_model(model, path)
    back = load_model(path)
    assert (back.input, back.target, back.input_size, back.timesteps) == (
        model.input, model.target, model.input_size, model.timesteps,
    )  # fmt: skip
    assert back.provenance == model.provenance
    for old, new in zip(model.convolutions, back.convolutions, strict=True):
        np.testing.assert_array_equal(new.kernel, old.kernel)
        np.testing.assert_array_equal(new.scale, old.scale)
        np.testing.assert_array_equal(new.source.weight, old.source.weight)
        for name in ("threshold", "leak", "decay"):
            np.testing.assert_array_equal(getattr(new.neuron, name), getattr(old.neuron, name))
    save_model(back, path.with_suffix(".again"))
    assert path.read_bytes() == path.with_suffix(".again").read_bytes()


@pytest.mark.parametrize("leak_mode", ["subtractive", "multiplicative"])
@pytest.mark.parametrize("fire_once", [True, False])
def test_cutting_the_floats_changes_no_spike(leak_mode: str, fire_once: bool):
    network = random_network(11, leak_mode=leak_mode, signed=False).with_threshold(0.4)
    levels = {c.name: cut_level(c, 1)[:, None, None, None] for c in network.convolutions}
    assert all((c.weight > levels[c.name]).any() for c in network.convolutions)
    layers = tuple(
        replace(x, weight=np.minimum(x.weight, levels[x.name]).astype(np.float32)) if isinstance(x, ConvLayer) else x
        for x in network.layers
    )
    clip = random_clip(12, binary=True)
    whole, cut = (run(n, clip, "torch", fire_once) for n in (network, replace(network, layers=layers)))
    for name in whole.spikes:
        assert len(whole.spikes[name]) > 10
        np.testing.assert_array_equal(whole.spikes[name], cut.spikes[name])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, STATE_MAX), st.integers(0, STATE_MAX), st.lists(st.integers(-(2**30), 2**30), min_size=1, max_size=8)
)
def test_saturation_changes_no_spike_of_a_floored_neuron(theta: int, leak: int, drives: list[int]):
    """The rule itself: with Theta + L <= 2**23 - 1 the 24-bit neuron fires exactly when one of unlimited words does."""
    leak = min(leak, STATE_MAX - theta)

    def spikes(clip) -> list[bool]:
        v, fired = 0, []
        for drive in drives:
            v = max(clip(v + clip(drive) - leak), 0)
            fired.append(v >= theta)
            v = 0 if fired[-1] else v
        return fired

    assert spikes(lambda v: v) == spikes(lambda v: min(max(v, -STATE_MAX - 1), STATE_MAX))


def test_saturation_rule_is_told_by_the_ranges():
    wide = quantize(one_layer([[1.0, 1.0]], 5.0), planes=2, input_bits=12)
    (found,) = layer_ranges(wide).values()
    assert found.drive.high == 4095 * wide.convolutions[0].kernel.sum()
    sinking = quantize(one_layer([[1.0, -1.0]], 5.0, floor=False), input_bits=4)
    (found,) = layer_ranges(sinking).values()
    assert found.saturation == "bounded"
    assert found.safe_steps is not None
    assert found.safe_steps >= 10
    assert found.safe_steps * -found.drive.low <= STATE_MAX + 1 < (found.safe_steps + 1) * -found.drive.low


def test_observed_ranges_lie_within_the_worst_case():
    model = quantize(random_network(13), rounding="nearest")
    for layer in ranges_on(model, random_clip(14), fire_once=False).values():
        assert layer.observed is not None
        assert layer.drive.low <= layer.observed.drive.low <= layer.observed.drive.high <= layer.drive.high
        assert layer.observed.membrane.high <= layer.membrane.high
        assert layer.observed.membrane.high > model.convolutions[0].neuron.threshold.min() * 0.01
        assert layer.observed.saturated == 0
