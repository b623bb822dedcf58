"""A small model on non-square frames, a run of it made by hand, and the trained network's shape."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.network.floats import ConvLayer, Layer, Neuron, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, FixedPointModel, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

SIZE = (6, 10)
STEPS = 3


def float_conv(name: str, weight: np.ndarray) -> ConvLayer:
    one = np.ones(len(weight))
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return ConvLayer(name, weight.astype(np.float32), Neuron(one, 0 * one, one), padding=padding)


def encoder() -> SpikingNetwork:
    """The layers of the trained network, all weights 1, 128 x 128 x 2."""
    kernels = {"conv1": (4, 2, 5), "conv2": (36, 4, 5), "conv3": (1, 36, 7)}
    layers: list[Layer] = []
    for name, (o, i, k) in kernels.items():
        layers += [float_conv(name, np.ones((o, i, k, k))), PoolLayer(name.replace("conv", "pool"), (2, 2), (2, 2))]
    return SpikingNetwork(tuple(layers[:-1]), (128, 128), 10)


def fixed(name: str, weight: np.ndarray, exponents: tuple[int, ...]) -> FixedPointConv:
    ones = np.ones(len(weight), np.int32)
    planes = tuple(Plane(weight.astype(np.int8), exponent) for exponent in exponents)
    neuron = FixedPointNeuron(20 * ones, 3 * ones, 0 * ones)
    source = float_conv(name, weight)
    return FixedPointConv(name, planes, neuron, np.ones(len(weight)), source, source.stride, source.padding)


def model() -> FixedPointModel:
    """conv1 2 -> 3 maps (3x3, two planes), pool 2x2, conv2 3 -> 1 map (3x3)."""
    random = np.random.default_rng(5)
    layers = (
        fixed("conv1", random.integers(-9, 10, (3, 2, 3, 3)), (0, 3)),
        PoolLayer("pool1", (2, 2), (2, 2)),
        fixed("conv2", random.integers(1, 10, (1, 3, 3, 3)), (0,)),
    )
    provenance = {"network": {"file": "made <by> hand", "digest": "0" * 64}, "quantisation": {"tried": [1] * 500}}
    return FixedPointModel(layers, InputCode(4, 15.0), "loihi2", SIZE, STEPS, provenance)


def run() -> tuple[np.ndarray, SpikeRecord]:
    """Frames Float[3, 2, 6, 10] with 3 events that reach the model, and spikes of every layer."""
    frames = np.zeros((STEPS, 2, *SIZE), np.float32)
    frames[0, 0, 0, 0], frames[1, 1, 3, 4], frames[2, 0, 5, 4] = 1, 0.5, 0.1
    frames[2, 0, 0, 5] = 0.01  # rounds to a payload of 0
    rows = {
        "conv1": [(0, 0, 0, 0), (1, 2, 3, 9), (2, 2, 3, 9)],
        "pool1": [(0, 0, 0, 0), (1, 2, 1, 4), (2, 2, 1, 4)],
        "conv2": [(1, 0, 1, 4)],
    }
    spikes = {name: rows_in_order(np.array(values)) for name, values in rows.items()}
    return frames, SpikeRecord(spikes, meta={"steps": STEPS, "fire_once": False})
