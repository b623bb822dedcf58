"""Lava's own LIF, LIFReset, Conv and Sparse on the simulator do what the stock simulator does, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.models import integer_conv
from lava.magma.core.run_conditions import RunSteps
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.runtime.runtime import supervised
from spikeseg_lava.lava.stock import build_stock_graph, run_stock_lava
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import rows_in_order
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import StockSimulator, checked_payloads, run_stock, source_payloads, step_rows

SIZE = (6, 9)
STEPS = 3
SECONDS = 120.0


@pytest.fixture(scope="module")
def model() -> FixedPointModel:
    random = np.random.default_rng(2)
    planes = [(random.integers(-60, 60, (3, 2, 3, 5)), exponent) for exponent in (2, 0)]
    second = [(random.integers(-30, 60, (4, 3, 2, 3)), 0)]
    layers = (
        integer_conv("conv1", planes, 900, 400, padding=(1, 2)),
        PoolLayer("pool1", (2, 3), (2, 2)),
        integer_conv("conv2", second, 90, 25, padding=(1, 1)),
    )
    return FixedPointModel(layers, InputCode(3, 1.0), input_size=SIZE)


@pytest.fixture(scope="module")
def frames() -> NDArray[np.float32]:
    random = np.random.default_rng(3)
    shape = (STEPS, 2, *SIZE)
    return ((random.random(shape) < 0.3) * random.integers(0, 8, shape)).astype(np.float32)


@pytest.mark.parametrize(("method", "fire_once"), [("windows", True), ("mirror", False)])
def test_lava_runs_the_lowered_network_and_both_equal_the_model(
    model: FixedPointModel, frames: NDArray[np.float32], method: str, fire_once: bool
) -> None:
    network = lower(model, method=method, fire_once=fire_once, frames=STEPS)  # type: ignore[arg-type]
    record, simulated = run_stock_lava(network, frames, SECONDS), run_stock(network, frames)
    expected = run_engine(model, frames, fire_once)
    assert network.exact
    assert min(expected.counts.values()) > 15
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(record.spikes[name], rows)
        np.testing.assert_array_equal(simulated.spikes[name], rows)
    assert record.meta["latency"] == simulated.meta["latency"]
    assert not any(record.meta["stray"].values())


def test_every_population_fires_alike_with_decay_latch_and_negative_charge(
    model: FixedPointModel, frames: NDArray[np.float32]
) -> None:
    plain = lower(model, method="unfloored", frames=STEPS)
    network = replace(
        plain, populations=tuple(replace(p, voltage_decay=1000, current_decay=3000) for p in plain.populations)
    )
    names = [population.name for population in network.populations]
    graph = build_stock_graph(network, frames, record=names)
    try:
        runtime = supervised(graph.neurons["conv1"], graph.run_config, SECONDS)
        try:
            runtime.start(RunSteps(network.chip_steps(STEPS)))
            runtime.stop()
        finally:
            runtime.close()
        found = graph.spikes()
    finally:
        graph.close()
    expected = simulated_rows(network, frames)
    assert sum(len(rows) for rows in expected.values()) > 60
    for name in names:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_images_of_128_pixels_and_more_run() -> None:
    shape = (3, 130)
    layer = integer_conv("conv1", [(np.full((1, 1, 1, 3), 20), 0)], 35, padding=(0, 1))
    model = FixedPointModel((layer,), InputCode(1, 1.0), input_size=shape)
    frames = np.zeros((2, 1, *shape), np.float32)
    frames[:, 0, 1, 127:] = 1
    network = lower(model, frames=2, fire_once=False)
    expected = run_engine(model, frames, fire_once=False).spikes["conv1"]
    np.testing.assert_array_equal(run_stock_lava(network, frames, SECONDS).spikes["conv1"], expected)
    assert len(expected) == 7


def test_unknown_populations_to_record_are_named(model: FixedPointModel, frames: NDArray[np.float32]) -> None:
    with pytest.raises(ArgumentError, match="`record` names conv9, the populations are conv1"):
        build_stock_graph(lower(model, frames=STEPS, fire_once=False), frames, record=["conv9"])


def simulated_rows(network: StockNetwork, frames: NDArray[np.float32]) -> dict[str, NDArray[np.int32]]:
    """Int32[N, 4] (chip step, c, y, x) of every population."""
    payloads, simulator = checked_payloads(network, frames), StockSimulator(network)
    rows: dict[str, list[NDArray[np.int32]]] = {population.name: [] for population in network.populations}
    for chip_step in range(1, network.chip_steps(len(frames)) + 1):
        for name, spikes in simulator.step(source_payloads(network, payloads, chip_step)).items():
            rows[name].append(step_rows(spikes, chip_step))
    return {name: rows_in_order(np.concatenate(parts)) for name, parts in rows.items()}
