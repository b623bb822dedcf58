"""Models in integers: one convolution from a few numbers, and small models with everything that hides errors.

Asymmetric kernels, several planes, both signs, strides, pools, odd and non-square sizes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.networks import sparse_frames
from spikeseg_lava.network.floats import ConvLayer, LeakMode, Neuron, Pair, PoolLayer
from spikeseg_lava.network.integers import (
    DECAY_UNIT,
    FixedPointConv,
    FixedPointLayer,
    FixedPointNeuron,
    InputCode,
    Plane,
    sum_planes,
)
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord, rows_in_order

STOCK_SIZE = (8, 11)
STOCK_BITS = 3
POOLED_SIZE = (6, 10)
POOLED_STEPS = 3


def integer_conv(
    name: str, planes: list[tuple[Any, int]], threshold: Any, leak: Any = 0, decay: Any = 0, leak_mode: Any = None,
    floor: bool = True, stride: Any = (1, 1), padding: Any = (0, 0), bias: Any = 0,
) -> FixedPointConv:  # fmt: skip
    """A layer of planes [(weight Int[O, I, kh, kw], exponent), ...]; its float source holds the same numbers.

    Numbers stand for all channels. The mode is multiplicative where a decay is given; with a mode, what it does not use
    is left out. `padding` None keeps the size.
    """
    parts = tuple(Plane(np.asarray(w, np.int8), e) for w, e in planes)
    kernel = sum_planes(parts)
    mode: LeakMode = leak_mode or ("multiplicative" if np.any(decay) else "subtractive")
    leak, decay = (leak, 0) if mode == "subtractive" else (0, decay)
    theta, pull, lost, added = (
        np.broadcast_to(a, len(kernel)).astype(np.int32) for a in (threshold, leak, decay, bias)
    )
    real: list[NDArray[np.float64]] = [a.astype(np.float64) for a in (theta, pull, 1 - lost / DECAY_UNIT, added)]
    floats = Neuron(real[0], real[1], real[2], mode, floor, real[3])
    padding = (kernel.shape[2] // 2, kernel.shape[3] // 2) if padding is None else padding
    source = ConvLayer(name, kernel.astype(np.float32), floats, stride, padding)
    neuron = FixedPointNeuron(theta, pull, lost, mode, floor, added)
    return FixedPointConv(name, parts, neuron, np.ones(len(kernel)), source, stride, padding)


def planes_conv(
    name: str, weights: list[NDArray[np.integer]], threshold: int, leak: int, *, exponents: tuple[int, ...] = (0,),
    **others: Any,
) -> FixedPointConv:  # fmt: skip
    """One plane for every array; `others` as of `integer_conv`."""
    return integer_conv(name, list(zip(weights, exponents, strict=True)), threshold, leak, **others)


def layer(
    weight: Any, threshold: Any = 10, leak: Any = 0, *, name: str = "conv1", exponents: tuple[int, ...] = (0,),
    **others: Any,
) -> FixedPointConv:  # fmt: skip
    """A layer with the same `weight` in every plane, which keeps the size; `others` as of `integer_conv`."""
    return integer_conv(name, [(weight, e) for e in exponents], threshold, leak, padding=None, **others)


def model_of(*layers: FixedPointLayer, bits: int = 8) -> FixedPointModel:
    """A model for frames of any size, whose payload is the frame value itself."""
    return FixedPointModel(layers, InputCode(bits, 1.0))


def model(*layers: FixedPointLayer, bits: int = 1, size: Pair = (8, 8), target: str = "loihi2") -> FixedPointModel:
    """A model of samples of 10 steps on frames of `size`."""
    return replace(model_of(*layers, bits=bits), target=target, input_size=size, timesteps=10)


def ones(*shape: int) -> NDArray[np.int8]:
    """Int8 weights, all 1."""
    return np.ones(shape, np.int8)


def weights(seed: int, shape: tuple[int, int, int, int], low: int = -60, high: int = 100) -> NDArray[np.int8]:
    """Int8[O, I, kh, kw] without any symmetry."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.int8)


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
    return sparse_frames(seed + 1000, (steps, 2, *STOCK_SIZE), 0.3, 2**STOCK_BITS - 1)


def pooled_model() -> FixedPointModel:
    """conv1 2 -> 3 maps (3x3, two planes), pool 2x2, conv2 3 -> 1 map (3x3), with provenance, on non-square frames."""
    random = np.random.default_rng(5)
    first = random.integers(-9, 10, (3, 2, 3, 3))
    layers = (
        planes_conv("conv1", [first, first], 20, 3, exponents=(0, 3), padding=(1, 1)),
        PoolLayer("pool1", (2, 2), (2, 2)),
        planes_conv("conv2", [random.integers(1, 10, (1, 3, 3, 3))], 20, 3, padding=(1, 1)),
    )
    provenance = {"network": {"file": "made <by> hand", "digest": "0" * 64}, "quantization": {"tried": [1] * 500}}
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


def stream_model(seed: int = 0, bits: int = 8) -> FixedPointModel:
    """conv1, pool1 and conv2 with random weights, for two polarities."""
    rng = np.random.default_rng(seed)
    conv1 = layer(rng.integers(-20, 60, (3, 2, 3, 5)), 9000, 800)
    conv2 = layer(rng.integers(-20, 60, (2, 3, 3, 3)), 90, 3, name="conv2")
    return FixedPointModel((conv1, PoolLayer("pool1", (2, 2), (2, 2)), conv2), InputCode(bits, 2.0**bits - 1))


def two_plane_model(**first: Any) -> FixedPointModel:
    """conv (two planes, 3x5 kernel, two channels) - pool 2 - conv of three classes; `first` changes the first layer."""
    settings = {
        "planes": [(weights(1, (4, 2, 3, 5)), 4), (weights(2, (4, 2, 3, 5)), 0)],
        "threshold": 9000,
        "leak": 700,
    }
    conv1 = integer_conv("conv1", **{**settings, "padding": None, **first})
    conv2 = integer_conv("conv2", [(weights(3, (3, 4, 5, 3)), 0)], 300, 5, padding=None)
    return FixedPointModel((conv1, PoolLayer("pool1", (2, 2), (2, 2)), conv2), InputCode(6, 1.0))


def two_plane_clip(seed: int = 0, steps: int = 6, size: Pair = (11, 17), density: float = 0.1) -> Any:
    """Float32[T, 2, H, W] of counts 0..19 for `two_plane_model`, mostly 0."""
    return sparse_frames(seed, (steps, 2, *size), density, 19)
