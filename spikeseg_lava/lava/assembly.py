"""Layer Processes made from their descriptions and connected; used by the graph and by the encoder's layered model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import lava_image, lava_shape
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, Network
from spikeseg_lava.lava.processes.pool import OrPool
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.source import EventSource, Step
from spikeseg_lava.lava.processes.spiking_conv import SpikingConv, spiking_conv
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointModel

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
    channels, height, width = frames.shape[1:]
    places = np.arange(width * height * channels, dtype=np.int32).reshape(width, height, channels)
    lava_place = lava_image(places).ravel()  # of each flat place in (C, H, W)
    for frame in frames:
        flat = np.flatnonzero(frame != 0)  # many times faster than of the floats themselves
        values = np.ravel(frame)[flat]
        values = model.input.encode(values) if isinstance(model, FixedPointModel) else values.astype(np.float64)
        kept = np.flatnonzero(values)
        index = lava_place[flat[kept]]
        order = np.argsort(index)
        yield index[order], values[kept][order]


def select_tag(model: Network) -> str:
    """Tag of the models that compute a network: integers, or floats."""
    return "fixed_pt" if isinstance(model, FixedPointModel) else "floating_pt"


def plain_membranes(membranes: Mapping[str, NDArray[Any]], tag: str) -> dict[str, NDArray[Any]]:
    """Membranes [W, H, C] of layer Processes as [C, H, W], Int32 or Float64."""
    return {name: lava_image(x).astype(np.int32 if tag == "fixed_pt" else np.float64) for name, x in membranes.items()}


def recorded_layers(layers: list[str], record: Iterable[str] | None) -> list[str]:
    """The layers to record, default all; ArgumentError for names that are none."""
    recorded = layers if record is None else list(record)
    if unknown := set(recorded) - set(layers):
        raise ArgumentError(f"`record` names {', '.join(sorted(unknown))}, the layers are {', '.join(layers)}")
    return recorded


def source_of(
    model: Network, frames: NDArray[Any] | None, size: Pair | None, steps: Iterable[Step]
) -> tuple[EventSource, Pair]:
    """The source of a graph and the frame size (height, width): of `frames`, or of `steps` for frames of `size`."""
    if frames is not None:
        # Encoded before the graph starts: the source's work would hold up every step.
        size, steps = (int(frames.shape[2]), int(frames.shape[3])), list(event_steps(model, frames))
    size = size or model.input_size
    if size is None:
        raise ArgumentError("`size` is needed: the model does not say which frame size it was made for")
    model.shapes(size)
    return EventSource(shape=lava_shape((model.input_channels, *size)), steps=steps, name="source"), size
