"""A stock network as Lava's own Conv, Sparse, LIF and LIFReset Processes, and a run of it on the CPU simulator.

One model of Lava is replaced: its fixed-point Conv keeps kernel, padding and stride in int8. Since numpy 2 a Python
integer that does not fit is an OverflowError in the sum `width + 2 * padding`, so that model fails on images of 128
pixels and more. Ours holds the geometry in 32 bit; the arithmetic is Lava's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import AbstractPort, ReshapePort
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.sparse.process import Sparse
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.lava.axes import lava_shape, lava_weight, swapped
from spikeseg_lava.lava.processes.base import forget
from spikeseg_lava.lava.processes.sink import SpikeSink
from spikeseg_lava.lava.processes.source import EventSource, Step
from spikeseg_lava.lava.runtime.ports import array_var
from spikeseg_lava.lava.runtime.runtime import supervised
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.spikes.record import SpikeRecord
from spikeseg_lava.stock.alignment import aligned_record
from spikeseg_lava.stock.limits import split_bias
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import InputSource, KernelSynapse, PointSynapse, Population, Synapse
from spikeseg_lava.stock.simulate import checked_payloads, source_payload


class PyWideConvModelFixed(PyConvModelFixed):
    """`PyConvModelFixed` for images of any size, to be chosen by `exception_proc_model_map`."""

    kernel_size: Any = array_var(np.int32, 8)
    stride: Any = array_var(np.int32, 8)
    padding: Any = array_var(np.int32, 8)
    dilation: Any = array_var(np.int32, 8)
    groups: Any = array_var(np.int32, 8)


Ports = Mapping[str, Any]  # source or population -> the port its spikes leave by


def connect_synapses(
    synapses: Iterable[Synapse], ports: Ports, neurons: Mapping[str, Any], shapes: Mapping[str, Shape]
) -> dict[str, Any]:
    """Conv and Sparse Processes between ports and neurons, by name."""
    made: dict[str, Any] = {}
    for synapse in synapses:
        if isinstance(synapse, KernelSynapse):
            made[synapse.name] = _conv(synapse, ports[synapse.source], neurons[synapse.target], shapes[synapse.source])
        else:
            made[synapse.name] = _sparse(synapse, ports[synapse.source], neurons[synapse.target])
    return made


def neuron_process(population: Population) -> Any:
    """LIF, or LIFReset where the population has a reset cycle."""
    mantissa, exponent = split_bias(population.bias, population.name)
    shape = lava_shape(population.shape)
    parameters: dict[str, Any] = {
        "shape": shape,
        "vth": population.threshold,
        "du": population.current_decay,
        "dv": population.voltage_decay,
        "bias_mant": np.broadcast_to(mantissa, shape).astype(np.int32),
        "bias_exp": exponent,
        "name": population.name,
    }
    if population.reset is None:
        return LIF(**parameters)
    return LIFReset(**parameters, reset_interval=population.reset.interval, reset_offset=population.reset.offset)


def _conv(synapse: KernelSynapse, port: Any, neuron: Any, shape: Shape) -> Conv:
    conv = Conv(
        weight=lava_weight(synapse.weight).astype(np.int32),
        input_shape=lava_shape(shape),
        stride=swapped(synapse.stride),
        padding=swapped(synapse.padding),
        groups=synapse.groups,
        num_message_bits=synapse.message_bits,
        name=synapse.name,
    )
    port.connect(conv.s_in)
    conv.a_out.connect(neuron.a_in)
    return conv


def _sparse(synapse: PointSynapse, port: Any, neuron: Any) -> Sparse:
    shape = neuron.a_in.shape
    weights = diags_array(np.full(np.prod(shape), synapse.weight, np.int32), format="csr", dtype=np.int32)
    sparse = Sparse(weights=csr_matrix(weights), weight_exp=synapse.exponent, name=synapse.name)
    _reshaped(port, sparse.s_in.shape).connect(sparse.s_in)
    _reshaped(sparse.a_out, shape).connect(neuron.a_in)
    return sparse


class Reshaped(ReshapePort):
    """Lava's virtual port with a `reshape` that works since numpy 2.1, which renamed an argument that Lava names."""

    def get_transform_func_fwd(self) -> Any:
        return partial(_reshape, self.shape)


def _reshaped(port: Any, shape: tuple[int, ...]) -> Any:
    """`port.reshape(shape)`, with our class of virtual port."""
    virtual = Reshaped(new_shape=shape, old_shape=port.shape)
    port._connect_forward([virtual], AbstractPort, [None], assert_same_shape=False)
    return virtual


def _reshape(shape: tuple[int, ...], data: NDArray[Any]) -> NDArray[Any]:
    return data.reshape(shape)


@dataclass(frozen=True, eq=False)
class StockGraph:
    """A connected graph, not started.

    Attributes:
        sources: EventSource of every input, by name.
        neurons: LIF or LIFReset of every population, by name.
        synapses: Conv or Sparse, by name.
        sinks: SpikeSink of every recorded population, by name; their t counts chip steps from 0.
    """

    sources: Mapping[str, EventSource]
    neurons: Mapping[str, Any]
    synapses: Mapping[str, Any]
    sinks: Mapping[str, SpikeSink]

    @property
    def run_config(self) -> Loihi2SimCfg:
        """Selects the models that are bit-accurate with the chip."""
        return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={Conv: PyWideConvModelFixed})

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (chip step, c, y, x) of every recorded population since the last call."""
        return {name: sink.take() for name, sink in self.sinks.items()}

    def close(self) -> None:
        """Give back files, and let Lava forget the Processes."""
        for sink in self.sinks.values():
            sink.close()
        groups = (self.sources, self.neurons, self.synapses, self.sinks)
        forget([process for group in groups for process in group.values()])


def build_stock_graph(network: StockNetwork, frames: NDArray[Any], record: Iterable[str] | None = None) -> StockGraph:
    """Connect a stock network as Lava Processes.

    Args:
        frames: Float[T, C, H, W] to feed.
        record: populations whose spikes to keep; default: those that carry the layers' outputs.

    Raises:
        ArgumentError: a population to record does not exist.
        ClipError: frames that do not fit the network.
    """
    payloads = checked_payloads(network, frames)
    sources = {s.name: _source(s, payloads, network) for s in network.sources}
    neurons = {population.name: neuron_process(population) for population in network.populations}
    shapes = {part.name: part.shape for part in (*network.sources, *network.populations)}
    ports = {name: process.s_out for name, process in (sources | neurons).items()}
    synapses = connect_synapses(network.synapses, ports, neurons, shapes)
    sinks = {
        name: SpikeSink(shape=lava_shape(shapes[name]), name=f"{name}_sink") for name in _recorded(network, record)
    }
    for name, sink in sinks.items():
        ports[name].connect(sink.s_in)
    return StockGraph(sources, neurons, synapses, sinks)


def run_stock_lava(network: StockNetwork, frames: NDArray[Any], timeout: float | None = None) -> SpikeRecord:
    """Run one sample with Lava's own Processes on the CPU; the record is aligned to frames.

    Raises:
        BackendError: a process failed or was killed, or `timeout` seconds ran out.
    """
    graph = build_stock_graph(network, frames)
    try:
        runtime = supervised(next(iter(graph.neurons.values())), graph.run_config, timeout)
        try:
            runtime.start(RunSteps(network.chip_steps(len(frames))))
            runtime.stop()
        finally:
            runtime.close()
        return aligned_record(network, graph.spikes(), len(frames), "stock-lava")
    finally:
        graph.close()


@dataclass(frozen=True, eq=False)
class SourceSteps:
    """Places and payloads of one source, chip step after chip step; unlike a generator it can be saved with its graph.

    Attributes:
        payloads: Int32[T, C, H, W].
        chip_steps: number of steps.
    """

    source: InputSource
    payloads: NDArray[np.int32]
    steps_per_frame: int
    chip_steps: int

    def __iter__(self) -> Iterator[Step]:
        for chip_step in range(1, self.chip_steps + 1):
            image = source_payload(self.source, self.payloads, self.steps_per_frame, chip_step)
            flat = image.transpose(1, 0, 2).ravel()
            index = np.flatnonzero(flat).astype(np.int32)
            yield index, flat[index]


def _source(source: InputSource, payloads: NDArray[np.int32], network: StockNetwork) -> EventSource:
    steps = SourceSteps(source, payloads, network.steps_per_frame, network.chip_steps(len(payloads)))
    return EventSource(shape=lava_shape(source.shape), steps=steps, name=source.name)


def _recorded(network: StockNetwork, record: Iterable[str] | None) -> list[str]:
    names = [population.name for population in network.populations]
    chosen = [signal.name for signal in network.outputs.values()] if record is None else list(record)
    if unknown := sorted(set(chosen) - set(names)):
        raise ArgumentError(f"`record` names {', '.join(unknown)}, the populations are {', '.join(names)}")
    return chosen
