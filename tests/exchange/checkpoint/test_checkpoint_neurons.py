"""Thresholds, leaks and leak modes as the buffers say, and the two ways to replace the thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from builders.checkpoints import Save, changed, layer, two_layers

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, CheckpointError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint


def adapted(**managers: Any) -> dict[str, object]:
    stored = {name: {"thresholds": values, "theta_rest": 0.1} for name, values in managers.items()}
    return {"model_state_dict": two_layers(), "extra_state": {"global_step": 7, "threshold_managers": stored}}


def test_beta_below_one_is_multiplicative(saved: Save):
    neuron = load_checkpoint(saved(layer("conv1.", (2, 1, 3, 3), leak=0.1, beta=0.9))).convolutions[0].neuron
    assert (neuron.leak_mode, neuron.floor) == ("multiplicative", True)
    np.testing.assert_array_equal(neuron.beta, np.full(2, 0.9, np.float32))
    assert neuron.leak.tolist() == [0, 0]


def test_beta_one_is_subtractive_even_without_leak(saved: Save):
    neuron = load_checkpoint(saved(layer("conv1.", (2, 1, 3, 3), leak=0))).convolutions[0].neuron
    assert (neuron.leak_mode, neuron.floor, neuron.beta.tolist()) == ("subtractive", True, [1, 1])


def test_neuron_without_leak_and_beta_is_an_if_neuron_without_floor(saved: Save):
    state = changed("conv2.neuron.leak", None)
    del state["encoder.conv2.neuron.beta"]
    first, second = load_checkpoint(saved(state)).convolutions
    assert (first.neuron.floor, second.neuron.floor) == (True, False)
    assert second.neuron.leak.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1), (1, 3, 1, 1)])
def test_one_threshold_per_channel(saved: Save, shape: tuple[int, ...]):
    state = changed("conv1.neuron.threshold", torch.tensor((1.0, 2.0, 4.0)).reshape(shape))
    neuron = load_checkpoint(saved(state), threshold=8).convolutions[0].neuron
    assert neuron.threshold.tolist() == [8, 8, 8]
    assert neuron.leak.tolist() == [2, 1, 0.5]  # 0.25 / 1, / 2, / 4 of the new threshold


@pytest.mark.parametrize("value", [1, 1.0, torch.tensor(1), torch.tensor([1.0]), torch.tensor([[1]])])
def test_single_threshold_in_any_number_type(saved: Save, value: object):
    neuron = load_checkpoint(saved(changed("conv1.neuron.threshold", value))).convolutions[0].neuron
    assert neuron.threshold.tolist() == [1, 1, 1]


def test_threshold_override_keeps_the_ratio_of_every_layer(saved: Save):
    first, second = load_checkpoint(saved(two_layers()), threshold=0.125).convolutions
    assert (first.neuron.threshold[0], first.neuron.leak[0]) == (0.125, 0.0625)
    assert (second.neuron.threshold[0], second.neuron.leak[0]) == (0.125, 0)


def test_adapted_thresholds_are_used_on_request_only(saved: Save):
    path = saved(adapted(conv2=torch.tensor([1.0, 2.0, 3.0, 4.0])))
    assert load_checkpoint(path).convolutions[1].neuron.threshold.tolist() == [1, 1, 1, 1]
    network = load_checkpoint(path, thresholds="adapted")
    first, second = network.convolutions
    assert second.neuron.threshold.tolist() == [1, 2, 3, 4]
    assert first.neuron.threshold.tolist() == [0.5, 0.5, 0.5]
    assert first.neuron.leak.tolist() == [0.25, 0.25, 0.25]
    assert (network.provenance["thresholds"], network.provenance["adapted_layers"]) == ("adapted", ["conv2"])


def test_adapted_thresholds_leave_the_leak_as_it_is(saved: Save):
    path = saved(adapted(conv1=[2.0, 4.0, 8.0]))
    neuron = load_checkpoint(path, thresholds="adapted").convolutions[0].neuron
    assert (neuron.threshold.tolist(), neuron.leak.tolist()) == ([2, 4, 8], [0.25, 0.25, 0.25])


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (two_layers(), r"holds no `extra_state.threshold_managers\[convN\].thresholds`"),
        (adapted(conv7=torch.ones(4)), "holds no `extra_state"),
        (adapted(conv2=torch.ones(5)), r"conv2.thresholds` has shape \(5,\), expected one value or 4"),
        (
            adapted(conv2=torch.tensor([1.0, -1.0, 1.0, 1.0])),
            "`conv2`: `threshold` must be positive.*got -1 in channel 1",
        ),
    ],
)
def test_adapted_thresholds_that_are_missing_or_wrong(saved: Save, contents: object, message: str):
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved(contents), thresholds="adapted")


def test_impossible_arguments(saved: Save):
    path = saved(adapted(conv2=torch.ones(4)))
    with pytest.raises(ArgumentError, match="`thresholds` must be one of buffers, adapted, got 'learned'"):
        load_checkpoint(path, thresholds="learned")
    with pytest.raises(ArgumentError, match="give one of them, not both"):
        load_checkpoint(path, threshold=0.1, thresholds="adapted")
    with pytest.raises(ArgumentError, match="`threshold` must be positive and finite, got -1"):
        load_checkpoint(path, threshold=-1)
    with pytest.raises(ArgumentTypeError, match="`threshold` must be a number, got str"):
        load_checkpoint(path, threshold="0.05")  # pyright: ignore[reportArgumentType]
