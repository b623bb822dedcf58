"""Recordings and models small enough to stream in a test."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.events.recording import Recording
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel


def recording(count: int = 3000, size=(24, 32), length: int = 1_000_000, seed: int = 0) -> Recording:
    """Random events that cluster, on a sensor of `size` (height, width), corners included."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(size[1] / 2, 4, count), 0, size[1] - 1).astype(np.int32)
    y = np.clip(rng.normal(size[0] / 2, 4, count), 0, size[0] - 1).astype(np.int32)
    x[:2], y[:2] = [0, size[1] - 1], [0, size[0] - 1]
    t = np.sort(rng.integers(1000, 1000 + length, count))
    p = rng.integers(0, 2, count).astype(np.uint8)
    p[:2] = [0, 1]
    return Recording(x, y, t, p, size)


def model(seed: int = 0, bits: int = 8) -> FixedPointModel:
    """conv1, pool1 and conv2 with random weights, for two polarities."""
    rng = np.random.default_rng(seed)
    conv1 = _conv("conv1", rng.integers(-20, 60, (3, 2, 3, 5)), 9000, 800, (1, 2))
    conv2 = _conv("conv2", rng.integers(-20, 60, (2, 3, 3, 3)), 90, 3, (1, 1))
    return FixedPointModel((conv1, PoolLayer("pool1", (2, 2), (2, 2)), conv2), InputCode(bits, 2.0**bits - 1))


def _conv(name: str, weight: np.ndarray, threshold: int, leak: int, padding) -> FixedPointConv:
    ones = np.ones(len(weight))
    source = ConvLayer(name, weight.astype(np.float32), Neuron(ones, ones, ones), padding=padding)
    above, lost, kept = (np.full(len(weight), value, np.int32) for value in (threshold, leak, 0))
    return FixedPointConv(
        name, (Plane(weight.astype(np.int8), 0),), FixedPointNeuron(above, lost, kept), ones, source, padding=padding
    )
