"""A network as a connected Lava graph: source, one Process a layer, a sink behind every layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.lava.axes import lava_image, lava_shape
from spikeseg_lava.lava.layer_spec import ConvSpec, LayerSpec, Network, layer_specs
from spikeseg_lava.lava.processes.event_source.process import EventSource, Step
from spikeseg_lava.lava.processes.pool.process import OrPool
from spikeseg_lava.lava.processes.spike_sink.process import SpikeSink
from spikeseg_lava.lava.processes.spiking_conv.process import SpikingConv, spiking_conv
from spikeseg_lava.lava.quiet_process import forget
from spikeseg_lava.network import Pair

Layer = SpikingConv | OrPool


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """A graph with one Process a layer, connected but not started.

    Attributes:
        source: feeds the first layer.
        layers: by name, in the order of the data; convolutions have `v` and, after a run, `membrane`.
        sinks: by the name of the layer they record.
        select_tag: of the models that compute this network: "fixed_pt", or "floating_pt" for a float network.
    """

    source: EventSource
    layers: Mapping[str, Layer]
    sinks: Mapping[str, SpikeSink]
    select_tag: str
    latency: Mapping[str, int] = field(default_factory=dict)

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) of every recorded layer since the last call."""
        return {name: sink.take() for name, sink in self.sinks.items()}

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[C, H, W] of every convolution after the last run."""
        dtype = np.int32 if self.select_tag == "fixed_pt" else np.float64
        convolutions = {name: x for name, x in self.layers.items() if isinstance(x, SpikingConv)}
        return {name: lava_image(x.membrane).astype(dtype) for name, x in convolutions.items()}

    def close(self) -> None:
        """Give back files, and let Lava forget the Processes."""
        for sink in self.sinks.values():
            sink.close()
        forget([self.source, *self.layers.values(), *self.sinks.values()])


def build_graph(
    model: Network,
    frames: NDArray[Any] | None = None,
    size: Pair | None = None,
    fire_once: bool = True,
    *,
    steps: Iterable[Step] = (),
    record: Iterable[str] | None = None,
) -> LayerGraph:
    """Connect a network as Lava Processes; run it with `supervised`, or as any Lava graph.

    Args:
        model: a FixedPointModel ("fixed_pt" models), or a float SpikingNetwork ("floating_pt" models).
        frames: Float[T, C, H, W] to feed, one per step.
        size: (height, width), where no frames are given; default: the model's `input_size`.
        fire_once: a neuron fires at most once.
        steps: instead of frames, what the EventSource sends.
        record: names of the layers to record; default: all.

    Raises:
        ArgumentError: a layer to record does not exist, or sizes do not fit.
    """
    if frames is not None:
        size, steps = (int(frames.shape[2]), int(frames.shape[3])), event_steps(model, frames)
    shapes = model.shapes(size)
    recorded = list(shapes) if record is None else list(record)
    if unknown := set(recorded) - set(shapes):
        raise ArgumentError(f"`record` names {', '.join(sorted(unknown))}, the layers are {', '.join(shapes)}")
    size = size or model.input_size
    assert size is not None  # `shapes` has seen to that
    source = EventSource(shape=lava_shape((model.input_channels, *size)), steps=steps, name="source")
    layers = {name: layer_process(name, spec) for name, spec in layer_specs(model, size, fire_once).items()}
    sinks = {name: SpikeSink(shape=lava_shape(shapes[name]), name=f"{name} sink") for name in recorded}
    connect(source, layers, sinks)
    tag = "fixed_pt" if isinstance(model, FixedPointModel) else "floating_pt"
    return LayerGraph(source, layers, sinks, tag, dict.fromkeys(layers, 0))


def layer_process(name: str, spec: LayerSpec, **options: Any) -> Layer:
    """The Process of one layer."""
    if isinstance(spec, ConvSpec):
        return spiking_conv(spec, name=name, **options)
    return OrPool(input_shape=spec.input_shape, kernel=spec.kernel, stride=spec.stride, name=name)


def connect(source: Any, layers: Mapping[str, Layer], sinks: Mapping[str, SpikeSink]) -> None:
    """Source to the first layer, layer to layer, layer to its sink."""
    for name, layer in layers.items():
        source.s_out.connect(layer.s_in)
        if name in sinks:
            layer.s_out.connect(sinks[name].s_in)
        source = layer


def event_steps(model: Network, frames: NDArray[Any]) -> Iterator[Step]:
    """Places and values of each frame (C, H, W), in Lava's order; integers are the payloads of the model's code."""
    for frame in frames:
        values = model.input.encode(frame) if isinstance(model, FixedPointModel) else np.asarray(frame, np.float64)
        flat = lava_image(values).ravel()
        index = np.flatnonzero(flat).astype(np.int32)
        yield index, flat[index]
