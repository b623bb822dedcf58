"""The integers of docs/fixed-point.md once more in plain Python loops, and random models to compare with."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from builders.models import integer_conv

from spikeseg_lava.network.floats import PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel

HIGHEST, LOWEST = 8_388_607, -8_388_608


class LoopConv:
    """One neuron after the other, one synapse after the other."""

    def __init__(self, layer: FixedPointConv, fire_once: bool) -> None:
        self.layer, self.fire_once = layer, fire_once
        self.membrane: dict[tuple[int, int, int], int] = {}
        self.fired: set[tuple[int, int, int]] = set()

    def step(self, x: list[Any]) -> list[Any]:
        channels, rows, columns = self.layer.output_shape((len(x), len(x[0]), len(x[0][0])))
        spikes = [[[0] * columns for _ in range(rows)] for _ in range(channels)]
        for c, row, column in product(range(channels), range(rows), range(columns)):
            spikes[c][row][column] = self._fire((c, row, column), self._drive(x, c, row, column))
        return spikes

    def _drive(self, x: list[Any], c: int, row: int, column: int) -> int:
        total = 0
        for plane in self.layer.planes:
            part = 0
            for i, dy, dx in product(*map(range, plane.weight.shape[1:])):
                y = row * self.layer.stride[0] + dy - self.layer.padding[0]
                z = column * self.layer.stride[1] + dx - self.layer.padding[1]
                if 0 <= y < len(x[0]) and 0 <= z < len(x[0][0]):
                    part += int(plane.weight[c, i, dy, dx]) * int(x[i][y][z])
            total += part * 2**plane.exponent
        return min(max(total, LOWEST), HIGHEST)

    def _fire(self, place: tuple[int, int, int], drive: int) -> int:
        neuron, before = self.layer.neuron, self.membrane.get(place, 0)
        threshold, leak, decay = (int(v[place[0]]) for v in (neuron.threshold, neuron.leak, neuron.decay))
        bias = int(neuron.bias[place[0]])
        if neuron.leak_mode == "subtractive":
            after = before + drive + bias - leak
        else:
            kept = abs(before) * (4096 - decay) // 4096
            after = (kept if before >= 0 else -kept) + drive + bias
        after = min(max(after, LOWEST), HIGHEST)
        after = max(after, 0) if neuron.floor else after
        spike = after >= threshold and not (self.fire_once and place in self.fired)
        self.fired |= {place} if spike else set()
        self.membrane[place] = 0 if spike else after
        return int(spike)


def pooled(layer: PoolLayer, x: list[Any]) -> list[Any]:
    """OR over the window."""
    _, rows, columns = layer.output_shape((len(x), len(x[0]), len(x[0][0])))
    (height, width), (down, right) = layer.kernel, layer.stride
    return [
        [
            [
                int(any(any(r[z * right : z * right + width]) for r in c[y * down : y * down + height]))
                for z in range(columns)
            ]
            for y in range(rows)
        ]
        for c in x
    ]


def run_loops(model: FixedPointModel, payloads: np.ndarray, fire_once: bool) -> tuple[dict[str, list], dict[str, dict]]:
    """Rows (t, c, y, x) of every layer, and the final membranes of the convolutions by place."""
    states = {x.name: LoopConv(x, fire_once) for x in model.convolutions}
    rows: dict[str, list] = {layer.name: [] for layer in model.layers}
    for t, frame in enumerate(payloads):
        if model.reset_interval and t % model.reset_interval == 0:
            states = {x.name: LoopConv(x, fire_once) for x in model.convolutions}
        x = frame.tolist()
        for layer in model.layers:
            x = pooled(layer, x) if isinstance(layer, PoolLayer) else states[layer.name].step(x)
            rows[layer.name] += [
                [t, c, y, z] for c, m in enumerate(x) for y, r in enumerate(m) for z, s in enumerate(r) if s
            ]
    return rows, {name: state.membrane for name, state in states.items()}


def random_model(rng: np.random.Generator) -> FixedPointModel:
    """conv1 - pool1 - conv2: asymmetric kernels, one or two planes, every kind of neuron, for 7x7 frames and more."""
    inputs, middle = rng.integers(1, 3, 2)
    first = random_conv("conv1", rng, int(inputs), int(middle), 12, padding=0)
    kernel, stride = (tuple(map(int, rng.integers(1, largest + 1, 2))) for largest in (3, 2))
    second = random_conv("conv2", rng, int(middle), int(rng.integers(1, 4)), 20, padding=1)
    model = FixedPointModel((first, PoolLayer("pool1", kernel, stride), second), InputCode(4, 1.0))  # pyright: ignore
    return replace(model, reset_interval=int(rng.integers(1, 4)) if rng.random() < 0.3 else None)


def random_conv(
    name: str, rng: np.random.Generator, inputs: int, outputs: int, largest: int, padding: int
) -> FixedPointConv:
    kernel = tuple(map(int, rng.integers(1, 4, 2)))
    shape = (outputs, inputs, *kernel)
    exponents = rng.integers(0, largest, rng.integers(1, 3))
    planes = [(rng.integers(-128, 128, shape) // 3 + 20, int(e)) for e in exponents]
    mode = "subtractive" if rng.random() < 0.5 else "multiplicative"
    scale = 2 ** int(max(exponents))
    return integer_conv(
        name,
        planes,
        threshold=np.minimum(rng.integers(1, 200, outputs) * scale, HIGHEST),
        leak=np.minimum(rng.integers(0, 40, outputs) * scale, 2**22) * (mode == "subtractive"),
        decay=rng.integers(0, 4097, outputs) * (mode == "multiplicative"),
        bias=np.minimum(rng.integers(-40, 80, outputs) * scale, 2**22) * (rng.random() < 0.5),
        leak_mode=mode,
        floor=bool(rng.random() < 0.6),
        stride=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        padding=(int(rng.integers(padding, 3)), int(rng.integers(padding, 3))),
    )
