"""Networks, models, clips, recordings and files that several test packages build: one builder for each kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Layer, LeakMode, Neuron, Pair, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import (
    FixedPointConv,
    FixedPointModel,
    FixedPointNeuron,
    InputCode,
    Plane,
    sum_planes,
)
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

STOCK_SIZE = (8, 11)
STOCK_BITS = 3
POOLED_SIZE = (6, 10)
POOLED_STEPS = 3


def planes_conv(
    name: str,
    weights: list[NDArray[np.integer]],
    threshold: int,
    leak: int,
    *,
    exponents: tuple[int, ...] = (0,),
    padding: Pair = (0, 0),
    stride: Pair = (1, 1),
    floor: bool = True,
    decay: int = 0,
) -> FixedPointConv:
    """One plane for every array Int[O, I, kh, kw]; the float source is the same in the same units."""
    planes = tuple(Plane(w.astype(np.int8), e) for w, e in zip(weights, exponents, strict=True))
    outputs = weights[0].shape[0]
    mode: LeakMode = "multiplicative" if decay else "subtractive"
    theta, pull, lost = (np.full(outputs, value, np.int32) for value in (threshold, leak, decay))
    neuron = Neuron(theta.astype(np.float64), pull.astype(np.float64), 1 - lost / 4096, mode, floor)
    source = ConvLayer(name, sum_planes(planes).astype(np.float32), neuron, stride, padding)
    return FixedPointConv(
        name, planes, FixedPointNeuron(theta, pull, lost, mode, floor), np.ones(outputs), source, stride, padding
    )


def stock_model(seed: int, *, floor: bool = True) -> FixedPointModel:
    """Within the limits of stock parts: two planes a layer, asymmetric kernels, strides, pads and signs mixed."""
    random = np.random.default_rng(seed)
    first = planes_conv(
        "conv1", [random.integers(-60, 60, (3, 2, 3, 5)) for _ in range(2)], int(random.integers(50, 3000)),
        int(random.integers(0, 1200)), exponents=(0, 2), padding=(1, 2), floor=floor,
    )  # fmt: skip
    second = planes_conv(
        "conv2", [random.integers(-30, 60, (4, 3, 3, 2)) for _ in range(2)], int(random.integers(20, 400)),
        int(random.integers(0, 150)), exponents=(1, 0), padding=(1, 0), stride=(1, 2), floor=floor,
    )  # fmt: skip
    layers = (first, PoolLayer("pool1", (2, 3), (2, 2)), second)
    return FixedPointModel(layers, InputCode(STOCK_BITS, 1.0), input_size=STOCK_SIZE)


def stock_frames(seed: int, steps: int = 7) -> NDArray[np.float32]:
    """Float32[T, 2, 8, 11] whole numbers that the payload of `stock_model` holds."""
    random = np.random.default_rng(seed + 1000)
    shape = (steps, 2, *STOCK_SIZE)
    return ((random.random(shape) < 0.3) * random.integers(0, 2**STOCK_BITS, shape)).astype(np.float32)


def pooled_model() -> FixedPointModel:
    """conv1 2 -> 3 maps (3x3, two planes), pool 2x2, conv2 3 -> 1 map (3x3), with provenance, on non-square frames."""
    random = np.random.default_rng(5)
    first = random.integers(-9, 10, (3, 2, 3, 3))
    layers = (
        planes_conv("conv1", [first, first], 20, 3, exponents=(0, 3), padding=(1, 1)),
        PoolLayer("pool1", (2, 2), (2, 2)),
        planes_conv("conv2", [random.integers(1, 10, (1, 3, 3, 3))], 20, 3, padding=(1, 1)),
    )
    provenance = {"network": {"file": "made <by> hand", "digest": "0" * 64}, "quantisation": {"tried": [1] * 500}}
    return FixedPointModel(layers, InputCode(4, 15.0), "loihi2", POOLED_SIZE, POOLED_STEPS, provenance)


def pooled_run() -> tuple[NDArray[np.float32], SpikeRecord]:
    """Frames Float[3, 2, 6, 10] with 3 events that reach `pooled_model`, and spikes of every layer, made by hand."""
    frames = np.zeros((POOLED_STEPS, 2, *POOLED_SIZE), np.float32)
    frames[0, 0, 0, 0], frames[1, 1, 3, 4], frames[2, 0, 5, 4] = 1, 0.5, 0.1
    frames[2, 0, 0, 5] = 0.01  # rounds to a payload of 0
    rows = {
        "conv1": [(0, 0, 0, 0), (1, 2, 3, 9), (2, 2, 3, 9)],
        "pool1": [(0, 0, 0, 0), (1, 2, 1, 4), (2, 2, 1, 4)],
        "conv2": [(1, 0, 1, 4)],
    }
    spikes = {name: rows_in_order(np.array(values)) for name, values in rows.items()}
    return frames, SpikeRecord(spikes, meta={"steps": POOLED_STEPS, "fire_once": False})


def encoder_of_ones() -> SpikingNetwork:
    """The layers of the trained network, all weights 1, 128 x 128 x 2."""
    layers: list[Layer] = []
    for k, (o, i, width) in enumerate([(4, 2, 5), (36, 4, 5), (1, 36, 7)], 1):
        one, weight = np.ones(o), np.ones((o, i, width, width), np.float32)
        layers.append(ConvLayer(f"conv{k}", weight, Neuron(one, 0 * one, one), padding=(width // 2, width // 2)))
        layers.append(PoolLayer(f"pool{k}", (2, 2), (2, 2)))
    return SpikingNetwork(tuple(layers[:-1]), (128, 128), 10)
