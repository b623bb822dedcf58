"""Every layout a trained network is saved in gives the same network."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from builders.checkpoints import Save, layer, two_layers, used_at

from spikeseg_lava import demo
from spikeseg_lava.exchange.checkpoint.load import load_checkpoint
from spikeseg_lava.network.floats import SpikingNetwork
from torch_reference import run_reference


def parts_of(network: SpikingNetwork) -> list[object]:
    """All numbers of a network, to compare."""
    convs = [(x.weight.tolist(), x.neuron.threshold.tolist(), x.neuron.leak.tolist()) for x in network.convolutions]
    return [convs, [(x.name, getattr(x, "kernel", None), x.stride) for x in network.layers]]


def test_trained_network(shared: Path):
    path = shared / "checkpoints" / "spikeseg_ebssa.pt"
    network = load_checkpoint(path)
    assert [x.name for x in network.layers] == ["conv1", "pool1", "conv2", "pool2", "conv3"]
    assert [x.weight.shape for x in network.convolutions] == [(4, 2, 5, 5), (36, 4, 5, 5), (1, 36, 7, 7)]
    assert [x.padding for x in network.convolutions] == [(2, 2), (2, 2), (3, 3)]
    assert (network.input_size, network.timesteps) == ((128, 128), 10)
    for conv, leak in zip(network.convolutions, (0.09, 0.01, 0.0), strict=True):
        np.testing.assert_allclose(conv.neuron.threshold, 0.1, rtol=1e-6)
        np.testing.assert_allclose(conv.neuron.leak, leak, rtol=1e-6)
        assert (conv.neuron.leak_mode, conv.neuron.floor) == ("subtractive", True)


def test_provenance_names_the_file_and_what_was_overridden(shared: Path):
    path = shared / "checkpoints" / "spikeseg_ebssa.pt"
    network = load_checkpoint(path, threshold=0.05, pools=[(2, 2), 2])
    assert json.loads(json.dumps(dict(network.provenance))) == {
        "checkpoint": "spikeseg_ebssa.pt",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "epoch": 10,
        "pytorch_version": "2.7.0",
        "thresholds": "buffers",
        "pools": ["argument", "argument"],
        "threshold_override": 0.05,
    }


def test_shipped_network():
    network = load_checkpoint(demo.checkpoint_path())
    assert (network.input_size, network.timesteps, network.input_channels) == ((96, 128), 16, 2)


@pytest.mark.parametrize(
    "wrapped",
    [
        two_layers(),
        two_layers(""),
        OrderedDict(two_layers("module.encoder.")),
        {"state_dict": two_layers("")},
        {"model_state_dict": two_layers(), "config": None, "epoch": 3},
        {"model": two_layers("module.")},
        two_layers() | layer("decoder.conv1.", (9, 9, 3, 3)),
        two_layers() | {"encoder.steps": torch.tensor(4), "encoder.conv1.has_fired": None},
    ],
)
def test_wrappers_and_prefixes_make_no_difference(saved: Save, wrapped):
    network = load_checkpoint(saved(wrapped))
    plain = load_checkpoint(saved({"model_state_dict": two_layers()}))
    assert parts_of(network) == parts_of(plain)
    assert network.convolutions[0].weight[2, 1, 4, 4] == 150 / 64


def test_file_of_before_torch_1_6(saved: Save):
    assert load_checkpoint(saved(two_layers(), _use_new_zipfile_serialization=False)).input_channels == 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(saved: Save, dtype: torch.dtype):
    state = {key: tensor.to(dtype) for key, tensor in two_layers().items()}
    network = load_checkpoint(saved(state))
    weight = network.convolutions[0].weight
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight, state["encoder.conv1.conv.weight"].to(torch.float32))
    assert network.convolutions[0].neuron.threshold.tolist() == [0.5, 0.5, 0.5]


def test_parameters_that_ask_for_gradients(saved: Save):
    state = two_layers()
    state["encoder.conv1.conv.weight"] = torch.nn.Parameter(state["encoder.conv1.conv.weight"])
    assert load_checkpoint(saved(state)).convolutions[0].weight[0, 0, 0, 0] == 1 / 64


def test_any_number_of_layers_in_the_order_of_their_numbers(saved: Save):
    shapes = {f"encoder.conv{n}.": (1, 1, 1, 3) for n in (10, 2, 1, 3, 9, 4, 8, 5, 7, 6)}
    state = {key: value for prefix, shape in shapes.items() for key, value in layer(prefix, shape).items()}
    network = load_checkpoint(saved(state), pools=[1] * 9)
    assert [x.name for x in network.convolutions] == [f"conv{n}" for n in range(1, 11)]
    assert network.shapes((5, 7))["conv10"] == (1, 5, 7)


def test_single_layer_needs_no_pool(saved: Save):
    network = load_checkpoint(saved(layer("conv1.", (5, 1, 3, 7))), pools=[])
    assert [x.name for x in network.layers] == ["conv1"]
    assert network.convolutions[0].padding == (1, 3)


def test_even_kernel_is_padded_by_half_of_it(saved: Save):
    state = layer("conv1.", (1, 1, 4, 2)) | {"conv1.membrane": torch.zeros(1, 1, 11, 8)}
    network = load_checkpoint(saved(state))
    assert network.convolutions[0].padding == (2, 1)
    assert network.input_size == (10, 7)
    assert network.shapes()["conv1"] == (1, 11, 8)


def test_frame_size_of_the_configuration_else_of_the_state_buffers(saved: Save, caplog: pytest.LogCaptureFixture):
    assert load_checkpoint(saved(two_layers())).input_size is None
    state = used_at((33, 47), (16, 23))
    assert load_checkpoint(saved(state)).input_size == (33, 47)
    assert not caplog.records
    data = {"input_height": 66, "input_width": 47, "n_timesteps": 12}
    network = load_checkpoint(saved({"model_state_dict": state, "config": {"data": data}}))
    assert (network.input_size, network.timesteps) == ((66, 47), 12)
    assert caplog.record_tuples == [
        (
            "spikeseg_lava.exchange.checkpoint.load",
            logging.WARNING,
            "frame size (height, width): config.data says (66, 47), the state buffers (33, 47); the former is kept",
        )
    ]


def test_loaded_network_runs_on_frames_of_another_size(saved: Save):
    network = load_checkpoint(saved(used_at((33, 47), (16, 23))))
    record = run_reference(network, np.ones((2, 2, 21, 10), np.float32))
    assert record.membranes["conv2"].shape == (4, 10, 5)
    assert record.counts["conv2"] == 200
