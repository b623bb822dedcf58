"""Networks in floats: one convolution from a few numbers, networks made at random, and the clips they see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Layer, Neuron, Pair, PoolLayer, SpikingNetwork


def neuron(
    channels: int, threshold: Any, leak: Any = 0.0, beta: Any = None, floor: bool = True, bias: Any = 0.0
) -> Neuron:
    """Subtractive unless `beta` is given; numbers are spread over the channels."""
    thresholds, leaks, betas, biases = (
        np.broadcast_to(np.asarray(v, float), (channels,)).copy()
        for v in (threshold, leak, 1.0 if beta is None else beta, bias)
    )
    return Neuron(thresholds, leaks, betas, "subtractive" if beta is None else "multiplicative", floor, biases)


def float_conv(
    name: str, weight: Any, threshold: Any = 1.0, leak: Any = 0.0, *, stride: Any = (1, 1),
    padding: Any = (0, 0), **others: Any,
) -> ConvLayer:  # fmt: skip
    """A convolution of `weight` [O, I, kh, kw]; `padding` None keeps the size; `others` as of `neuron`."""
    weight = np.asarray(weight, np.float32)
    same = (weight.shape[2] // 2, weight.shape[3] // 2)
    neurons = neuron(len(weight), threshold, leak, **others)
    return ConvLayer(name, weight, neurons, stride, same if padding is None else padding)


def one_layer(weights: Any, threshold: Any, leak: Any = 0.0, **options: Any) -> SpikingNetwork:
    """A 1x1 convolution of `weights` [O, I] on an image of 1x1 pixel, 10 steps."""
    weight = np.asarray(weights, np.float32)[:, :, None, None]
    return SpikingNetwork((float_conv("conv1", weight, threshold, leak, **options),), (1, 1), 10)


def random_network(
    seed: int, *, leak_mode: str = "subtractive", floor: bool = True, signed: bool = True
) -> SpikingNetwork:
    """Two asymmetric convolutions with a pool between, 2 -> 3 -> 2 channels, 9x7 pixels, 12 steps."""
    rng = np.random.default_rng(seed)

    def conv(name: str, shape: tuple[int, ...], drive: float) -> ConvLayer:
        weight = rng.uniform(-0.4 if signed else 0.0, 1, shape)
        theta = drive * rng.uniform(0.8, 1.2, shape[0])
        leak: dict[str, Any] = {"beta": 0.9} if leak_mode == "multiplicative" else {"leak": 0.1 * theta}
        return float_conv(name, weight, theta, padding=None, floor=floor, **leak)

    layers = (conv("conv1", (3, 2, 3, 5), 2.0), PoolLayer("pool1", (2, 2), (2, 2)), conv("conv2", (2, 3, 3, 3), 1.5))
    return SpikingNetwork(layers, (9, 7), 12, {"seed": seed})


def deep_network(seed: int, pool: PoolLayer | None = None, classes: int = 3, stride: Pair = (1, 1)) -> SpikingNetwork:
    """Kernels 3x5, 5x3 and 3x3 of random weights: 2 input channels, 3 and 4 maps, `classes`; any frame size."""
    rng = np.random.default_rng(seed)
    layers = (
        float_conv("conv1", rng.normal(0, 0.5, (3, 2, 3, 5)), stride=stride, padding=None),
        pool or PoolLayer("pool1", (2, 2), (2, 2)),
        float_conv("conv2", rng.normal(0.2, 0.5, (4, 3, 5, 3)), padding=None),
        PoolLayer("pool2", (2, 3), (2, 3)),
        float_conv("conv3", rng.normal(0.3, 0.5, (classes, 4, 3, 3)), padding=None),
    )
    return SpikingNetwork(layers)


def encoder_of_ones() -> SpikingNetwork:
    """The layers of the trained network, all weights 1, 128 x 128 x 2."""
    layers: list[Layer] = []
    for k, (o, i, width) in enumerate([(4, 2, 5), (36, 4, 5), (1, 36, 7)], 1):
        layers.append(float_conv(f"conv{k}", np.ones((o, i, width, width)), padding=None))
        layers.append(PoolLayer(f"pool{k}", (2, 2), (2, 2)))
    return SpikingNetwork(tuple(layers[:-1]), (128, 128), 10)


def sparse_frames(seed: int, shape: tuple[int, ...], density: float, largest: int = 1) -> NDArray[np.float32]:
    """Float32[T, C, H, W]: mostly 0, at a part `density` of the places whole numbers of 1 to `largest`."""
    random = np.random.default_rng(seed)
    return ((random.random(shape) < density) * random.integers(1, largest + 1, shape)).astype(np.float32)


def random_clip(seed: int, binary: bool = False, steps: int = 12) -> NDArray[np.float32]:
    """Frames Float32[T, 2, 9, 7] for `random_network`, graded in 0..1 or 0/1."""
    frames = sparse_frames(seed, (steps, 2, 9, 7), 0.3, 13)
    return (frames > 0).astype(np.float32) if binary else frames / np.float32(13)
