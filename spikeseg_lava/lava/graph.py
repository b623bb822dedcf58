"""A network as a connected Lava graph, and a run of it: `build_graph`, `build_encoder_graph`, `run_lava`.

A graph has a source and either one Process a layer with a sink behind each, or the whole encoder as one Process, which
a run configuration runs layered or fused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import CHUNK
from spikeseg_lava.engine.payloads import lava_events
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import lava_image, lava_shape
from spikeseg_lava.lava.layer_spec import Network, layer_specs
from spikeseg_lava.lava.processes.base import forget
from spikeseg_lava.lava.processes.encoder import Layer, SpikeSEGEncoder, connect, layer_process, recorded_layers
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.source import EventSource, Step
from spikeseg_lava.lava.processes.spiking_conv import SpikingConv
from spikeseg_lava.lava.runtime.runtime import supervised
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


class Graph(Protocol):
    """The part of a graph that `run_graph` uses: both kinds of graphs have it, and so has the chip's."""

    @property
    def source(self) -> EventSource: ...
    @property
    def run_config(self) -> Loihi2SimCfg: ...
    @property
    def latency(self) -> Mapping[str, int]: ...
    def spikes(self) -> dict[str, NDArray[np.int32]]: ...
    def membranes(self) -> dict[str, NDArray[Any]]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """A graph with one Process a layer, connected but not started.

    Attributes:
        source: feeds the first layer.
        layers: by name, in the order of the data; convolutions have `v` and, after a run, `membrane`.
        sinks: by the name of the layer they record.
        select_tag: of the models that compute this network: "fixed_pt", or "floating_pt" for a float network.
        latency: steps by which each layer runs behind the source: 0, as all our Processes work within the step.
    """

    source: EventSource
    layers: Mapping[str, Layer]
    sinks: Mapping[str, SpikeSink]
    select_tag: str
    latency: Mapping[str, int]

    @property
    def run_config(self) -> Loihi2SimCfg:
        """Selects the models that compute this network on the CPU."""
        return Loihi2SimCfg(select_tag=self.select_tag)

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) of every recorded layer since the last call."""
        return {name: sink.take() for name, sink in self.sinks.items()}

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[C, H, W] of every convolution after the last run."""
        held = {name: x.membrane for name, x in self.layers.items() if isinstance(x, SpikingConv)}
        return plain_membranes(held, self.select_tag)

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
    """Connect a network as Lava Processes, one a layer; run it with `supervised`, or as any Lava graph.

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
    source, size = source_of(model, frames, size, steps)
    specs = layer_specs(model, size, fire_once)
    layers = {name: layer_process(name, spec) for name, spec in specs.items()}
    recorded = recorded_layers(list(layers), record)
    sinks = {name: SpikeSink(shape=specs[name].output_shape, name=f"{name} sink") for name in recorded}
    connect(source.s_out, layers, sinks)
    return LayerGraph(source, layers, sinks, select_tag(model), dict.fromkeys(layers, 0))


@dataclass(frozen=True, eq=False)
class EncoderGraph:
    """A graph of a source and one SpikeSEGEncoder, connected but not started.

    Attributes:
        layered: run the encoder as its layer Processes; else as one process.
    """

    source: EventSource
    encoder: SpikeSEGEncoder
    layered: bool
    latency: Mapping[str, int]

    @property
    def run_config(self) -> Loihi2SimCfg:
        """Selects between the two models of the encoder."""
        return Loihi2SimCfg(select_tag=self.encoder.select_tag, select_sub_proc_model=self.layered)

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (t, c, y, x) of every recorded layer since the last call."""
        return self.encoder.take()

    def membranes(self) -> dict[str, NDArray[Any]]:
        """[C, H, W] of every convolution after the last run."""
        return plain_membranes(self.encoder.membranes, self.encoder.select_tag)

    def close(self) -> None:
        """Give back files, and let Lava forget the Processes."""
        self.encoder.close()
        forget([self.source, self.encoder, *self.encoder.procs])


def build_encoder_graph(
    model: Network,
    frames: NDArray[Any] | None = None,
    size: Pair | None = None,
    fire_once: bool = True,
    *,
    layered: bool = False,
    steps: Iterable[Step] = (),
    record: Iterable[str] | None = None,
) -> EncoderGraph:
    """Connect a source and one SpikeSEGEncoder; arguments as of `build_graph`.

    Args:
        layered: run the encoder as its layer Processes; else as one process. The results are identical.
    """
    source, size = source_of(model, frames, size, steps)
    recorded = recorded_layers([layer.name for layer in model.layers], record)
    encoder = SpikeSEGEncoder(model=model, size=size, fire_once=fire_once, record=recorded, name="encoder")
    source.s_out.connect(encoder.s_in)
    return EncoderGraph(source, encoder, layered, {layer.name: 0 for layer in model.layers})


def event_steps(model: Network, frames: NDArray[Any]) -> Iterator[Step]:
    """Places and values of each frame (C, H, W), in Lava's order; integers are the payloads of the model's code."""
    code = model.input if isinstance(model, FixedPointModel) else None
    for k in range(0, len(frames), CHUNK):
        offsets, index, values = lava_events(frames[k : k + CHUNK], code)
        for begin, end in pairwise(offsets.tolist()):
            yield index[begin:end], values[begin:end]


def select_tag(model: Network) -> str:
    """Tag of the models that compute a network: integers, or floats."""
    return "fixed_pt" if isinstance(model, FixedPointModel) else "floating_pt"


def plain_membranes(membranes: Mapping[str, NDArray[Any]], tag: str) -> dict[str, NDArray[Any]]:
    """Membranes [W, H, C] of layer Processes as [C, H, W], Int32 or Float64."""
    return {name: lava_image(x).astype(np.int32 if tag == "fixed_pt" else np.float64) for name, x in membranes.items()}


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


def run_lava(
    model: FixedPointModel | SpikingNetwork,
    frames: NDArray[Any],
    fire_once: bool = True,
    *,
    fused: bool = False,
    timeout: float | None = None,
) -> SpikeRecord:
    """Run one sample on Lava's CPU simulator.

    Args:
        model: integers (`fixed_pt` models, bit-exact), or a float network (`floating_pt` models).
        frames: Float[T, C, H, W].
        fire_once: a neuron fires at most once.
        fused: the whole encoder in one Lava Process instead of one Process a layer.
        timeout: seconds the run may take; None: no limit.

    Returns:
        Spikes of every layer and final membranes; `meta["latency"]` says by how many steps each layer ran behind the
        source (already taken off the record).

    Raises:
        BackendError: a process model failed (with its name and traceback), a process was killed, or time ran out.
    """
    build = build_encoder_graph if fused else build_graph
    return run_graph(build(model, frames, fire_once=fire_once), len(frames), timeout)


def run_graph(graph: Graph, steps: int, timeout: float | None = None) -> SpikeRecord:
    """Run a graph for a number of steps, read its record and close it."""
    try:
        runtime = supervised(graph.source, graph.run_config, timeout)
        try:
            runtime.start(RunSteps(steps))
            runtime.stop()
        finally:
            runtime.close()
        return SpikeRecord(graph.spikes(), graph.membranes(), {"latency": dict(graph.latency)})
    finally:
        graph.close()


def run_steps(count: int) -> RunSteps:
    """Lava's run condition of `count` steps, for callers outside this package, which do not import Lava."""
    return RunSteps(count)
