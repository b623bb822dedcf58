"""The convolutional network of the NIR paper (sinabs): it converts, and runs like its nodes one by one."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
import torch
from nir_reading import from_nir
from numpy.typing import NDArray
from torch.nn import functional

from spikeseg_lava.exchange.nir.write import to_nir
from spikeseg_lava.network.floats import SpikingNetwork
from torch_reference import run_reference


@pytest.fixture(scope="module")
def graph(shared: Path) -> nir.NIRGraph:
    return nir.read(shared / "nir" / "cnn_sinabs.nir")


@pytest.fixture(scope="module")
def network(graph: nir.NIRGraph) -> SpikingNetwork:
    return from_nir(graph)


@pytest.fixture(scope="module")
def clip() -> NDArray[np.float32]:
    return (np.random.default_rng(3).random((12, 2, 34, 34)) < 0.2).astype(np.float32)


def _node_by_node(graph: nir.NIRGraph, frames: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Spikes (T, ...) of every IF node: the graph interpreted as it stands, in float64."""
    membranes: dict[str, torch.Tensor] = {}
    spikes: dict[str, list[NDArray[np.float32]]] = {}
    for frame in torch.from_numpy(frames).double():
        x = frame
        for name in map(str, range(13)):
            node = graph.nodes[name]
            if isinstance(node, nir.Conv2d):
                weight = torch.from_numpy(node.weight).double()
                stride, padding = (np.asarray(pair).tolist() for pair in (node.stride, node.padding))
                x = functional.conv2d(x[None], weight, stride=stride, padding=padding)[0]
            elif isinstance(node, nir.SumPool2d):
                x = functional.avg_pool2d(x[None], 2, divisor_override=1)[0]
            elif isinstance(node, nir.Flatten):
                x = x.flatten()
            elif isinstance(node, nir.Affine):
                x = torch.from_numpy(node.weight).double() @ x
            else:
                membrane = membranes.get(name, torch.zeros_like(x)) + x
                x = (membrane > 1).double()
                membranes[name] = torch.where(x > 0, 0, membrane)
                spikes.setdefault(name, []).append(x.float().numpy())
    return {name: np.stack(s) for name, s in spikes.items()}


def test_it_becomes_five_convolutions(network: SpikingNetwork) -> None:
    assert network.shapes() == {
        "conv1": (16, 16, 16), "conv2": (16, 16, 16), "conv3": (8, 8, 8), "conv4": (256, 1, 1), "conv5": (10, 1, 1)
    }  # fmt: skip
    assert [x.stride for x in network.convolutions] == [(2, 2), (1, 1), (2, 2), (2, 2), (1, 1)]
    assert not any(x.neuron.floor for x in network.convolutions)


def test_it_spikes_like_its_nodes_one_by_one(
    graph: nir.NIRGraph, network: SpikingNetwork, clip: NDArray[np.float32]
) -> None:
    ours = run_reference(network, clip, fire_once=False)
    theirs = _node_by_node(graph, clip)
    assert min(ours.counts[f"conv{i}"] for i in range(1, 5)) > 50
    for layer, node in zip(network.convolutions, ("1", "3", "6", "10", "12"), strict=True):
        rows = np.argwhere(theirs[node].reshape(len(clip), *network.shapes()[layer.name]))
        np.testing.assert_array_equal(ours.spikes[layer.name], rows)


def test_it_runs_in_integers(network: SpikingNetwork, clip: NDArray[np.float32]) -> None:
    from spikeseg_lava.quantization.quantize import quantize

    model = quantize(network, planes=2, input_bits=1)
    oracle = run_reference(model, clip, fire_once=False)
    floats = run_reference(network, clip, fire_once=False)
    for name in ("conv1", "conv2"):
        both = set(map(tuple, oracle.spikes[name].tolist())) & set(map(tuple, floats.spikes[name].tolist()))
        assert len(both) > 0.95 * len(floats.spikes[name]) > 500


def test_it_goes_back_to_nir(network: SpikingNetwork, clip: NDArray[np.float32]) -> None:
    again = from_nir(to_nir(network, strict=True))
    before, after = run_reference(network, clip, fire_once=False), run_reference(again, clip, fire_once=False)
    for name, rows in before.spikes.items():
        np.testing.assert_array_equal(rows, after.spikes[name])
