"""Every integer traced to its float."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from builders.networks import one_layer, random_clip, random_network

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.quantization.explain import explain
from spikeseg_lava.quantization.quantize import quantize


def test_one_weight_by_hand():
    """w = 0.5 beside 1: 63 or 64 of 127 levels, so scale * 0.5 is a whole number at an even largest level."""
    model = quantize(one_layer([[1.0, 0.5]], 2.0), planes=1, input_bits=1)
    rows = list(explain(model)["conv1"].trace("weight").rows())
    assert [row["float"] for row in rows] == [1.0, 0.5]
    assert [row["integer"] for row in rows] == model.convolutions[0].kernel.ravel().tolist()
    assert rows[0]["integer"] == 2 * rows[1]["integer"]
    assert max(abs(row["error"]) for row in rows) < 1e-6
    exponent = model.convolutions[0].planes[0].exponent
    assert rows[1]["planes"] == f"{rows[1]['integer'] >> exponent} << {exponent}"


def test_bytes_of_two_planes_add_up():
    for row in explain(quantize(random_network(1), planes=2))["conv1"].trace("weight").rows():
        parts = [part.split(" << ") for part in row["planes"].split(" + ")]
        assert sum(int(byte) << int(shift) for byte, shift in parts) == row["integer"]


def test_represented_value_is_integer_over_scale():
    model = quantize(random_network(2, leak_mode="multiplicative"))
    layer = explain(model)["conv2"]
    threshold, decay = layer.trace("threshold"), layer.trace("decay")
    np.testing.assert_array_equal(threshold.represented, model.convolutions[1].neuron.threshold / layer.scale)
    np.testing.assert_allclose(decay.represented, 1 - np.rint(0.1 * 4096) / 4096)
    assert decay.largest_error <= 0.5 / 4096
    assert layer.input_scale == 1.0


def test_cut_weights_are_marked_and_not_counted_as_errors():
    (trace, *_) = explain(quantize(one_layer([[0.02, 0.9]], 0.05), input_bits=1))["conv1"].traces
    assert trace.cut.ravel().tolist() == [False, True]
    assert trace.largest_error < 1e-4 < abs(float(trace.error.ravel()[1]))


def test_text_says_what_was_chosen_and_why():
    model = quantize(random_network(3), calibration=random_clip(4))
    text = str(explain(model))
    told = model.provenance["quantization"]["layers"]
    assert all(f"{name}: " in text and told[name]["reason"] in text for name in ("conv1", "conv2"))
    assert "saturation" in text


def test_one_layer_alone():
    model = quantize(random_network(3))
    assert [layer.name for layer in explain(model, "conv2").layers] == ["conv2"]
    with pytest.raises(ArgumentError, match="`layer` must be one of conv1, conv2, got 'conv7'"):
        explain(model, "conv7")


def test_table_of_every_integer(tmp_path: Path):
    model = quantize(random_network(3))
    explain(model).save_csv(tmp_path / "integers.csv")
    with open(tmp_path / "integers.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counted = sum(conv.kernel.size + 2 * len(conv.scale) for conv in model.convolutions)
    assert len(rows) == counted
    first = model.convolutions[0]
    assert int(rows[0]["integer"]) == first.kernel[0, 0, 0, 0]
    assert float(rows[0]["float"]) == first.source.weight[0, 0, 0, 0]


def test_summary_is_json():
    told = json.loads(json.dumps(explain(quantize(random_network(3), calibration=random_clip(4))).to_json()))
    assert [layer["name"] for layer in told["layers"]] == ["conv1", "conv2"]
