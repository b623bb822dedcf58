"""One report, three forms: text, JSON, HTML; and every number explains itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from builders.models import planes_conv, pooled_model, pooled_run

from spikeseg_lava.chip.report.drawings import first_spikes, place_by_time, stacks, word_bars
from spikeseg_lava.chip.report.html import render_html, save_html
from spikeseg_lava.chip.report.report import Report, compose_report
from spikeseg_lava.chip.report.tables import explain_figure, explanation, render_text
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.network.model import FixedPointModel


@pytest.fixture(scope="module")
def report() -> Report:
    frames, record = pooled_run()
    return compose_report(pooled_model(), frames=frames, record=record, title="A <small> model")


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render_html(report)


def test_a_report_takes_steps_and_fire_once_from_the_record(report: Report) -> None:
    assert (report.mapped.steps, report.mapped.fire_once) == (3, False)
    assert "fire_once_beyond_stock" not in {finding.rule for finding in report.findings}


def test_every_figure_has_formula_unit_and_source(report: Report) -> None:
    assert len(report.figures) > 80
    for key, figure in report.figures.items():
        assert key == figure.key
        assert figure.formula
        assert figure.unit
        assert figure.source


def test_explanations_put_the_numbers_in(report: Report) -> None:
    line = explanation(explain_figure(report, "conv1.updates"))
    assert line.startswith("conv1.updates = 540 neuron updates: 180 neurons x 3 steps")
    energy = explain_figure(report, "conv1.energy_low")
    assert energy.formula == "0.871 x (114 operations x 23.6 pJ + 540 updates x 52 pJ + 3 spikes x 1.7 pJ)"
    assert "not a measurement" in energy.source
    assert "Davies et al. 2018" in energy.source
    assert explain_figure(report, "conv1.floor_beyond_stock").formula.startswith("limit 0: the floor")
    assert explain_figure(report, "conv1.core_neurons").source.startswith("inferred")


def test_an_unknown_figure_is_refused_with_near_ones(report: Report) -> None:
    with pytest.raises(ArgumentError, match=r"conv1\.neurons"):
        explain_figure(report, "conv1.neuron")


def test_json_holds_everything(report: Report) -> None:
    loaded = json.loads(json.dumps(report.to_json()))
    assert loaded["figures"]["conv1.operations"]["value"] == 114
    assert loaded["size"] == [6, 10]
    assert [finding["rule"] for finding in loaded["findings"]] == [finding.rule for finding in report.findings]
    assert loaded["provenance"]["network"]["digest"] == "0" * 64


def test_text_says_what_matters(report: Report) -> None:
    text = render_text(report)
    assert text == str(report)
    assert "within the limits of Loihi 2 on 3 core(s) of 1 chip(s)" in text
    assert ", with 2 warning(s)" in text
    assert "floor_beyond_stock" in text
    assert "Estimate, not a measurement" in text
    assert "conv1.updates = 540" in render_text(report, explain=True)
    assert max(map(len, text.splitlines())) < 400


def test_a_report_without_a_run_has_no_activity() -> None:
    plain = compose_report(pooled_model(), "loihi1", (12, 8))
    assert plain.mapped.fire_once
    assert "network.spikes" not in plain.figures
    assert plain.verdict.startswith("does not run on Loihi 1")
    page = render_html(plain)
    assert 'id="activity"' not in page
    assert "<img" not in page


def test_the_page_loads_nothing_and_escapes_names(page: str) -> None:
    assert not re.search(r"https?://|<script|<link|@import|url\((?!#)", page)
    assert "<small> model" not in page
    assert "A &lt;small&gt; model" in page
    assert "made &lt;by&gt; hand" in page


def test_the_page_closes_what_it_opens(page: str) -> None:
    checker = Balance()
    checker.feed(page)
    assert checker.open == []
    assert checker.sections == [
        "summary", "layers", "rules", "words", "spikes", "resources", "time", "activity", "target", "provenance",
        "figures",
    ]  # fmt: skip


def test_the_page_is_written_whole(report: Report, page: str, tmp_path: Path) -> None:
    save_html(report, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    with pytest.raises(ArgumentError, match="does not exist"):
        save_html(report, tmp_path / "nowhere" / "report.html")


def test_diagram_shows_every_layer_in_scale(report: Report) -> None:
    drawn = stacks(report)
    assert [stack.name for stack in drawn] == ["input", "conv1", "pool1", "conv2"]
    assert [len(stack.maps) for stack in drawn] == [2, 3, 3, 1]
    _, _, width, height = drawn[1].maps[0]
    assert width / height == pytest.approx(10 / 6)
    assert all(left.centre < right.centre for left, right in pairwise(drawn))


def test_many_wide_layers_stay_in_columns_of_their_own() -> None:
    """Ten layers on frames three times as wide as high, as lava-dl's PilotNet has them."""
    wide = [planes_conv(f"conv-{k}", [np.ones((6, 2 if k == 0 else 6, 1, 1), int)], 2, 0) for k in range(10)]
    drawn = stacks(compose_report(FixedPointModel(tuple(wide), InputCode(3, 1.0), input_size=(66, 200))))
    edges = [(min(x for x, *_ in s.maps), max(x + w for x, _, w, _ in s.maps)) for s in drawn]
    assert edges[0][0] >= 0
    assert all(right + 25 <= left for (_, right), (left, _) in pairwise(edges))


def test_biases_stand_beside_thresholds_and_leaks() -> None:
    layer = planes_conv("conv1", [np.ones((2, 1, 1, 1), int)], 9, 4, bias=[-3, 5])
    model = FixedPointModel((layer,), InputCode(1, 1.0), input_size=(2, 2))
    report = compose_report(model)
    assert [report.figures[f"conv1.{key}"].value for key in ("leak", "bias_low", "bias_high")] == [4, -3, 5]
    assert report.figures["conv1.threshold_and_leak"].value == 9 + 4 + 3
    assert "bias low" in render_text(report)
    unbiased = planes_conv("conv1", [np.ones((2, 1, 1, 1), int)], 9, 4)
    assert "bias low" not in render_text(compose_report(replace(model, layers=(unbiased,))))


def test_word_bars_compare_bits_with_the_words_of_the_chip(report: Report) -> None:
    bars = {bar.name: bar for bar in word_bars(report)["conv1"]}
    assert (bars["payload"].bits, bars["payload"].limit) == (4, 24)
    assert (bars["threshold + leak"].bits, bars["threshold + leak"].values) == (6, "0 … 23")
    assert not any(bar.beyond for bar in bars.values())


def test_rasters_count_rows_of_maps() -> None:
    rows = np.array([(0, 0, 1, 2), (2, 1, 0, 2), (2, 1, 0, 0)])
    counts = place_by_time(rows, (2, 2, 3), 3)
    assert counts.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 2], [0, 0, 0]]
    first = first_spikes(rows, (2, 2, 3))
    assert np.nan_to_num(first, nan=-1).tolist() == [[2, -1, 2], [-1, -1, 0]]


class Balance(HTMLParser):
    """Tags still open, and the ids of sections in order."""

    VOID = ("meta", "img", "br", "rect", "line", "path", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(str(dict(attrs)["id"]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag
