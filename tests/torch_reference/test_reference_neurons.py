"""Hand-computed traces of every neuron, and the page of the user that shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import torch_reference
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, SpikeSegLavaError
from torch_reference import IFNeuron, LIFNeuron, SpikingNeuron, create_neuron, spike_fn, spike_function

TEXT: Any = "1"
Trace = list[tuple[float, float, float]]


def trace(neuron: SpikingNeuron, currents: list[float], fire_once: bool = False) -> Trace:
    """(spike, membrane, membrane before the reset) of each step, from an empty membrane."""
    membrane, fired, steps = torch.zeros(1), torch.zeros(1), []
    for current in currents:
        spikes, membrane, pre_reset = neuron(torch.tensor([current]), membrane, fired if fire_once else None)
        fired = torch.maximum(fired, spikes)
        steps.append((spikes.item(), membrane.item(), pre_reset.item()))
    return steps


def test_integrate_and_fire_has_no_floor_and_fires_at_equality():
    assert trace(IFNeuron(2.0), [1, 1, -3, 4, 1]) == [(0, 1, 1), (1, 0, 2), (0, -3, -3), (0, 1, 1), (1, 0, 2)]


def test_subtractive_leak_floors_at_zero_before_it_compares():
    neuron = LIFNeuron(threshold=10.0, leak_factor=9.0, leak_mode="subtractive")
    assert trace(neuron, [14, 14, 3, 20, 9, 9.5]) == [
        (0, 5, 5),
        (1, 0, 10),  # 5 + 14 - 9, exactly the threshold
        (0, 0, 0),  # 3 - 9 is floored
        (1, 0, 11),  # 20 - 9: no debt left of the step before
        (0, 0, 0),
        (0, 0.5, 0.5),
    ]


def test_multiplicative_leak():
    neuron = LIFNeuron(threshold=4.0, leak_factor=0.25, leak_mode="multiplicative")
    assert trace(neuron, [4, 2, 2, -8, 3, 2]) == [
        (1, 0, 4),
        (0, 2, 2),
        (0, 3.5, 3.5),  # 0.75 * 2 + 2
        (0, 0, 0),  # 0.75 * 3.5 - 8 is floored
        (0, 3, 3),
        (1, 0, 4.25),  # 0.75 * 3 + 2
    ]


def test_leak_without_floor():
    neuron = LIFNeuron(5.0, 1.0, floor=False)
    assert trace(neuron, [0, 0, 7, 1]) == [(0, -1, -1), (0, -2, -2), (0, 4, 4), (0, 4, 4)]


def test_fire_once_silences_but_does_not_reset_again():
    assert trace(IFNeuron(2.0), [2, 2, 2, -1], fire_once=True) == [(1, 0, 2), (0, 2, 2), (0, 4, 4), (0, 3, 3)]


def test_one_threshold_and_leak_per_channel():
    neuron = LIFNeuron(torch.tensor([1.0, 2.0])[:, None, None], torch.tensor([0.0, 0.5])[:, None, None])
    spikes, membrane, _ = neuron(torch.full((1, 2, 1, 3), 1.5), torch.zeros(1, 2, 1, 3))
    assert spikes.tolist() == [[[[1, 1, 1]], [[0, 0, 0]]]]
    assert membrane.tolist() == [[[[0, 0, 0]], [[1, 1, 1]]]]


@pytest.mark.parametrize(
    ("neuron", "buffers"),
    [
        (IFNeuron(3.0), {"threshold": 3.0}),
        (LIFNeuron(10.0, 9.0), {"threshold": 10.0, "leak": 9.0, "beta": 1.0}),
        (LIFNeuron(10.0, 0.3, "multiplicative"), {"threshold": 10.0, "leak": 0.0, "beta": torch.tensor(0.7).item()}),
    ],
)
def test_buffers_are_named_as_in_the_checkpoints(neuron: SpikingNeuron, buffers: dict[str, float]):
    state = neuron.state_dict()
    assert {key: value.item() for key, value in state.items()} == buffers
    assert all(value.ndim == 0 and value.dtype == torch.float32 for value in state.values())


@pytest.mark.parametrize(("name", "kind"), [("if", IFNeuron), ("lif", LIFNeuron), ("LIF", LIFNeuron)])
def test_neuron_by_name(name: str, kind: type):
    neuron = create_neuron(name, threshold=2.0, leak_factor=0.5, leak_mode="multiplicative")
    assert type(neuron) is kind
    assert isinstance(neuron, nn.Module)
    assert neuron.threshold == 2
    if isinstance(neuron, LIFNeuron):
        assert (neuron.leak_mode, neuron.beta.item()) == ("multiplicative", 0.5)


@pytest.mark.parametrize("spike", [spike_function, spike_fn])
def test_spike_is_a_step_that_includes_the_threshold(spike):
    membrane = torch.tensor([[0.5, 1.0], [1.5, -1.0]])
    spikes = spike(membrane, 1.0)
    assert spikes.tolist() == [[0, 1], [1, 0]]
    assert spikes.dtype == torch.float32
    assert spike(membrane, torch.tensor([0.5, 2.0])).tolist() == [[1, 0], [1, 0]]
    assert spike(torch.tensor([3, 4]), 4).dtype == torch.float32


def test_spike_fn_takes_a_membrane_relative_to_its_threshold():
    assert spike_fn(torch.tensor([-0.5, 0.0, 0.5])).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: IFNeuron(0.0), ArgumentError, "`threshold` must be positive and finite, got 0.0"),
        (lambda: IFNeuron(float("nan")), ArgumentError, "`threshold` must be positive"),
        (lambda: IFNeuron(TEXT), ArgumentTypeError, "`threshold` must be a number or a tensor, got str"),
        (lambda: LIFNeuron(1.0, -0.1), ArgumentError, "`leak_factor` must be zero or more, and finite, got -0.1"),
        (lambda: LIFNeuron(1.0, True), ArgumentTypeError, "`leak_factor` must be a number or a tensor, got bool"),
        (lambda: LIFNeuron(1.0, 1.5, "multiplicative"), ArgumentError, r"`leak_factor` must lie in 0\.\.1"),
        (lambda: LIFNeuron(1.0, 0.5, "linear"), ArgumentError, "`leak_mode` must be one of .*, got 'linear'"),
        (lambda: create_neuron("alif"), ArgumentError, "`neuron_type` must be 'if' or 'lif', got 'alif'"),
        (lambda: IFNeuron(1.0)(torch.zeros(2), torch.zeros(3)), ArgumentError, r"shape \(3,\), expected .* \(2,\)"),
    ],
)
def test_impossible_parameters(make, error: type[Exception], message: str):
    with pytest.raises(error, match=message) as caught:
        make()
    assert isinstance(caught.value, (SpikeSegLavaError, ValueError))


def test_neuron_is_no_neuron_without_dynamics():
    with pytest.raises(TypeError, match="abstract"):
        SpikingNeuron(1.0)  # pyright: ignore[reportAbstractUsage]


def test_code_of_the_page_on_neurons_works_as_shown(shared: Path):
    page = (shared / "seed-spiking-neurons.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {"input_current": torch.full((1, 4, 2, 3), 19.0), "membrane": torch.zeros(1, 4, 2, 3)}
    for block in blocks:
        exec(block.replace("spikeseg.core", "torch_reference"), names)
    spikes, pre_reset = names["spikes"], names["pre_reset"]
    assert isinstance(spikes, Tensor)
    assert isinstance(pre_reset, Tensor)
    assert (spikes == 1).all()
    assert (pre_reset == 10).all()
    assert all(hasattr(torch_reference, name) for name in ("LIFNeuron", "IFNeuron", "create_neuron", "spike_fn"))
