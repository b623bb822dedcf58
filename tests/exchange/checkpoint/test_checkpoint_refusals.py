"""Whatever is wrong with a checkpoint, one clear line says so."""

from __future__ import annotations

import pytest
import torch
from builders.checkpoints import Save, changed, layer

from spikeseg_lava.errors import CheckpointError
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint


def with_value(value: float) -> torch.Tensor:
    weight = torch.ones(3, 2, 5, 5)
    weight[2, 1, 4, 3] = value
    return weight


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([1, 2], "holds a list, expected a dictionary with"),
        (torch.zeros(3), "holds a Tensor, expected a dictionary"),
        ({}, "holds no layer: expected keys .*convN.conv.weight.*; found none"),
        ({"fc.weight": torch.zeros(3, 3), "fc.bias": torch.zeros(3)}, "found fc.weight, fc.bias$"),
        ({f"layer{k}": 0 for k in range(30)}, "layer7 and 22 more$"),
        ({"model_state_dict": {}}, "found none"),
        ({"conv1.conv.weight\x1b[2J": 0, "two\nlines": 0, 7: 0}, "found none"),
        (layer("conv2.", (1, 1, 3, 3)), "layers are conv2; expected them numbered conv1"),
        (layer("conv1.", (1, 1, 3, 3)) | layer("conv3.", (1, 1, 3, 3)), "expected them numbered conv1, conv2"),
        (layer("a.conv1.", (1, 1, 3, 3)) | layer("b.conv1.", (1, 1, 3, 3)), r"several networks \(a\., b\.\)"),
        (layer("conv1.", (3, 1, 3, 3)) | layer("conv2.", (1, 4, 3, 3)), r"`conv2` takes 4 .* `conv1` gives 3"),
    ],
)
def test_keys_that_are_no_network(saved: Save, contents: object, message: str):
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved(contents))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("conv1.conv.weight", with_value(float("nan")), r"`conv1.conv.weight` holds 1 value\(s\) that are NaN"),
        ("conv1.conv.weight", with_value(float("-inf")), r"holds 1 value\(s\) that are NaN or infinite"),
        ("conv1.conv.weight", with_value(1e30).double() * 1e30, "NaN or infinite"),
        ("conv1.conv.weight", torch.ones(3, 50), r"has shape \(3, 50\), expected \(O, I, kh, kw\)"),
        ("conv1.conv.weight", torch.ones(3, 0, 5, 5), r"has shape \(3, 0, 5, 5\)"),
        ("conv1.conv.weight", torch.ones(3, 2, 5, 5, dtype=torch.int8), "is a tensor of torch.int8, expected a float"),
        ("conv1.conv.weight", torch.ones(3, 2, 5, 5, dtype=torch.complex64), "torch.complex64, expected a float"),
        ("conv1.conv.weight", torch.ones(3, 2, 5, 5).to_sparse(), "expected an ordinary dense tensor"),
        ("conv1.conv.weight", torch.ones(3, 2, 5, 5, device="meta"), "expected an ordinary dense tensor"),
        ("conv1.conv.weight", [1.0], "is a list, expected a float tensor"),
        ("conv1.conv.bias", torch.zeros(3), "`conv1` has conv.bias; expected a convolution without bias"),
        ("conv1.bn.running_mean", torch.zeros(3), "has bn.running_mean; expected"),
        ("conv2.neuron.threshold", torch.tensor(-0.1), "`conv2`: `threshold` must be positive and finite, got -0.1"),
        ("conv2.neuron.threshold", torch.tensor(0.0), "`threshold` must be positive and finite, got 0"),
        (
            "conv2.neuron.threshold",
            torch.tensor(float("nan")),
            r"`conv2.neuron.threshold` holds 1 value\(s\) that are NaN",
        ),
        ("conv2.neuron.threshold", torch.ones(3), r"has shape \(3,\), expected one value or 4, one per channel"),
        ("conv2.neuron.threshold", torch.ones(2, 2), r"has shape \(2, 2\), expected one value or 4"),
        ("conv2.neuron.threshold", torch.zeros(0), r"has shape \(0,\)"),
        ("conv2.neuron.threshold", torch.tensor(1j), "expected real numbers"),
        ("conv2.neuron.threshold", torch.tensor(True), "is a tensor of torch.bool, expected real numbers"),
        ("conv2.neuron.threshold", "high", "is a str, expected a number or a tensor of numbers"),
        ("conv2.neuron.leak", torch.tensor(-1.0), "`conv2`: `leak` must be zero or more, and finite, got -1"),
        ("conv2.neuron.leak", torch.tensor(float("inf")), "NaN or infinite"),
        ("conv2.neuron.beta", torch.tensor(1.5), "`conv2`: `beta` must be from 0 to 1, got 1.5"),
        ("conv2.neuron.beta", torch.tensor(-0.5), "`beta` must be from 0 to 1, got -0.5"),
        ("conv2.neuron.threshold", None, "`conv2` lacks neuron.threshold; expected .*, found conv.weight, neuron.leak"),
        ("conv2.neuron.beta", None, "`conv2` lacks neuron.beta; expected neuron.threshold, neuron.leak, neuron.beta"),
        ("conv2.neuron.leak", None, "`conv2` lacks neuron.leak"),
    ],
)
def test_tensors_that_are_no_layer(saved: Save, key: str, value: object, message: str):
    with pytest.raises(CheckpointError, match=message) as refusal:
        load_checkpoint(saved(changed(key, value)))
    assert "\n" not in str(refusal.value)
    assert "checkpoint.pt`: " in str(refusal.value)
