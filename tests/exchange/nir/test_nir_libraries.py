"""Graphs as norse 1.1, sinabs 3.1 and spikingjelly 2.0 write them, against each library's recurrence by hand.

`benchmarks/nir_libraries.py` compares with the libraries themselves; their wishes for `nir` exclude each other.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import nir
import numpy as np
import pytest
import torch
from nir_reading import from_nir
from numpy.typing import NDArray

from spikeseg_lava.errors import ExchangeError
from torch_reference import run_reference

STEPS, SIZE = 20, (6, 8)
RNG = np.random.default_rng(3)
CONV = RNG.integers(-6, 11, (3, 2, 3, 3)).astype(np.float32) / 16  # exact sums, thresholds that are reached exactly
FULL = RNG.integers(-5, 9, (4, 3 * 3 * 4)).astype(np.float32) / 16
FRAMES = (RNG.random((STEPS, 2, *SIZE)) < 0.3).astype(np.float32)
THRESHOLD = 0.75
Step = Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]  # (V, current) -> (V, spikes)


def graph(
    neuron: Callable[[tuple[int, ...]], Any], batch: bool = False, tensors: bool = False, flat: Any = None
) -> Any:
    """Conv2d - neurons - SumPool2d - Flatten - Affine - neurons; the exporters know no sizes of maps (None)."""

    def array(value: NDArray[Any]) -> Any:
        return torch.from_numpy(value) if tensors else value

    two: Any = (2, 2)
    nodes: dict[str, Any] = {
        "input": nir.Input({"input": np.array([1, 2, *SIZE] if batch else [2, *SIZE])}),
        "0": nir.Conv2d(None, array(CONV), (1, 1), (1, 1), (1, 1), 1, array(np.zeros(3, np.float32))),
        "1": neuron((3, *SIZE)),
        "2": nir.SumPool2d(two, two, np.array([0, 0])),
        "3": nir.Flatten(flat, start_dim=0),
        "4": nir.Affine(array(FULL), array(np.zeros(4, np.float32))),
        "5": neuron((4,)),
        "output": nir.Output({"output": np.array([1, 4] if batch else [4])}),
    }
    names = list(nodes)
    edges = list(pairwise(names))
    return nir.NIRGraph(nodes, [edges[-1], *edges[:-1]], metadata={}, type_check=False)  # norse: the last edge first


def by_hand(step: Step) -> dict[str, NDArray[np.int64]]:
    """Rows (t, c, y, x) of both layers of neurons."""
    first, second = np.zeros((3, *SIZE)), np.zeros((4, 1, 1))
    spikes: dict[str, list[Any]] = {"conv1": [], "conv2": []}
    for frame in FRAMES:
        current = torch.nn.functional.conv2d(torch.from_numpy(frame[None]), torch.from_numpy(CONV), padding=1)[0]
        first, one = step(first, current.numpy().astype(np.float64))
        pooled = one.reshape(3, 3, 2, 4, 2).sum((2, 4))
        second, two = step(second, (FULL.astype(np.float64) @ pooled.ravel())[:, None, None])
        spikes["conv1"].append(one)
        spikes["conv2"].append(two)
    return {name: np.argwhere(np.array(found)) for name, found in spikes.items()}


def fires(at_equality: bool, beta: float = 1.0, gain: float = 1.0) -> Step:
    def step(v: NDArray[Any], current: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        v = beta * v + gain * current
        spikes = v >= THRESHOLD if at_equality else v > THRESHOLD
        return np.where(spikes, 0.0, v), spikes

    return step


def same(found: nir.NIRGraph, expected: Step, **options: Any) -> None:
    record = run_reference(from_nir(found, **options), FRAMES, fire_once=False)
    for name, rows in by_hand(expected).items():
        assert len(rows) > 5, f"{name} has to spike for its agreement to say something"
        np.testing.assert_array_equal(record.spikes[name], rows)


def full(shape: tuple[int, ...], value: float) -> NDArray[np.float32]:
    return np.full(shape, value, np.float32)


def test_norses_iaf_with_default_parameters_writes_scalars_and_the_batch_axis() -> None:
    scalar: Any = torch.as_tensor(THRESHOLD)
    one: Any = torch.ones_like(scalar)
    found = graph(lambda _: nir.IF(r=one, v_threshold=scalar), batch=True, tensors=True)
    same(found, fires(at_equality=False))


def test_norses_lifbox_is_read_with_the_square_of_its_step() -> None:
    def box(shape: tuple[int, ...]) -> nir.LIF:
        tau = 1e-3 / full(shape, 250)  # dt / tau_mem_inv: dt times the time constant
        return nir.LIF(tau=tau, r=full(shape, 1), v_leak=full(shape, 0), v_threshold=full(shape, THRESHOLD))

    same(graph(box, batch=True), fires(False, beta=0.75, gain=0.25), dt=1e-6)
    with pytest.raises(ExchangeError, match="norse's LIFBox"):
        from_nir(graph(box), dt=1e-3)


def test_sinabs_fires_at_equality_and_decays_exponentially() -> None:
    def iaf(shape: tuple[int, ...]) -> nir.IF:
        return nir.IF(r=full(shape, 1), v_threshold=full(shape, THRESHOLD))

    same(graph(iaf), fires(at_equality=True), fires_at_equality=True)

    def lif(tau: float) -> Any:  # in steps, and one for all neurons
        one = np.array(1.0)
        return lambda _: nir.LIF(tau=tau * one, r=one, v_leak=0 * one, v_threshold=THRESHOLD * one)

    how: dict[str, Any] = {"dt": 1.0, "discretisation": "exponential", "fires_at_equality": True}
    same(graph(lif(8.0)), fires(True, np.exp(-1 / 8)), norm_input=False, **how)
    same(graph(lif(1.5)), fires(True, np.exp(-1 / 1.5), 1 - np.exp(-1 / 1.5)), **how)


def test_an_inverse_step_of_spikingjelly_is_no_weight() -> None:
    def cells(shape: tuple[int, ...]) -> nir.IF:
        return nir.IF(r=np.full(shape, 1.0 / 1e-4), v_threshold=full(shape, THRESHOLD), v_reset=full(shape, 0))

    same(graph(cells, flat={"input": np.array([3, 3, 4])}), fires(at_equality=True), dt=1e-4, fires_at_equality=True)
    with pytest.raises(ExchangeError, match=r"`1` \(IF\) has `r` 10000.*pass `dt` = 0\.0001"):
        from_nir(graph(cells))


@pytest.mark.parametrize(("r", "gain"), [(1.0, 0.25), (4.0, 1.0)], ids=["decay_input", "raw"])
def test_spikingjellys_lif_with_its_input_decayed_and_raw(r: float, gain: float) -> None:
    def cells(shape: tuple[int, ...]) -> nir.LIF:
        zero = full(shape, 0)
        return nir.LIF(
            tau=np.full(shape, 4.0 * 1e-4),
            r=full(shape, r),
            v_leak=zero,
            v_threshold=full(shape, THRESHOLD),
            v_reset=zero,
        )

    same(graph(cells), fires(True, beta=0.75, gain=gain), dt=1e-4, fires_at_equality=True)


def test_nodes_of_older_releases_have_no_metadata() -> None:
    found = graph(lambda shape: nir.IF(r=full(shape, 1), v_threshold=full(shape, THRESHOLD)))
    for node in found.nodes.values():
        del node.metadata
    same(found, fires(at_equality=False))
