"""What hypothesis draws: networks in floats, models in integers, and clips for them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders.models import integer_conv, model_of
from builders.networks import float_conv, sparse_frames
from spikeseg_lava.network.floats import ConvLayer, Pair, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv
from spikeseg_lava.network.model import FixedPointModel

EXPONENTS = st.sampled_from([(0,), (3,), (4, 0), (10, 2), (15,)])
SIDES = st.integers(1, 7)


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
    weight = size * rng.uniform(lowest, 1, (outputs, inputs, 3, 3))
    theta = size * 10.0 ** draw(st.floats(-1, 1)) * rng.uniform(0.5, 2, outputs)
    floor, multiplicative = draw(st.booleans()), draw(st.booleans())
    leak: dict[str, Any]
    if multiplicative:
        leak = {"beta": draw(st.floats(0.05, 0.99))}
    else:
        leak = {"leak": theta * draw(st.sampled_from([0.0, 0.1, 0.9]))}
    return float_conv(name, weight, theta, padding=(1, 1), floor=floor, **leak)


@st.composite
def conv_layers(draw: st.DrawFn, name: str, inputs: int, graded: bool) -> FixedPointConv:
    """Any stride, padding, asymmetric kernel, one or two planes, both leaks, floored or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs, size = draw(st.integers(1, 5)), (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    planes = [(random.integers(-128, 128, (outputs, inputs, *size)), exponent) for exponent in draw(EXPONENTS)]
    largest = 128 * int(np.sqrt(inputs * size[0] * size[1])) * (40 if graded else 1) << planes[0][1]
    return integer_conv(
        name,
        planes,
        threshold=random.integers(1, max(2, largest), outputs),
        leak=random.integers(0, max(1, largest // draw(st.sampled_from([2, 20, 2000]))), outputs),
        decay=random.integers(0, DECAY_UNIT + 1, outputs),
        leak_mode=draw(st.sampled_from(["subtractive", "multiplicative"])),
        floor=draw(st.booleans()),
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=(draw(st.integers(0, 3)), draw(st.integers(0, 3))),
        bias=biases(draw, random, outputs, largest),
    )


def biases(draw: st.DrawFn, random: np.random.Generator, outputs: int, largest: int) -> NDArray[np.int64]:
    """None at all, as often as some: all of one sign, or of both; a few lift a neuron over any threshold."""
    lowest, highest = draw(st.sampled_from([(0, 0), (0, 0), (-1, 0), (0, 1), (-1, 1), (-1, 1)]))
    span = max(1, largest // draw(st.sampled_from([2, 20, 2000])))
    return random.integers(lowest * span, highest * span + 1, outputs)


@st.composite
def models(draw: st.DrawFn) -> tuple[FixedPointModel, Pair]:
    """Two spiking layers with a pool between them (overlapping, plain or with gaps), and a frame size that fits."""
    size = (draw(st.integers(9, 20)), draw(st.integers(9, 20)))
    first = draw(conv_layers("conv1", draw(st.integers(1, 3)), graded=True))
    pool = PoolLayer("pool1", (draw(SIDES), draw(SIDES)), (draw(SIDES), draw(SIDES)))
    second = draw(conv_layers("conv2", first.source.weight.shape[0], graded=False))
    shape = (first.source.weight.shape[1], *size)
    kept = []
    for layer in (first, pool, second):
        try:
            shape = layer.output_shape(shape)
        except ValueError:
            break
        kept.append(layer)
    model = model_of(*(kept or [integer_conv("conv1", [(np.ones((1, shape[0], 3, 3)), 0)], 5)]))
    return replace(model, reset_interval=draw(st.none() | st.integers(1, 5))), size


@st.composite
def clips(draw: st.DrawFn, model: FixedPointModel, size: Pair) -> NDArray[np.float32]:
    """Frames of whole numbers up to the largest payload, from empty to full, with silences."""
    seed = draw(st.integers(0, 2**32 - 1))
    steps, density = draw(st.integers(1, 12)), draw(st.sampled_from([0.0, 0.01, 0.1, 0.6, 1.0]))
    frames = sparse_frames(seed, (steps, model.input_channels, *size), density, model.input.largest)
    silent = np.random.default_rng(seed + 1).random(steps) < draw(st.sampled_from([0.0, 0.5]))
    return frames * ~silent[:, None, None, None]
