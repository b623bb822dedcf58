"""`run` takes any network, frames and backend, and refuses what does not fit in one line."""

from __future__ import annotations

import numpy as np
import pytest

import spikeseg_lava as sl
from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, ClipError
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork


@pytest.fixture
def network() -> SpikingNetwork:
    """Two channels, one asymmetric kernel, a pool."""
    weight = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2) / np.float32(10)
    one = np.ones(1)
    return SpikingNetwork((ConvLayer("conv1", weight, Neuron(one, 0.1 * one, one)), PoolLayer("pool1", (2, 2), (2, 2))))


def test_meta_says_how_it_was_run(network: SpikingNetwork) -> None:
    record = run(network, np.ones((3, 2, 5, 8)), fire_once=False)
    assert record.meta == {
        "backend": "torch",
        "fire_once": False,
        "steps": 3,
        "shapes": {"conv1": [1, 4, 7], "pool1": [1, 2, 3]},
    }
    assert record.counts == {"conv1": 3 * 28, "pool1": 3 * 6}


def test_frames_of_any_number_type_are_the_same_clip(network: SpikingNetwork) -> None:
    frames = np.random.default_rng(1).integers(0, 2, (4, 2, 5, 8))
    expected = run(network, frames.astype(np.float32))
    for kind in (bool, np.uint8, np.int64, np.float64):
        assert np.array_equal(run(network, frames.astype(kind)).spikes["conv1"], expected.spikes["conv1"])


def test_integers_run_on_the_oracle_and_the_engine_alike(network: SpikingNetwork) -> None:
    frames = np.random.default_rng(2).random((6, 2, 9, 7), np.float32)
    model = sl.quantize(network, calibration=frames)
    oracle, engine = run(model, frames, "torch"), run(model, frames, "event")
    assert oracle.counts["conv1"] > 0
    assert sl.compare(oracle, engine).identical


def test_floats_run_on_lava_as_well(network: SpikingNetwork) -> None:
    frames = np.random.default_rng(2).random((6, 2, 9, 7), np.float32)
    reference, lava = run(network, frames, "torch"), run(network, frames, "lava")
    assert reference.counts["conv1"] > 0
    assert np.array_equal(reference.spikes["conv1"], lava.spikes["conv1"])
    assert np.allclose(reference.membranes["conv1"], lava.membranes["conv1"], atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 5, 8)), "must be"),
        (np.zeros((0, 2, 5, 8)), "at least one step"),
        (np.full((1, 2, 5, 8), np.nan), "finite"),
        (np.array([[[["a"]]]]), "finite numbers"),
        (np.zeros((1, 3, 5, 8)), "3 channel"),
    ],
)
def test_frames_that_do_not_fit_are_refused(network: SpikingNetwork, frames: np.ndarray, message: str) -> None:
    with pytest.raises(ClipError, match=message):
        run(network, frames)


def test_frames_smaller_than_the_kernels_are_refused(network: SpikingNetwork) -> None:
    with pytest.raises(ArgumentError, match="pool1"):
        run(network, np.zeros((1, 2, 2, 2)))


def test_unknown_backends_and_networks_are_refused(network: SpikingNetwork) -> None:
    with pytest.raises(ArgumentError, match="`backend` must be one of torch, event"):
        run(network, np.zeros((1, 2, 5, 8)), "gpu")
    with pytest.raises(ArgumentTypeError, match="SpikingNetwork"):
        run("checkpoint.pt", np.zeros((1, 2, 5, 8)))  # type: ignore[arg-type]


def test_a_float_network_on_integers_says_to_quantize(network: SpikingNetwork) -> None:
    with pytest.raises(ArgumentError, match="quantize"):
        run(network, np.zeros((1, 2, 5, 8)), "event")
