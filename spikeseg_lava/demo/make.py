"""Makes the shipped files again: `python -m spikeseg_lava.demo.make [FOLDER]`. Same numbers every time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava import demo
from spikeseg_lava.demo.construction import demo_network
from spikeseg_lava.demo.plan import ScenePlan
from spikeseg_lava.demo.synthetic import Scene, synthesize
from spikeseg_lava.files import writing
from spikeseg_lava.network import ConvLayer, SpikingNetwork

PLAN = ScenePlan(brightness=2.2, noise_rate=0.3, stars=16)
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
    import torch

    state = {key: torch.tensor(value) for layer in network.convolutions for key, value in _state(layer).items()}
    with writing(path) as file:
        torch.save({"model_state_dict": state, "config": _config(network)}, file)


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
