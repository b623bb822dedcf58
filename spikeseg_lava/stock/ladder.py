"""The first hour on a board: rungs from one LIF to an encoder, each with the spikes it must fire.

Every rung adds one thing to the one before. Where the first hour goes wrong, the first rung that differs names the
part: neuron, kernel, reset cycle and floor, latch and pools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron, Pair, PoolLayer
from spikeseg_lava.network.integers import FixedPointConv, FixedPointLayer, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.lower import Method, lower
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.simulate import run_stock

STEPS = 6
BITS = 3


@dataclass(frozen=True, eq=False)
class Rung:
    """One network of the ladder: what it shows, what it is fed, and what it must fire."""

    name: str
    shows: str
    network: StockNetwork
    frames: NDArray[np.float32]
    expected: SpikeRecord


def ladder() -> list[Rung]:
    """One LIF, one Conv, one layer with a floor, and an encoder whose neurons fire once."""
    random = np.random.default_rng(2)
    kernel, deep = random.integers(-8, 16, (2, 1, 3, 2)), random.integers(1, 16, (2, 2, 3, 3))
    alone = _conv("lif", np.ones((1, 1, 1, 1)), 3, floor=False)
    kernels = _conv("conv", kernel, 20, padding=(1, 1), floor=False)
    layer = _conv("layer", kernel, 20, leak=4, padding=(1, 1))
    encoder = (_conv("conv1", kernel, 20, leak=4, padding=(1, 1)), PoolLayer("pool1", (2, 2), (2, 2)))
    return [
        _rung("one LIF", "a current, a threshold, a reset", (alone,), np.ones((STEPS, 1, 1, 1)), "exact", False),
        _rung("one Conv", "order of width, height and channels", (kernels,), _clip(random), "exact", False),
        _rung("one layer", "bias and LIFReset cycles: the floor", (layer,), _clip(random), "windows", False),
        _rung(
            "the encoder", "pools, several layers, the fire-once latch",
            (*encoder, _conv("conv2", deep, 18, leak=2, padding=(1, 1))), _clip(random), "windows", True,
        ),
    ]  # fmt: skip


def _rung(
    name: str, shows: str, layers: tuple[FixedPointLayer, ...], frames: NDArray[np.float64], method: Method, once: bool
) -> Rung:
    size = (frames.shape[2], frames.shape[3])
    model = FixedPointModel(layers, InputCode(BITS, 1.0), input_size=size, timesteps=len(frames))
    network = lower(model, method=method, frames=len(frames), fire_once=once)
    clip = frames.astype(np.float32)
    return Rung(name, shows, network, clip, run_stock(network, clip))


def _conv(
    name: str, weight: NDArray[np.generic], threshold: int, *, leak: int = 0, padding: Pair = (0, 0), floor: bool = True
) -> FixedPointConv:
    ones = np.ones(len(weight), np.int32)
    floats = Neuron(threshold * np.ones(len(ones)), leak * np.ones(len(ones)), np.ones(len(ones)), floor=floor)
    source = ConvLayer(name, weight.astype(np.float32), floats, padding=padding)
    neuron = FixedPointNeuron(threshold * ones, leak * ones, 0 * ones, floor=floor)
    plane = Plane(weight.astype(np.int8), 0)
    return FixedPointConv(name, (plane,), neuron, np.ones(len(weight)), source, padding=padding)


def _clip(random: np.random.Generator) -> NDArray[np.float64]:
    """Float[T, 1, 6, 9]: whole payloads on a frame that is no square."""
    shape = (STEPS, 1, 6, 9)
    return ((random.random(shape) < 0.5) * random.integers(1, 2**BITS, shape)).astype(np.float64)
