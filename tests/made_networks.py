"""Small networks made by hand or drawn at random, for the tests of the quantiser."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork


def neuron(channels: int, threshold: Any, leak: Any = 0.0, beta: Any = None, floor: bool = True) -> Neuron:
    """Subtractive unless `beta` is given; numbers are spread over the channels."""
    thresholds, leaks, betas = (
        np.broadcast_to(np.asarray(v, float), (channels,)).copy() for v in (threshold, leak, beta or 1.0)
    )
    return Neuron(thresholds, leaks, betas, "subtractive" if beta is None else "multiplicative", floor)


def one_layer(weights: Any, threshold: Any, leak: Any = 0.0, **options: Any) -> SpikingNetwork:
    """A 1x1 convolution of `weights` [O, I] on an image of 1x1 pixel, 10 steps."""
    weight = np.asarray(weights, np.float32)[:, :, None, None]
    layer = ConvLayer("conv1", weight, neuron(len(weight), threshold, leak, **options))
    return SpikingNetwork((layer,), (1, 1), 10)


def random_network(
    seed: int, *, leak_mode: str = "subtractive", floor: bool = True, signed: bool = True
) -> SpikingNetwork:
    """Two asymmetric convolutions with a pool between, 2 -> 3 -> 2 channels, 9x7 pixels, 12 steps."""
    rng = np.random.default_rng(seed)

    def conv(name: str, shape: tuple[int, ...], drive: float) -> ConvLayer:
        weight = rng.uniform(-0.4 if signed else 0.0, 1, shape).astype(np.float32)
        theta = drive * rng.uniform(0.8, 1.2, shape[0])
        multiplicative = leak_mode == "multiplicative"
        made = neuron(shape[0], theta, 0 if multiplicative else 0.1 * theta, 0.9 if multiplicative else None, floor)
        return ConvLayer(name, weight, made, padding=(shape[2] // 2, shape[3] // 2))

    layers = (conv("conv1", (3, 2, 3, 5), 2.0), PoolLayer("pool1", (2, 2), (2, 2)), conv("conv2", (2, 3, 3, 3), 1.5))
    return SpikingNetwork(layers, (9, 7), 12, {"seed": seed})


def random_clip(seed: int, binary: bool = False, steps: int = 12) -> np.ndarray:
    """Sparse frames Float32[T, 2, 9, 7], graded in 0..1 or 0/1."""
    rng = np.random.default_rng(seed)
    there = rng.random((steps, 2, 9, 7)) < 0.3
    return (there if binary else there * rng.integers(1, 14, there.shape) / 13).astype(np.float32)


@st.composite
def networks(draw: st.DrawFn) -> SpikingNetwork:
    """Networks of one or two convolutions with weights, thresholds and leaks over many orders of magnitude."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(2, 3)))]
    layers = tuple(_layer(draw, rng, f"conv{i + 1}", o, c) for i, (c, o) in enumerate(itertools.pairwise(channels)))
    return SpikingNetwork(layers, (6, 5), draw(st.integers(1, 20)))


def _layer(draw: st.DrawFn, rng: np.random.Generator, name: str, outputs: int, inputs: int) -> ConvLayer:
    size = 10.0 ** draw(st.integers(-4, 1))
    lowest = draw(st.sampled_from([-1.0, -0.2, 0.0]))
    weight = (size * rng.uniform(lowest, 1, (outputs, inputs, 3, 3))).astype(np.float32)
    theta = size * 10.0 ** draw(st.floats(-1, 1)) * rng.uniform(0.5, 2, outputs)
    floor, multiplicative = draw(st.booleans()), draw(st.booleans())
    if multiplicative:
        return ConvLayer(name, weight, neuron(outputs, theta, 0, draw(st.floats(0.05, 0.99)), floor), padding=(1, 1))
    leak = theta * draw(st.sampled_from([0.0, 0.1, 0.9]))
    return ConvLayer(name, weight, neuron(outputs, theta, leak, None, floor), padding=(1, 1))
