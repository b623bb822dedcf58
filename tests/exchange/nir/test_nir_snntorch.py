"""snnTorch -> NIR -> our network: the spikes of both, step by step."""

from __future__ import annotations

import importlib.util
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from nir_reading import from_nir
from numpy.typing import NDArray
from torch import nn

from spikeseg_lava.network.floats import SpikingNetwork
from torch_reference import run_reference

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    snn = pytest.importorskip("snntorch")

DT = 1e-4  # what snnTorch's export writes its time constants with
STEPS, SIZE = 25, (10, 12)


def _trained(whole_maps: bool = False, **options: Any) -> nn.Sequential:
    """Convolution - mean over windows - convolution - full connection, untrained weights of a fixed seed."""
    torch.manual_seed(5)

    def leaky(beta: float, threshold: float, *shape: int) -> nn.Module:
        values = [torch.full(shape, v) if whole_maps else v for v in (beta, threshold)]
        return snn.Leaky(beta=values[0], threshold=values[1], **options)

    return nn.Sequential(
        nn.Conv2d(2, 4, (3, 3), padding=1, bias=False), leaky(0.9, 0.6, 4, 10, 12),
        nn.AvgPool2d(2), nn.Conv2d(4, 3, 3, bias=False), leaky(0.8, 0.15, 3, 3, 4),
        nn.Flatten(), nn.Linear(3 * 3 * 4, 6, bias=False), leaky(0.7, 0.06, 6),
    )  # fmt: skip


def _node(module: Any, size: Any) -> nir.NIRNode:
    """One module as snnTorch's `export_nir` writes it: tau = dt / (1 - beta), r = tau / dt."""
    if isinstance(module, nn.Conv2d):
        weight: Any = module.weight.detach().numpy()
        geometry: Any = (module.stride, module.padding, module.dilation)
        return nir.Conv2d(size, weight, *geometry, groups=1, bias=np.zeros(len(weight)))
    if isinstance(module, nn.AvgPool2d):
        return nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    if isinstance(module, nn.Linear):
        return nir.Linear(module.weight.detach().numpy())
    if isinstance(module, nn.Flatten):
        return nir.Flatten(input_type={"input": np.array([3, 3, 4])}, start_dim=0)
    beta, threshold = module.beta.detach().numpy(), module.threshold.detach().numpy()
    tau = DT / (1 - beta)
    return nir.LIF(tau=tau, r=tau / DT, v_leak=np.zeros_like(beta), v_threshold=threshold)


def _graph(net: Any) -> nir.NIRGraph:
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array([2, *SIZE])})}
    nodes |= {str(i): _node(module, SIZE if i < 2 else (5, 6)) for i, module in enumerate(net)}
    nodes["output"] = nir.Output({"output": np.array([6])})
    return nir.NIRGraph(nodes, list(pairwise(nodes)), metadata={}, type_check=False)


@torch.inference_mode()
def _snntorch_spikes(net: Any, frames: NDArray[np.float32]) -> dict[str, NDArray[np.int64]]:
    """Rows (t, c, y, x) of each Leaky."""
    neurons = [m for m in net if isinstance(m, snn.Leaky)]
    states = {id(m): m.reset_mem() for m in neurons}
    spikes: dict[str, list[NDArray[np.float32]]] = {f"conv{i + 1}": [] for i in range(len(neurons))}
    for frame in torch.from_numpy(frames):
        x = frame[None]
        for module in net:
            if isinstance(module, snn.Leaky):
                x, states[id(module)] = module(x, states[id(module)])
                spikes[f"conv{1 + neurons.index(module)}"].append(x[0].numpy())
            else:
                x = module(x)
    return {name: _rows(np.stack(s)) for name, s in spikes.items()}


def _rows(spikes: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argwhere(spikes.reshape(*spikes.shape, 1, 1) if spikes.ndim == 2 else spikes)


@pytest.fixture(scope="module")
def frames() -> NDArray[np.float32]:
    return (np.random.default_rng(1).random((STEPS, 2, *SIZE)) < 0.3).astype(np.float32)


def _equal(ours: Any, theirs: dict[str, NDArray[np.int64]]) -> None:
    for name, rows in theirs.items():
        assert len(rows) > 20, f"{name} has to spike for its agreement to say something"
        np.testing.assert_array_equal(ours.spikes[name], rows)


@pytest.mark.parametrize("delayed", [True, False])
def test_reset_to_zero_gives_the_same_spikes(delayed: bool, frames: NDArray[np.float32]) -> None:
    net = _trained(reset_mechanism="zero", reset_delay=delayed)
    network = from_nir(_graph(net), dt=DT)
    _equal(run_reference(network, frames, fire_once=False), _snntorch_spikes(net, frames))


def test_reset_by_subtraction_is_not_in_the_graph_and_differs(frames: NDArray[np.float32]) -> None:
    net = _trained(reset_mechanism="subtract")
    theirs = _snntorch_spikes(net, frames)["conv1"]
    ours = run_reference(from_nir(_graph(net), dt=DT), frames, fire_once=False).spikes["conv1"]
    assert len(ours) != len(theirs)


def test_it_goes_on_in_integers(frames: NDArray[np.float32], tmp_path: Path) -> None:
    from spikeseg_lava.quantization.quantize import quantize

    net = _trained(whole_maps=True, reset_mechanism="zero")
    nir.write(tmp_path / "snntorch.nir", _graph(net))
    network: SpikingNetwork = from_nir(tmp_path / "snntorch.nir", dt=DT)
    model = quantize(network, calibration=frames, input_bits=1)
    oracle = run_reference(model, frames, fire_once=False)
    floats = run_reference(network, frames, fire_once=False)
    for name, rows in oracle.spikes.items():
        both = set(map(tuple, rows.tolist())) & set(map(tuple, floats.spikes[name].tolist()))
        assert len(both) >= 0.9 * max(len(rows), len(floats.spikes[name])) > 0


@pytest.mark.skipif(importlib.util.find_spec("nirtorch") is None, reason="snnTorch's own export needs nirtorch")
def test_the_export_of_snntorch_itself(frames: NDArray[np.float32]) -> None:
    from snntorch.export_nir import export_to_nir

    net = _trained(whole_maps=True, reset_mechanism="zero", init_hidden=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # snnTorch calls what nirtorch means to replace
        graph: Any = export_to_nir(net, torch.from_numpy(frames[:1]), ignore_dims=[0])
    plain = _trained(reset_mechanism="zero")
    _equal(run_reference(from_nir(graph, dt=DT), frames, fire_once=False), _snntorch_spikes(plain, frames))
