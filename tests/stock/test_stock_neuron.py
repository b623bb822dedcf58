"""One chip step of the stock parts, by hand and against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from spikeseg_lava.stock.parts import KernelSynapse, Population, ResetCycle
from spikeseg_lava.stock.steps import KernelState, PopulationState, decayed, wrapped


def state(**parameters: object) -> PopulationState:
    population = Population("x", (1, 1, 1), 10, np.zeros(1, np.int64), "x", "neuron")
    return PopulationState(Population(**{**population.__dict__, **parameters}))


def spikes(neuron: PopulationState, activations: list[int]) -> list[bool]:
    return [bool(neuron.step(n, np.full((1, 1, 1), a))[0, 0, 0]) for n, a in enumerate(activations, 1)]


def test_fires_above_not_at_the_threshold_and_starts_again_at_zero() -> None:
    assert spikes(state(), [10, 1, 10, 0, 1]) == [False, True, False, False, True]


def test_bias_counts_in_sixty_fourths() -> None:
    assert spikes(state(bias=np.array([32])), [10, 0]) == [True, False]


def test_negative_charge_stays_and_saturates() -> None:
    neuron = state(bias=np.array([-(4095 << 7)]))
    spikes(neuron, [0] * 20)
    assert neuron.v[0, 0, 0] == -(2**23 - 1)


def test_reset_cycle_clears_before_the_input() -> None:
    assert spikes(state(reset=ResetCycle(2, 1)), [6, 6, 6, 6, 11]) == [False, True, False, True, True]


def test_decay_rounds_towards_zero() -> None:
    assert decayed(np.array([-5, 5, 4096]), 2048).tolist() == [-2, 2, 2048]
    assert decayed(np.array([7, -7]), 4096).tolist() == [7, -7]


def test_current_wraps_once_at_24_bit() -> None:
    half = 2**23
    assert wrapped(np.array([half, half + 1, -half, -half - 1])).tolist() == [half, 1 - half, half, half - 1]
    assert spikes(state(), [2**17 + 1]) == [False]


@pytest.mark.parametrize(("stride", "padding"), [((1, 1), (0, 0)), ((2, 1), (1, 2)), ((1, 3), (2, 0))])
@pytest.mark.parametrize(("groups", "bits"), [(1, 5), (3, 0)])
def test_kernels_deliver_what_torch_convolves(
    stride: tuple[int, int], padding: tuple[int, int], groups: int, bits: int
) -> None:
    random = np.random.default_rng(1)
    weight = random.integers(-128, 128, (6, 3 // groups, 3, 2))
    image = (random.random((3, 9, 7)) < 0.4) * random.integers(1, 31, (3, 9, 7))
    seen = torch.from_numpy(image if bits else (image > 0).astype(np.int64)).to(torch.float64)[None]
    expected = conv2d(seen, torch.from_numpy(weight).to(torch.float64), None, stride, padding, groups=groups)[0]
    synapse = KernelSynapse("s", "a", "b", weight, stride, padding, groups, bits)
    outcome = KernelState(synapse, (3, 9, 7), (6, expected.shape[1], expected.shape[2])).deliver(
        image.transpose(1, 2, 0)
    )
    np.testing.assert_array_equal(outcome.transpose(2, 0, 1), expected.numpy())
