"""Layer Processes made from their descriptions and connected; used by the graph and by the encoder's layered model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.lava.axes import lava_image
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, Network
from spikeseg_lava.lava.processes.event_source.process import Step
from spikeseg_lava.lava.processes.pool.process import OrPool
from spikeseg_lava.lava.processes.spike_sink.process import SpikeSink
from spikeseg_lava.lava.processes.spiking_conv.process import SpikingConv, spiking_conv

Layer = SpikingConv | OrPool


def layer_process(name: str, spec: LayerSpec, membrane: NDArray[np.float64] | None = None) -> Layer:
    """The Process of one layer; `membrane`: where a convolution leaves its own."""
    if isinstance(spec, ConvSpec):
        return spiking_conv(spec, name=name, membrane=membrane)
    return OrPool(input_shape=spec.input_shape, kernel=spec.kernel, stride=spec.stride, name=name)


def connect(source: Any, layers: Mapping[str, Layer], sinks: Mapping[str, SpikeSink]) -> None:
    """A port to the first layer, layer to layer, layer to its sink."""
    for name, layer in layers.items():
        source.connect(layer.s_in)
        if name in sinks:
            layer.s_out.connect(sinks[name].s_in)
        source = layer.s_out


def event_steps(model: Network, frames: NDArray[Any]) -> Iterator[Step]:
    """Places and values of each frame (C, H, W), in Lava's order; integers are the payloads of the model's code."""
    for frame in frames:
        values = model.input.encode(frame) if isinstance(model, FixedPointModel) else np.asarray(frame, np.float64)
        flat = lava_image(values).ravel()
        index = np.flatnonzero(flat).astype(np.int32)
        yield index, flat[index]


def select_tag(model: Network) -> str:
    """Tag of the models that compute a network: integers, or floats."""
    return "fixed_pt" if isinstance(model, FixedPointModel) else "floating_pt"


def plain_membranes(membranes: Mapping[str, NDArray[Any]], tag: str) -> dict[str, NDArray[Any]]:
    """Membranes [W, H, C] of layer Processes as [C, H, W], Int32 or Float64."""
    return {name: lava_image(x).astype(np.int32 if tag == "fixed_pt" else np.float64) for name, x in membranes.items()}
