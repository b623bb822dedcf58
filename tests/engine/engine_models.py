"""Small models built by hand or drawn at random, and a dense simulation of them in plain NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer
from spikeseg_lava.network.integers import (
    DECAY_BITS,
    DECAY_UNIT,
    STATE_MAX,
    STATE_MIN,
    FixedPointConv,
    FixedPointNeuron,
    InputCode,
    Plane,
)
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


def conv(
    name: str,
    planes,
    threshold: Any,
    leak: Any = 0,
    decay: Any = 0,
    mode: Any = "subtractive",
    floor=True,
    stride=(1, 1),
    padding=(0, 0),
    bias: Any = 0,
) -> FixedPointConv:
    """A layer of planes [(weight Int[O, I, kh, kw], exponent), ...]; numbers stand for all channels."""
    weights = tuple(Plane(np.asarray(w, np.int8), e) for w, e in planes)
    outputs = len(weights[0].weight)
    leak, decay = (leak, 0) if mode == "subtractive" else (0, decay)
    every = [np.broadcast_to(np.asarray(a, np.int32), outputs).copy() for a in (threshold, leak, decay, bias)]
    ones = np.ones(outputs)
    source = ConvLayer(name, weights[0].weight.astype(np.float32), Neuron(ones, ones, ones), stride, padding)
    neuron = FixedPointNeuron(every[0], every[1], every[2], mode, floor, every[3])
    return FixedPointConv(name, weights, neuron, ones, source, stride, padding)


def model_of(*layers, bits: int = 8) -> FixedPointModel:
    """A model whose payload is the frame value itself."""
    return FixedPointModel(tuple(layers), InputCode(bits, 1.0 if bits > 1 else 1))


@st.composite
def conv_layers(draw, name: str, inputs: int, graded: bool) -> FixedPointConv:
    """Any stride, padding, asymmetric kernel, one or two planes, both leaks, floored or not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs, size = draw(st.integers(1, 5)), (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    planes = [(random.integers(-128, 128, (outputs, inputs, *size)), exponent) for exponent in draw(EXPONENTS)]
    mode = draw(st.sampled_from(["subtractive", "multiplicative"]))
    reach = 128 * int(np.sqrt(inputs * size[0] * size[1])) * (40 if graded else 1) << planes[0][1]
    return conv(
        name,
        planes,
        threshold=random.integers(1, max(2, reach), outputs),
        leak=random.integers(0, max(1, reach // draw(st.sampled_from([2, 20, 2000]))), outputs),
        decay=random.integers(0, DECAY_UNIT + 1, outputs),
        mode=mode,
        floor=draw(st.booleans()),
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=(draw(st.integers(0, 3)), draw(st.integers(0, 3))),
        bias=biases(draw, random, outputs, reach),
    )


def biases(draw: Any, random: np.random.Generator, outputs: int, reach: int) -> Any:
    """None at all, as often as some: all of one sign, or of both; a few lift a neuron over any threshold."""
    lowest, highest = draw(st.sampled_from([(0, 0), (0, 0), (-1, 0), (0, 1), (-1, 1), (-1, 1)]))
    span = max(1, reach // draw(st.sampled_from([2, 20, 2000])))
    return random.integers(lowest * span, highest * span + 1, outputs)


EXPONENTS = st.sampled_from([(0,), (3,), (4, 0), (10, 2), (15,)])
SIDES = st.integers(1, 7)


@st.composite
def models(draw) -> tuple[FixedPointModel, tuple[int, int]]:
    """Two spiking layers with a pool between them (overlapping, plain or with gaps), and a frame size that fits."""
    size = (draw(st.integers(9, 20)), draw(st.integers(9, 20)))
    first = draw(conv_layers("conv1", draw(st.integers(1, 3)), graded=True))
    pool = PoolLayer("pool1", (draw(SIDES), draw(SIDES)), (draw(SIDES), draw(SIDES)))
    second = draw(conv_layers("conv2", first.source.weight.shape[0], graded=False))
    layers = first, pool, second
    shape = (first.source.weight.shape[1], *size)
    kept = []
    for layer in layers:
        try:
            shape = layer.output_shape(shape)
        except ValueError:
            break
        kept.append(layer)
    model = model_of(*(kept or [conv("conv1", [(np.ones((1, shape[0], 3, 3)), 0)], 5)]))
    return replace(model, reset_interval=draw(st.none() | st.integers(1, 5))), size


@st.composite
def clips(draw, model: FixedPointModel, size: tuple[int, int]) -> np.ndarray:
    """Frames of whole numbers up to the largest payload, from empty to full, with silences."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps, density = draw(st.integers(1, 12)), draw(st.sampled_from([0.0, 0.01, 0.1, 0.6, 1.0]))
    shape = (steps, model.input_channels, *size)
    values = random.integers(1, model.input.largest + 1, shape) * (random.random(shape) < density)
    silent = random.random(steps) < draw(st.sampled_from([0.0, 0.5]))
    return np.where(silent[:, None, None, None], 0, values).astype(np.float32)


def assert_same(found: SpikeRecord, expected: SpikeRecord) -> None:
    """Spikes of every layer and final membranes are identical."""
    assert found.spikes.keys() == expected.spikes.keys()
    for name, rows in expected.spikes.items():
        np.testing.assert_array_equal(found.spikes[name], rows, err_msg=name)
    assert found.membranes.keys() == expected.membranes.keys()
    for name, membrane in expected.membranes.items():
        np.testing.assert_array_equal(found.membranes[name], membrane, err_msg=name)


def dense_layer(layer: FixedPointConv, steps, fire_once: bool):
    """One layer of stride 1, neuron by neuron and step by step: (spikes of each step, membrane), in plain NumPy."""
    neuron, kernel = layer.neuron, layer.kernel
    threshold, leak, decay = (a.astype(np.int64)[:, None, None] for a in (neuron.threshold, neuron.leak, neuron.decay))
    bias = neuron.bias.astype(np.int64)[:, None, None]
    silence = np.zeros(layer.output_shape(steps[0].shape), np.int64)
    membrane, fired = silence, silence > 0
    pads = [(0, 0), *((p, p) for p in layer.padding)]
    for payload in steps:
        drive = silence
        if payload.any():
            windows = sliding_window_view(np.pad(payload, pads), kernel.shape[2:], axis=(1, 2))  # type: ignore[call-overload]
            drive = np.clip(np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4])), STATE_MIN, STATE_MAX)
        if neuron.leak_mode == "subtractive":
            membrane = np.clip(membrane + drive + bias - leak, STATE_MIN, STATE_MAX)
        else:
            kept = (np.abs(membrane) * (DECAY_UNIT - decay)) >> DECAY_BITS
            membrane = np.clip(np.sign(membrane) * kept + drive + bias, STATE_MIN, STATE_MAX)
        membrane = np.maximum(membrane, 0) if neuron.floor else membrane
        spikes = (membrane >= threshold) & ~(fired & fire_once)
        fired = fired | spikes
        membrane = np.where(spikes, 0, membrane)
        yield spikes, membrane
