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
from torch_reference import (
    BaseNeuron,
    FractionOfThetaWarning,
    IFNeuron,
    LIFNeuron,
    create_neuron,
    if_step,
    lif_step,
    lif_step_multiplicative,
    lif_step_subtractive,
    soft_spike_fn,
    spike_fn,
    spike_function,
)

TEXT: Any = "1"
V = torch.zeros(1)
Trace = list[tuple[float, float, float]]


def trace(neuron: BaseNeuron, currents: list[float], fire_once: bool = False) -> Trace:
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
def test_buffers_are_named_as_in_the_checkpoints(neuron: BaseNeuron, buffers: dict[str, float]):
    state = neuron.state_dict()
    assert {key: value.item() for key, value in state.items()} == buffers
    assert all(value.ndim == 0 and value.dtype == torch.float32 for value in state.values())


@pytest.mark.parametrize(
    ("name", "kind"), [("if", IFNeuron), ("lif", LIFNeuron), ("LIF", LIFNeuron), (" LIF ", LIFNeuron)]
)
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


def test_spike_fn_needs_a_threshold():
    with pytest.raises(TypeError, match="threshold"):
        spike_fn(torch.zeros(1))  # pyright: ignore[reportCallIssue]


def test_soft_spike_approaches_the_step():
    membrane = torch.tensor([9.0, 10.0, 11.0])
    assert soft_spike_fn(membrane, 10.0).tolist() == pytest.approx([0.26894, 0.5, 0.73106], abs=1e-5)
    assert soft_spike_fn(membrane, 10.0, temperature=1e-3).tolist() == [0, 0.5, 1]
    with pytest.raises(ArgumentError, match="`temperature` must be positive, got 0"):
        soft_spike_fn(membrane, 10.0, 0)


@pytest.mark.parametrize(
    ("step", "neuron"),
    [
        (lambda v, i: if_step(v, i, 2.0), IFNeuron(2.0)),
        (lambda v, i: lif_step_subtractive(v, i, 2.0, 1.5), LIFNeuron(2.0, 1.5)),
        (lambda v, i: lif_step_multiplicative(v, i, 2.0, 0.75), LIFNeuron(2.0, 0.25, "multiplicative")),
        (lambda v, i: lif_step(v, i, 2.0, 1.5), LIFNeuron(2.0, 1.5)),
        (lambda v, i: lif_step(v, i, 2.0, 0.25, "multiplicative"), LIFNeuron(2.0, 0.25, "multiplicative")),
    ],
)
def test_a_step_as_a_function_is_the_step_of_the_neuron(step, neuron: BaseNeuron):
    torch.manual_seed(1)
    membrane = expected = neuron.reset_state((2, 3, 4, 5))
    fired = 0
    for _ in range(6):
        current = torch.randn(2, 3, 4, 5) + 1
        spikes, membrane = step(membrane, current)
        expected_spikes, expected, _ = neuron(current, expected)
        assert torch.equal(spikes, expected_spikes)
        assert torch.equal(membrane, expected)
        fired += int(spikes.sum())
    assert fired > 10


def test_a_step_resets_to_the_value_asked_for():
    spikes, membrane = if_step(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0]), 2.0, reset_value=-3.0)
    assert (spikes.tolist(), membrane.tolist()) == ([1, 0], [-3, 1])


def test_thresholds_of_a_step_are_one_a_channel():
    current = torch.full((1, 2, 1, 3), 1.5)
    neuron = IFNeuron(9.0)
    spikes, membrane, _ = neuron(current, neuron.reset_state((1, 2, 1, 3)), dynamic_threshold=torch.tensor([1.0, 2.0]))
    assert spikes.tolist() == [[[[1, 1, 1]], [[0, 0, 0]]]]
    assert membrane.tolist() == [[[[0, 0, 0]], [[1.5, 1.5, 1.5]]]]
    with pytest.raises(ArgumentError, match=r"`dynamic_threshold` has 3 value\(s\)"):
        neuron(current, torch.zeros_like(current), dynamic_threshold=torch.ones(3))


def test_a_neuron_shows_its_parameters():
    assert repr(IFNeuron(3.0)) == "IFNeuron(threshold=3)"
    assert repr(LIFNeuron(10.0, 9.0)) == "LIFNeuron(threshold=10, leak=9, leak_mode='subtractive')"
    assert "beta=0.7, leak_mode='multiplicative', floor=False" in repr(LIFNeuron(10, 0.3, "multiplicative", False))
    assert "leak=[1.0, 2.0]" in repr(LIFNeuron(10.0, torch.tensor([1.0, 2.0])))
    assert LIFNeuron(10.0, 9.0).leak_factor == 9.0


@pytest.mark.parametrize("make", [LIFNeuron, lambda *a: create_neuron("lif", *a), lambda *a: lif_step(V, V, *a)])
def test_a_leak_that_looks_like_a_fraction_of_theta_is_warned_of(make):
    with pytest.warns(FractionOfThetaWarning, match="`leak_factor` 0.9 is the subtractive leak itself.*leak_factor=9"):
        make(10.0, 0.9)


def test_leaks_that_cannot_be_fractions_are_not_warned_of():
    for threshold, leak in ((10.0, 9.0), (10.0, 1.0), (10.0, 0.0), (0.1, 0.09), (1.0, 0.5)):
        LIFNeuron(threshold, leak)
    LIFNeuron(10.0, 0.9, "multiplicative")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: IFNeuron(0.0), ArgumentError, "`threshold` must be positive and finite, got 0"),
        (lambda: IFNeuron(float("nan")), ArgumentError, "`threshold` must be positive"),
        (lambda: IFNeuron(TEXT), ArgumentTypeError, "`threshold` must be a number or a tensor, got str"),
        (lambda: LIFNeuron(1.0, -0.1), ArgumentError, "`leak_factor` must be zero or more, and finite, got -0.1"),
        (lambda: LIFNeuron(1.0, True), ArgumentTypeError, "`leak_factor` must be a number or a tensor, got bool"),
        (lambda: LIFNeuron(1.0, 1.5, "multiplicative"), ArgumentError, r"`leak_factor` must be from 0 to 1"),
        (lambda: LIFNeuron(1.0, 0.5, TEXT), ArgumentError, "`leak_mode` must be one of .*, got '1'"),
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
        BaseNeuron(1.0)  # pyright: ignore[reportAbstractUsage]


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
