"""What a stock network may hold: even weights, 17-bit activations and thresholds, 13-bit biases."""

from __future__ import annotations

import numpy as np
import pytest
from builders.models import STOCK_SIZE, planes_conv, stock_frames, stock_model

from spikeseg_lava.errors import ArgumentError, ClipError, QuantizationError
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.limits import layer_problems, split_bias
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.parts import KernelSynapse, PointSynapse
from spikeseg_lava.stock.simulate import run_stock


@pytest.mark.parametrize("method", ["windows", "mirror", "memoryless", "unfloored"])
@pytest.mark.parametrize("seed", range(4))
def test_every_number_is_one_the_chip_can_hold(method: str, seed: int) -> None:
    network = lower(stock_model(seed), method=method, frames=7)  # type: ignore[arg-type]
    for synapse in network.synapses:
        if isinstance(synapse, PointSynapse):
            assert abs(synapse.weight) == 254
            assert 0 <= synapse.exponent <= 7
        else:
            assert not (synapse.weight % 2).any()
            assert synapse.weight.min() >= -256
            assert synapse.weight.max() <= 254
    for population in network.populations:
        assert 0 <= population.threshold < 2**17
        assert 0 <= population.voltage_decay < 4096
        mantissa, exponent = split_bias(population.bias)
        assert np.abs(mantissa).max() < 4096
        assert exponent in range(8)


def test_conv_synapses_have_no_exponent_and_one_threshold_a_population() -> None:
    network = lower(stock_model(0), method="windows", frames=7)
    assert all(isinstance(population.threshold, int) for population in network.populations)
    assert not any(hasattr(s, "exponent") for s in network.synapses if isinstance(s, KernelSynapse))


@pytest.mark.parametrize(
    ("bias", "expected"), [([-5, 3], ([-5, 3], 0)), ([-8192, 0], ([-4096 // 2, 0], 2)), ([4095 << 7], ([4095], 7))]
)
def test_bias_is_mantissa_and_exponent(bias: list[int], expected: tuple[list[int], int]) -> None:
    mantissa, exponent = split_bias(np.array(bias))
    assert (mantissa.tolist(), exponent) == expected


@pytest.mark.parametrize("bias", [4096 << 7, 8193])
def test_bias_between_or_beyond_the_values_is_refused(bias: int) -> None:
    with pytest.raises(QuantizationError, match=f"{bias} cannot be written"):
        split_bias(np.array([bias]))


def test_all_problems_of_a_layer_are_told_together() -> None:
    layer = planes_conv("conv1", [np.full((2, 1, 3, 3), 120)], 70_000, 5_000, exponents=(6,))
    found = layer_problems(layer, 1)
    assert len(found) == 4
    for word, text in zip(
        ("threshold 70000", "leak 5000", "138240 activations", "64 synapse groups"), found, strict=True
    ):
        assert word in text


def test_a_layer_of_two_thresholds_gets_new_integers() -> None:
    layer = planes_conv("conv1", [np.full((2, 1, 3, 3), 9)], 40, 4)
    layer.neuron.threshold[1] = 50
    layer.source.neuron.threshold[1] = 50
    network = lower(FixedPointModel((layer,), InputCode(1, 1.0), input_size=STOCK_SIZE), frames=3)
    assert "2 thresholds" in network.fitted.refitted["conv1"][0]
    assert not network.exact


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"target": "loihi3"}, "`target` must be 'stock'"),
        ({"method": "best"}, "`method` must be one of auto"),
        ({"method": "windows", "depth": 8, "frames": 7}, "from 1 to 7 frames; got 8"),
        ({"depth": 3}, "`depth` is for method 'windows'"),
        ({"fidelity": 1.5}, "`fidelity` must be an IoU"),
        ({"method": "leaky"}, "pass one as `calibration`"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        lower(stock_model(0), **arguments)


def test_longer_samples_and_other_sizes_than_lowered_for_are_refused() -> None:
    network = lower(stock_model(0), frames=3)
    with pytest.raises(ClipError, match="at most 3"):
        run_stock(network, stock_frames(0, 4))
    with pytest.raises(ClipError, match="the network takes"):
        run_stock(network, stock_frames(0, 3)[:, :, :5])


def test_brighter_frames_than_allowed_for_are_refused() -> None:
    layer = planes_conv("conv1", [np.full((1, 2, 3, 3), 100)], 4000, 300, exponents=(5,))
    network = lower(FixedPointModel((layer,), InputCode(3, 1.0), input_size=STOCK_SIZE), frames=3)
    assert network.fitted.refitted
    with pytest.raises(ClipError, match=r"reach 7\.5"):
        run_stock(network, stock_frames(0, 3) + 7.5 * (stock_frames(0, 3) == 0))
