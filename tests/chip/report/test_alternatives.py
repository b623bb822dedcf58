"""Other forms of a network beside the one reported."""

from __future__ import annotations

from dataclasses import replace

from builders.models import planes_conv, pooled_model

from spikeseg_lava.chip.report.html import render_html
from spikeseg_lava.chip.report.report import compose_report
from spikeseg_lava.chip.report.resources import resources, savings_table
from spikeseg_lava.chip.report.tables import render_text
from spikeseg_lava.stock.cost import LayerCost, StockReport, stock_table

COST = StockReport("auto", 2, (), (LayerCost("conv1", "mirror", 1, True, 360, 180, 25, 9, None, 3),))


def test_savings_are_told_layer_by_layer() -> None:
    """Without its third map, conv1 has 120 neurons of 180, the pool 30 of 45, and conv2 two thirds of its synapses."""
    before = pooled_model()
    (conv1, conv2), pool = before.convolutions, before.layers[1]
    first = planes_conv("conv1", [conv1.kernel[:2] % 9 + 1], 20, 3, padding=(1, 1))
    second = planes_conv("conv2", [conv2.kernel[:, :2]], 20, 3, padding=(1, 1))
    table = savings_table(resources(before), resources(replace(before, layers=(first, pool, second))))
    rows = {row[0]: list(row[1:]) for row in table.rows}
    assert rows["conv1"][:2] == [180, 120]
    assert rows["pool1"] == [45, 30, 180, 120, 1, 1]
    assert rows["conv2"][:4] == [15, 15, 3 * 7 * 13, 2 * 7 * 13]
    assert rows["all layers"][:2] == [240, 165]
    assert rows["all layers"][4:] == [3, 3]


def test_a_stock_network_shows_fidelity_beside_its_cost() -> None:
    table = stock_table(COST)
    assert "2 chip step(s) a frame" in table.note
    assert str(table).splitlines()[2].split() == ["conv1", "mirror", "yes", "-", "360", "180", "25", "9", "3"]


def test_every_form_of_the_report_shows_them() -> None:
    report = compose_report(pooled_model(), further=[stock_table(COST)])
    assert "Stock parts only, method auto" in render_text(report)
    assert "Stock parts only, method auto" in render_html(report)
    assert report.to_json()["further"][0]["rows"][0][:3] == ["conv1", "mirror", True]
