"""The demo network, built by hand: oriented edges, then lines, then one detector of streaks.

Kernels are ridges (a Gaussian across, a weaker and wider one subtracted) along a number of orientations.
conv1 sees a piece of line in one time bin, ON events weighing more than OFF; conv2 joins pieces of similar
orientation over some bins; conv3 joins lines of every orientation over the whole sample. The positive weights of
a line add up to the layer's gain. A star or hot pixel may pass conv1, but is no line and does not reach conv3.

Makes the shipped files again: `python -m spikeseg_lava.demo.make [FOLDER]`. Same numbers every time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava import demo
from spikeseg_lava.events.scene import SceneParameters
from spikeseg_lava.events.synthetic import Scene, synthesize
from spikeseg_lava.exchange.checkpoint.file import write_checkpoint
from spikeseg_lava.files import writing
from spikeseg_lava.network.floats import ConvLayer, Neuron, PoolLayer, SpikingNetwork

THRESHOLD = 1.0
POLARITY_WEIGHTS = (0.7, 1.0)  # OFF, ON
# Chosen by measurement on seeded scenes with a pass (few spikes off its path) and without (hardly any spike).
LEAKS = (0.7, 0.3, 0.0)
GAINS = (9.8, 5.0, 2.3)
WIDTHS = (0.8, 0.8, 0.8)
FLANKS = (0.3, 0.3, 0.35)
CONV1_ANGLES = np.arange(4) * np.pi / 4
CONV2_ANGLES = np.arange(8) * np.pi / 8


def ridge(size: int, angle: float, width: float, flank: float) -> NDArray[np.float64]:
    """Float[size, size]: a line through the middle along `angle` (radians from x towards y), 1 on its crest.

    Across the line it is a Gaussian of standard deviation `width` minus one of twice that and weight `flank`;
    along it falls off towards the ends of the kernel.
    """
    y, x = np.indices((size, size)) - size // 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    profile = np.exp(-(across**2) / (2 * width**2)) - flank * np.exp(-(across**2) / (8 * width**2))
    return profile / (1 - flank) * np.exp(-(along**2) / (2 * (size / 2) ** 2))


def demo_network() -> SpikingNetwork:
    """Two input channels, kernels 5/5/7, maps 4/8/1, OR pools 2/2, threshold 1 in every layer."""
    conv1, conv2, conv3 = (
        _layer(f"conv{i + 1}", GAINS[i] * weight, LEAKS[i]) for i, weight in enumerate((_conv1(), _conv2(), _conv3()))
    )
    pool1, pool2 = (PoolLayer(name, (2, 2), (2, 2)) for name in ("pool1", "pool2"))
    return SpikingNetwork((conv1, pool1, conv2, pool2, conv3))


def _layer(name: str, weight: NDArray[np.float64], leak: float) -> ConvLayer:
    ones = np.ones(len(weight))
    padding = weight.shape[-1] // 2
    neuron = Neuron(THRESHOLD * ones, leak * ones, ones)
    return ConvLayer(name, weight.astype(np.float32), neuron, padding=(padding, padding))


def _conv1() -> NDArray[np.float64]:
    return np.multiply.outer(POLARITY_WEIGHTS, _ridges(0, 5, CONV1_ANGLES)).swapaxes(0, 1)


def _conv2() -> NDArray[np.float64]:
    """On its crest a line wants conv1 maps of its own orientation, not those across it; beside it, none at all."""
    lines = _ridges(1, 5, CONV2_ANGLES)[:, None]
    tuning = np.cos(2 * (CONV2_ANGLES[:, None] - CONV1_ANGLES))[:, :, None, None]
    return tuning * np.maximum(lines, 0) + np.minimum(lines, 0)


def _conv3() -> NDArray[np.float64]:
    return _ridges(2, 7, CONV2_ANGLES)[None]


def _ridges(layer: int, size: int, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Float[angles, size, size], the positive weights of each adding up to 1."""
    kernels = np.stack([ridge(size, angle, WIDTHS[layer], FLANKS[layer]) for angle in angles])
    return kernels / np.maximum(kernels, 0).sum((1, 2), keepdims=True)


PLAN = SceneParameters(brightness=2.2, noise_rate=0.3, stars=16)
SEED = 22
TIMESTEPS = 16
TRUTH_RADIUS = 6.0  # pixels


def make(folder: Path = demo.DATA) -> None:
    """Write checkpoint, clip and events of the demo into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = synthesize(PLAN, SEED)
    _write_checkpoint(folder / demo.checkpoint_path().name, demo_network())
    with writing(folder / demo.clip_path().name) as file:
        truth = scene.truth.mask(TRUTH_RADIUS)
        np.savez_compressed(file, frames=scene.frames(TIMESTEPS), truth=truth)
    with writing(folder / demo.events_path().name) as file:
        np.savetxt(file, _rows(scene), fmt=("%.6f", "%d", "%d", "%d"))


def _write_checkpoint(path: Path, network: SpikingNetwork) -> None:
    state = {key: value for layer in network.convolutions for key, value in _state(layer).items()}
    write_checkpoint(path, state, _config(network))


def _state(layer: ConvLayer) -> dict[str, Any]:
    neuron = layer.neuron
    return {
        f"encoder.{layer.name}.conv.weight": layer.weight,
        f"encoder.{layer.name}.neuron.threshold": np.float32(neuron.threshold[0]),
        f"encoder.{layer.name}.neuron.leak": np.float32(neuron.leak[0]),
        f"encoder.{layer.name}.neuron.beta": np.float32(neuron.beta[0]),
    }


def _config(network: SpikingNetwork) -> dict[str, Any]:
    height, width = PLAN.size
    maps = [len(x.weight) for x in network.convolutions]
    model = {
        "n_classes": maps[2],
        "conv1_channels": maps[0],
        "conv2_channels": maps[1],
        "kernel_sizes": [x.weight.shape[-1] for x in network.convolutions],
        **{f"pool{i}_{part}": 2 for i in (1, 2) for part in ("kernel", "stride")},
    }
    data = {"input_height": height, "input_width": width, "input_channels": 2, "n_timesteps": TIMESTEPS}
    return {"model": model, "data": data}


def _rows(scene: Scene) -> NDArray[np.float64]:
    x, y, t, p = scene.events
    return np.stack([t / 1e6, x.astype(float), y.astype(float), p.astype(float)], axis=1)


if __name__ == "__main__":
    make(*map(Path, sys.argv[1:2]))
