"""An executor written from docs/fixed-point.md alone, in plain NumPy, computes what the package computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders.models import integer_conv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import spikeseg_lava as sl
from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel

LOW, HIGH = -(2**23), 2**23 - 1


class PageExecutor:
    """Runs a model that was read from its file; nothing of the package is used but the file's reader."""

    def __init__(self, path: Path, fire_once: bool) -> None:
        self.model, self.fire_once = sl.load_model(path), fire_once

    def run(self, frames: NDArray[Any]) -> tuple[dict[str, list[tuple[int, ...]]], dict[str, NDArray[Any]]]:
        spikes: dict[str, list[tuple[int, ...]]] = {layer.name: [] for layer in self.model.layers}
        membrane: dict[str, Any] = {}
        fired: dict[str, Any] = {}
        for t, frame in enumerate(frames):
            if self.model.reset_interval and t % self.model.reset_interval == 0:
                membrane, fired = {}, {}
            x = payload(frame, self.model.input.bits, self.model.input.scale)
            layer: Any
            for layer in self.model.layers:
                if not hasattr(layer, "planes"):
                    x = pooled(x, layer.kernel, layer.stride)
                else:
                    name = layer.name
                    a = drive(x, layer)
                    v = integrated(membrane.get(name, np.zeros(a.shape, object)), a, layer.neuron)
                    s = v >= column(layer.neuron.threshold)
                    if self.fire_once:
                        s &= ~fired.get(name, np.zeros(s.shape, bool))
                        fired[name] = fired.get(name, np.zeros(s.shape, bool)) | s
                    membrane[name] = np.where(s, 0, v)
                    x = s.astype(int)
                spikes[layer.name] += [(t, *place) for place in np.argwhere(x).tolist()]
        return spikes, membrane


def payload(frame: NDArray[Any], bits: int, scale: float) -> NDArray[np.int64]:
    if bits == 1:
        return (frame > 0).astype(np.int64)
    value = frame.astype(np.float64) * scale
    assert (frame >= 0).all()
    assert (value < 2**bits - 0.5).all()
    return np.rint(value).astype(np.int64)


def pooled(x: NDArray[Any], kernel: tuple[int, int], stride: tuple[int, int]) -> NDArray[Any]:
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:], kernel, stride, strict=True))
    out = np.zeros((len(x), rows, columns), int)
    for y in range(rows):
        for c in range(columns):
            top, left = y * stride[0], c * stride[1]
            out[:, y, c] = x[:, top : top + kernel[0], left : left + kernel[1]].max(axis=(1, 2))
    return out


def drive(x: NDArray[Any], layer: Any) -> NDArray[Any]:
    (py, px), (sy, sx) = layer.padding, layer.stride
    kh, kw = layer.planes[0].weight.shape[2:]
    padded = np.pad(x, ((0, 0), (py, py), (px, px)))
    rows = (x.shape[1] + 2 * py - kh) // sy + 1
    columns = (x.shape[2] + 2 * px - kw) // sx + 1
    total: Any = np.zeros((len(layer.planes[0].weight), rows, columns), np.int64)
    for plane in layer.planes:
        weight = plane.weight.astype(np.int64)
        sums = np.zeros_like(total)
        for a in range(kh):
            for b in range(kw):
                seen = padded[:, a : a + sy * (rows - 1) + 1 : sy, b : b + sx * (columns - 1) + 1 : sx]
                sums += np.einsum("oi,iyx->oyx", weight[:, :, a, b], seen)
        total += sums << plane.exponent
    return np.clip(total, LOW, HIGH).astype(object)  # Python's integers from here on: no width to get wrong


def integrated(v: NDArray[Any], a: NDArray[Any], neuron: Any) -> NDArray[Any]:
    if neuron.leak_mode == "multiplicative":
        sign: Any = np.where(v < 0, -1, 1)
        kept: Any = abs(v) * (4096 - column(neuron.decay))
        v = sign * (kept >> 12)
    v = np.clip(v + a + column(neuron.bias) - column(neuron.leak), LOW, HIGH)
    return np.maximum(v, 0) if neuron.floor else v


def column(values: NDArray[Any]) -> NDArray[Any]:
    return np.array([int(x) for x in values], object)[:, None, None]


def random_model(rng: np.random.Generator) -> FixedPointModel:
    """Conv, pool, conv with strides, paddings, two planes and neurons that saturate now and then."""
    maps, middle = int(rng.integers(1, 4)), (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
    first = random_conv(rng, "conv1", (maps, 2, 3, 5), loud=bool(rng.integers(2)))
    pool = PoolLayer("pool1", middle, (int(rng.integers(1, 3)), int(rng.integers(1, 3))))
    code = InputCode(1, 1.0) if rng.integers(4) == 0 else InputCode(8, 2.5)
    layers = (first, pool, random_conv(rng, "conv2", (2, maps, 2, 3), loud=False))
    return FixedPointModel(layers, code, reset_interval=3 if rng.integers(3) == 0 else None)


def random_conv(rng: np.random.Generator, name: str, shape: tuple[int, ...], loud: bool) -> FixedPointConv:
    multiplicative, floor = bool(rng.integers(2)), bool(rng.integers(2))
    exponents = [int(e) for e in rng.integers(0, 14 if loud else 3, rng.integers(1, 3))]
    planes = [(rng.integers(-127, 128, shape), e) for e in exponents]
    largest = 2**23 - 1 if loud else 600
    threshold = rng.integers(1, largest, shape[0]).astype(np.int32)
    leak = (rng.integers(0, 40, shape[0]) * (not multiplicative)).astype(np.int32)
    decay = (rng.integers(0, 4097, shape[0]) * multiplicative).astype(np.int32)
    mode = "multiplicative" if multiplicative else "subtractive"
    bias = rng.integers(-60, 60, shape[0])
    stride, padding = ((int(a), int(b)) for a, b in rng.integers((1, 0), (3, 3), (2, 2)).T)
    return integer_conv(name, planes, threshold, leak, decay, mode, floor, stride, padding, bias)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), fire_once=st.booleans())
def test_the_page_alone_is_enough_for_an_executor(
    tmp_path_factory: pytest.TempPathFactory, seed: int, fire_once: bool
) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("page") / "model.slm"
    model = random_model(rng)
    model.save(path)
    frames = ((rng.random((7, 2, 16, 19)) < 0.5) * rng.integers(0, 101, (7, 2, 16, 19))).astype(np.float32)
    spikes, membranes = PageExecutor(path, fire_once).run(frames)
    oracle = sl.run(model, frames, backend="torch", fire_once=fire_once)
    for name, expected in oracle.spikes.items():
        assert spikes[name] == [tuple(row) for row in expected.tolist()], name
    for name, expected in oracle.membranes.items():
        assert (membranes[name].astype(np.int64) == expected).all(), name


def test_such_networks_spike_and_saturate() -> None:
    """Agreement on silence would prove nothing: most networks above spike, and some reach the range's end."""
    counts, extremes = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        model = random_model(rng)
        frames = ((rng.random((7, 2, 16, 19)) < 0.5) * rng.integers(0, 101, (7, 2, 16, 19))).astype(np.float32)
        record = sl.run(model, frames, backend="torch", fire_once=False)
        counts.append(min(len(record.spikes["conv1"]), len(record.spikes["conv2"])))
        extremes.append(max(abs(int(m.min())) for m in record.membranes.values()))
    assert sum(count > 0 for count in counts) > 15
    assert sum(extreme >= 2**23 for extreme in extremes) >= 2
