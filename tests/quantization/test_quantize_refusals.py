"""What cannot be written in integers is refused in one line that names layer, value, limit and remedy."""

from __future__ import annotations

from typing import Any

import pytest
from builders.networks import one_layer, random_clip, random_network

from spikeseg_lava.errors import ArgumentError, ArgumentTypeError, ClipError, QuantizationError
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.quantization.quantize import quantize


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "loihi9"}, "`target` must be one of"),
        ({"planes": 3}, "`planes` must be 1 or 2"),
        ({"planes": {"conv9": 1}}, "`planes` names conv9"),
        ({"input_bits": 0}, "`input_bits` must be a whole number in 1..24"),
        ({"input_bits": 2.5}, "`input_bits` must be a whole number in 1..24"),
        ({"input_bits": 25}, "`input_bits` must be a whole number in 1..24"),
        ({"rounding": "up"}, "`rounding` must be one of"),
        ({"fidelity": 1.5}, "`fidelity` must lie between 0 and 1"),
        ({"exportable": "onnx"}, "`exportable` must be 'netx'"),
        ({"exportable": "netx", "planes": 2}, "one plane"),
        ({"calibration": []}, "holds no clip"),
        ({"calibration": -random_clip(1)}, "negative"),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], words: str):
    with pytest.raises(ArgumentError, match=words):
        quantize(random_network(1), **options)


def test_clip_of_other_channels():
    with pytest.raises(ClipError, match="1 channel"):
        quantize(random_network(1), calibration=random_clip(1)[:, :1])


def test_anything_but_a_network():
    with pytest.raises(ArgumentTypeError, match="SpikingNetwork"):
        quantize("checkpoint.pt")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (one_layer([[1e-9]], 10), "`conv1`: its weights .largest 1e-09. round to zero.*fewer `input_bits`"),
        (SpikingNetwork(()), "no convolution"),
    ],
)
def test_networks_without_integers(network: SpikingNetwork, words: str):
    with pytest.raises(QuantizationError, match=words):
        quantize(network)


def test_payload_that_the_high_plane_shifts_out():
    with pytest.raises(QuantizationError, match=r"`conv1`: 17 input bits shifted by 8.*24 payload bits of loihi2"):
        quantize(one_layer([[1.0]], 0.01), planes=2, input_bits=17)
    assert quantize(one_layer([[1.0]], 0.01), planes=2, input_bits=16).input.bits == 16


def test_sample_too_long_for_a_neuron_without_floor():
    network = one_layer([[1.0, -1.0]], 0.5, floor=False)
    endless = SpikingNetwork(network.layers, (1, 1), 10**8)
    with pytest.raises(QuantizationError, match=r"`conv1`.*100000000 steps"):
        quantize(endless)
