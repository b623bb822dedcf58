"""A whole network of reference layers, run step by step; and `run_reference`, which returns a SpikeRecord."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from spikeseg_lava.errors import ClipError
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord
from torch_reference.layers import FloatConv, IntegerConv, OrPool

ReferenceLayer = FloatConv | IntegerConv | OrPool


class ReferenceEncoder:
    """The float encoder of a SpikingNetwork, or the integer oracle of a FixedPointModel.

    All layers update within the same step: a spike of conv1 at step t reaches conv3 at step t.
    """

    def __init__(self, network: SpikingNetwork | FixedPointModel, fire_once: bool = True) -> None:
        self.network = network
        self.layers: dict[str, ReferenceLayer] = {x.name: _reference_layer(x, fire_once) for x in network.layers}
        self.steps = 0  # since the state was cleared

    def clear(self) -> None:
        """Forget all state, as between samples."""
        self.steps = 0
        for layer in self.layers.values():
            layer.clear()

    def encode(self, frames: NDArray[Any]) -> Tensor:
        """Frames (T, C, H, W) as the first layer takes them: floats, or the integer payloads of the model's code.

        Raises ClipError where they have another shape than (steps > 0, channels of the network, H, W).
        """
        if np.ndim(frames) != 4 or not len(frames) or frames.shape[1] != self.network.input_channels:
            channels = self.network.input_channels
            raise ClipError(f"`frames` have shape {np.shape(frames)}, expected (T, {channels}, H, W) with T > 0")
        if isinstance(self.network, FixedPointModel):
            return torch.tensor(self.network.input.encode(frames), dtype=torch.int64)
        return torch.tensor(np.ascontiguousarray(frames, np.float32))

    @torch.inference_mode()
    def step(self, x: Tensor) -> dict[str, Tensor]:
        """Spikes of every layer, (O, H, W) each, for one step of encoded input (C, H, W).

        A network with a reset interval forgets all state before the step in which the interval begins anew.
        """
        if self.steps == self.network.reset_interval:
            self.clear()
        self.steps += 1
        spikes: dict[str, Tensor] = {}
        x = x[None]
        for name, layer in self.layers.items():
            x = layer.step(x)
            spikes[name] = x[0]
        return spikes

    def membranes(self) -> dict[str, NDArray[Any]]:
        """Membranes (O, H, W) of the convolutions after the last step; float32, or int32 of the oracle."""
        states = {name: x.membrane for name, x in self.layers.items() if not isinstance(x, OrPool)}
        return {name: _plain(state[0]) for name, state in states.items() if state is not None}


def run_reference(
    network: SpikingNetwork | FixedPointModel, frames: NDArray[Any], fire_once: bool = True
) -> SpikeRecord:
    """Run one sample of frames (T, C, H, W) from cleared state; floats for a network, the oracle for a model.

    Raises ClipError for frames that do not fit the network or its input code, ArgumentError for frames too small.
    """
    encoder = ReferenceEncoder(network, fire_once)
    inputs = encoder.encode(frames)
    shapes = {name: list(shape) for name, shape in network.shapes((inputs.shape[2], inputs.shape[3])).items()}
    rows: dict[str, list[NDArray[np.int32]]] = {name: [] for name in encoder.layers}
    for t, x in enumerate(inputs):
        for name, spikes in encoder.step(x).items():
            rows[name].append(_rows(spikes, t))
    meta = {"backend": "torch", "fire_once": fire_once, "steps": len(inputs), "shapes": shapes}
    return SpikeRecord({name: np.concatenate(parts) for name, parts in rows.items()}, encoder.membranes(), meta)


def _reference_layer(layer: Any, fire_once: bool) -> ReferenceLayer:
    if isinstance(layer, ConvLayer):
        return FloatConv(layer, fire_once)
    if isinstance(layer, FixedPointConv):
        return IntegerConv(layer, fire_once)
    return OrPool(layer)


def _rows(spikes: Tensor, t: int) -> NDArray[np.int32]:
    return functional.pad(torch.nonzero(spikes), (1, 0), value=t).to(torch.int32).numpy()


def _plain(membrane: Tensor) -> NDArray[Any]:
    return (membrane.to(torch.int32) if not membrane.is_floating_point() else membrane).numpy()
