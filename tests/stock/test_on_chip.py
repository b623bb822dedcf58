"""What is reported is what would run: the form with stock neurons, its groups, its spikes, and the report on it."""

from __future__ import annotations

import numpy as np
import pytest
from builders.models import planes_conv, stock_frames, stock_model

from spikeseg_lava.chip.report.tables import reconciled
from spikeseg_lava.errors import ArgumentError, QuantizationError
from spikeseg_lava.execution.backends import run
from spikeseg_lava.execution.verification import verify
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.lower import lower
from spikeseg_lava.stock.on_chip import build_report, chip_form, lowered_form, runs_as_given
from spikeseg_lava.stock.simulate import run_populations

FRAMES = stock_frames(0, 4)


def test_a_lowered_network_is_placed_population_by_population() -> None:
    network = lower(stock_model(0), frames=4, method="windows", depth=3)
    form = lowered_form(network, FRAMES)
    assert [group.name for group in form.groups] == [population.name for population in network.populations]
    assert form.neurons == sum(population.neurons for population in network.populations)
    latch = next(group for group in form.groups if group.name == "conv1")
    assert [synapses.sharing for synapses in latch.synapses] == ["diagonal"] * 3 + ["point"]
    assert {group.layer for group in form.groups} == {"conv1", "pool1", "conv2"}
    assert form.spikes is not None
    for name, rows in run_populations(network, FRAMES).items():
        np.testing.assert_array_equal(form.spikes[name], rows)


def test_a_model_that_stock_neurons_run_is_placed_as_it_is() -> None:
    plain = stock_model(1, floor=False)
    assert runs_as_given(plain, fire_once=False)
    assert not runs_as_given(plain, fire_once=True)
    assert chip_form(plain, FRAMES, fire_once=False).form == "one neuron for each of the model"
    assert chip_form(stock_model(1), FRAMES, neurons="own").neurons == chip_form(plain, fire_once=False).neurons


def test_a_model_no_stock_parts_can_make_is_said_to_need_your_own_neurons() -> None:
    """20,000 inputs of a whole threshold each, of both signs, wrap the 17 bits of a stock current at any scale."""
    weight = np.where(np.arange(20_000) % 2, 20, -20).reshape(1, -1, 1, 1)
    model = FixedPointModel((planes_conv("conv1", [weight], 20, 0),), InputCode(1, 1.0), input_size=(1, 1))
    form = chip_form(model, fire_once=False)
    assert not form.stock
    assert "microcode" in form.form
    assert "wraps" in form.form
    with pytest.raises(QuantizationError):
        chip_form(model, fire_once=False, neurons="stock")


def test_the_report_counts_what_is_placed_and_says_why_totals_differ() -> None:
    model = stock_model(0)
    record = run(model, FRAMES, "event")
    placed, own = (build_report(model, frames=FRAMES, record=record, neurons=kind) for kind in ("auto", "own"))
    assert placed.resources.placed_neurons > own.resources.placed_neurons
    assert "stock parts" in placed.verdict
    assert f"{own.resources.placed_neurons:,} of the model" in reconciled(placed)
    rules = {finding.rule for finding in placed.findings}
    assert "floor_beyond_stock" not in rules
    assert "floor_beyond_stock" in {finding.rule for finding in own.findings}
    loaded = placed.to_json()
    assert loaded["cores"] == sum(loaded["layer_cores"].values())
    assert len(loaded["step_time_us"]) == len(FRAMES)
    assert len(loaded["chip_steps"]["limits"]) == placed.network.steps > len(FRAMES)


def test_chips_that_lava_does_not_lower_for_are_reported_as_they_are() -> None:
    assert not build_report(stock_model(0), "loihi1", frames=FRAMES).network.stock
    with pytest.raises(ArgumentError, match="`neurons` must be one of auto, stock, own, got 'mine'"):
        build_report(stock_model(0), neurons="mine")  # type: ignore[arg-type]


def test_stock_is_a_backend_that_run_and_verify_take() -> None:
    model = stock_model(2)
    record = run(model, FRAMES, "stock")
    assert record.meta["backend"] == "stock"
    result = verify(model, FRAMES, backend="stock")
    assert result.exactness["conv1"].reference_spikes > 0
    assert result.verdict in ("pass", "no_spikes", "fail")
    assert result.lowered == (record.meta["exact"] is False)
    if result.lowered and result.verdict == "pass" and not result.bit_exact:
        assert "lowered and not exact" in result.reason
