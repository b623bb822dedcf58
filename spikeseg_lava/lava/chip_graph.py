"""A stock network between the spike adapters of the Loihi extension, built but not started."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.proc.io import sink, source
from lava.proc.io.encoder import Compression
from lava.utils import loihi
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.lava.axes import lava_shape, record_rows
from spikeseg_lava.lava.stock_processes import connect_synapses, neuron_process
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import InputSource
from spikeseg_lava.stock.simulate import checked_payloads, source_payload

ADAPTERS = "lava.proc.embedded_io.spike"
MOST_LAG = 8  # chip steps that adapters may add


@dataclass(frozen=True, eq=False)
class ChipGraph:
    """A connected graph for the chip, not started.

    Attributes:
        inputs: RingBuffer of every source, each followed by a PyToN3ConvAdapter.
        outputs: RingBuffer of every recorded population, each behind an NxToPyAdapter.
        neurons, synapses: what runs on neuron cores.
        steps: chip steps to run.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    neurons: Mapping[str, Any]
    synapses: Mapping[str, Any]
    steps: int

    def spikes(self) -> dict[str, NDArray[np.int32]]:
        """Int32[N, 4] rows (chip step, c, y, x) of every recorded population; moves each element singly, so slow."""
        return {name: _rows(process.data.get(), process.a_in.shape) for name, process in self.outputs.items()}


def require_extension() -> None:
    """BackendError in one line unless the Lava extension for Loihi can be imported."""
    if not loihi.is_installed():
        raise BackendError(
            "backend 'loihi2' needs Intel's Lava extension for Loihi (`lava-loihi`, for members of the INRC), which is "
            "not installed; backend 'lava' simulates the same model here"
        )


def build_chip_graph(network: StockNetwork, frames: NDArray[Any], record: Iterable[str] | None = None) -> ChipGraph:
    """Connect a stock network between spike adapters.

    Args:
        frames: Float[T, C, H, W] to feed.
        record: layers to read back; default: all. Reading is slow: some 30 us a neuron and chip step.

    Raises:
        BackendError: the extension is not installed.
        ArgumentError: a layer to record does not exist.
    """
    require_extension()
    adapters: Any = importlib.import_module(ADAPTERS)
    payloads, steps = checked_payloads(network, frames), network.chip_steps(len(frames)) + MOST_LAG
    inputs = {s.name: source.RingBuffer(data=_input_data(s, payloads, network, steps)) for s in network.sources}
    entries = {s.name: _entry(adapters, s, inputs[s.name]) for s in network.sources}
    neurons = {population.name: neuron_process(population) for population in network.populations}
    shapes = {part.name: part.shape for part in (*network.sources, *network.populations)}
    ports = {name: adapter.out for name, adapter in entries.items()} | {n: p.s_out for n, p in neurons.items()}
    synapses = connect_synapses(network.synapses, ports, neurons, shapes)
    outputs = {name: _exit(adapters, neurons[name], steps) for name in _recorded(network, record)}
    return ChipGraph(inputs, outputs, neurons, synapses, steps)


def _entry(adapters: Any, part: InputSource, buffer: Any) -> Any:
    adapter = adapters.PyToN3ConvAdapter(
        shape=lava_shape(part.shape), num_message_bits=max(8, part.bits), spike_exp=0, compression=Compression.DENSE
    )
    buffer.s_out.connect(adapter.inp)
    return adapter


def _exit(adapters: Any, neuron: Any, steps: int) -> Any:
    adapter = adapters.NxToPyAdapter(shape=neuron.s_out.shape, num_message_bits=0)
    neuron.s_out.connect(adapter.inp)
    buffer = sink.RingBuffer(shape=neuron.s_out.shape, buffer=steps)
    adapter.out.connect(buffer.a_in)
    return buffer


def _input_data(part: InputSource, payloads: NDArray[np.int32], network: StockNetwork, steps: int) -> NDArray[np.int32]:
    """Int32[W, H, C, steps] of what a source sends."""
    sent = [source_payload(part, payloads, network.steps_per_frame, step) for step in range(1, steps + 1)]
    return np.stack([image.transpose(1, 0, 2) for image in sent], axis=-1)


def _rows(data: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Rows of a buffer [W, H, C, steps]."""
    by_step = np.moveaxis(np.asarray(data), -1, 0).reshape(np.shape(data)[-1], -1)
    step, index = np.nonzero(by_step)
    return record_rows(step.astype(np.int32), index, shape)


def _recorded(network: StockNetwork, record: Iterable[str] | None) -> list[str]:
    layers = list(network.outputs) if record is None else list(record)
    if unknown := sorted(set(layers) - set(network.outputs)):
        raise ArgumentError(f"`record` names {', '.join(unknown)}, the layers are {', '.join(network.outputs)}")
    return [network.outputs[layer].name for layer in layers]
