"""Networks and records the decoder is tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikeseg_lava.network import ConvLayer, Neuron, PoolLayer, SpikingNetwork

LEAK_RATIOS = (0.9, 0.1, 0.0)


@pytest.fixture(scope="session")
def real_network(shared: Path) -> SpikingNetwork:
    """The EBSSA checkpoint at threshold 0.05."""
    import torch
    from torch.torch_version import TorchVersion

    torch.serialization.add_safe_globals([TorchVersion])
    path = shared / "checkpoints" / "spikeseg_ebssa.pt"
    state = torch.load(path, weights_only=True, map_location="cpu")["model_state_dict"]
    weights = [state[f"encoder.conv{i}.conv.weight"].numpy() for i in (1, 2, 3)]
    convs = [_layer(f"conv{i + 1}", weight, 0.05, LEAK_RATIOS[i]) for i, weight in enumerate(weights)]
    pools = [PoolLayer(f"pool{i}", (2, 2), (2, 2)) for i in (1, 2)]
    return SpikingNetwork((convs[0], pools[0], convs[1], pools[1], convs[2]), (128, 128), 10)


def _layer(name: str, weight: np.ndarray, threshold: float, leak_ratio: float) -> ConvLayer:
    ones = np.ones(len(weight))
    neuron = Neuron(threshold * ones, leak_ratio * threshold * ones, ones)
    return ConvLayer(name, weight, neuron, padding=(weight.shape[2] // 2, weight.shape[3] // 2))
