"""A stock network between the spike adapters of the Loihi extension, built but not started."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from lava.proc.io import sink, source
from lava.proc.io.encoder import Compression
from lava.utils import loihi
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, BackendError
from spikeseg_lava.lava.axes import lava_shape, record_rows
from spikeseg_lava.lava.stock import connect_synapses, neuron_process
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.floored import FlooredNetwork, floored_network, own_parameters
from spikeseg_lava.stock.network import StockNetwork
from spikeseg_lava.stock.parts import InputSource, KernelSynapse, PointSynapse, Synapse
from spikeseg_lava.stock.simulate import checked_payloads, source_payload

ADAPTERS = "lava.proc.embedded_io.spike"
MOST_LAG = 8  # chip steps that adapters may add
MESSAGE_BITS = (0, 16, 24, 32)  # as netx and the adapters of lava-dl's tutorials are given
PROVEN_THRESHOLD_BITS = 16  # public interfaces to the chip keep thresholds within 16 bit, as they are shifted by 6
Neuron = Callable[..., Any]


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


def build_chip_graph(
    network: StockNetwork | FixedPointModel,
    frames: NDArray[Any],
    record: Iterable[str] | None = None,
    *,
    neuron: Neuron | None = None,
    fire_once: bool = True,
) -> ChipGraph:
    """Connect a network between spike adapters.

    Args:
        network: a stock network; or, with `neuron`, a model as it is.
        frames: Float[T, C, H, W] to feed.
        record: layers to read back; default: all. Reading is slow: some 30 us a neuron and chip step.
        neuron: for those who own a floored neuron: the class of its Process, with ports `a_in` and `s_out`, called with
            `shape` (W, H, C), `threshold`, `leak` or `decay`, `floor`, `fire_once` and `name`, and with `bias`,
            `reset_interval` and `reset_offset` where the model needs them. `SubtractiveLIF` and `MultiplicativeLIF` are
            such classes. Stock parts are the rest of the graph.
        fire_once: of a model's neurons; a stock network has it built in.

    Raises:
        BackendError: the extension is not installed.
        ArgumentError: a layer to record does not exist; a model without `neuron`, or a stock network with it.
        QuantizationError: a model with payloads or exponents that no synapse can bring.
    """
    require_extension()
    return connect_chip(chip_network(network, frames, neuron, fire_once), frames, record, neuron)


def chip_network(
    network: StockNetwork | FixedPointModel, frames: NDArray[Any], neuron: Neuron | None, fire_once: bool
) -> StockNetwork:
    """The network as data: as given, or a model between stock parts; ArgumentError where `neuron` does not fit it."""
    if isinstance(network, FixedPointModel):
        if neuron is None:
            raise ArgumentError("`network` is a model: pass `neuron=` with the Process you own, or `lower` it first")
        return floored_network(network, len(frames), (frames.shape[2], frames.shape[3]), fire_once)
    if neuron is not None and not isinstance(network, FlooredNetwork):
        raise ArgumentError("`neuron` replaces the neurons of a model, a stock network has neurons: pass the model")
    return network


def connect_chip(
    network: StockNetwork, frames: NDArray[Any], record: Iterable[str] | None = None, neuron: Neuron | None = None
) -> ChipGraph:
    """The Processes of a network and their connections; arguments as of `build_chip_graph`."""
    adapters: Any = importlib.import_module(ADAPTERS)
    payloads, steps = checked_payloads(network, frames), network.chip_steps(len(frames)) + MOST_LAG
    inputs = {s.name: source.RingBuffer(data=_input_data(s, payloads, network, steps)) for s in network.sources}
    entries = {s.name: _entry(adapters, s, inputs[s.name]) for s in network.sources}
    neurons = {population.name: neuron_process(population) for population in network.populations}
    owned = network.owned if isinstance(network, FlooredNetwork) else ()
    if neuron is not None:
        neurons |= {x.name: neuron(shape=lava_shape(x.shape), **own_parameters(x)) for x in owned}
    shapes = {part.name: part.shape for part in (*network.sources, *network.populations, *owned)}
    ports = {name: adapter.out for name, adapter in entries.items()} | {n: p.s_out for n, p in neurons.items()}
    synapses = connect_synapses([chip_synapse(synapse) for synapse in network.synapses], ports, neurons, shapes)
    recorded = known_layers(network, "record", network.outputs if record is None else record)
    names = [network.outputs[layer].name for layer in recorded]
    outputs = {name: _exit(adapters, neurons[name], steps) for name in names}
    return ChipGraph(inputs, outputs, neurons, synapses, steps)


def _entry(adapters: Any, part: InputSource, buffer: Any) -> Any:
    adapter = adapters.PyToN3ConvAdapter(
        shape=lava_shape(part.shape),
        num_message_bits=message_bits(part.bits),
        spike_exp=0,
        compression=Compression.DENSE,
    )
    buffer.s_out.connect(adapter.inp)
    return adapter


def _exit(adapters: Any, neuron: Any, steps: int) -> Any:
    adapter = adapters.NxToPyAdapter(shape=neuron.s_out.shape, num_message_bits=0)
    neuron.s_out.connect(adapter.inp)
    buffer = sink.RingBuffer(shape=neuron.s_out.shape, buffer=steps)
    adapter.out.connect(buffer.a_in)
    return buffer


def message_bits(bits: int) -> int:
    """Width of the messages that hold `bits`: spikes have 0, payloads 16, 24 or 32, as in public code for the chip."""
    return next(width for width in MESSAGE_BITS if bits <= width)


def chip_synapse(synapse: Synapse) -> Synapse:
    """The synapse as public code for the chip shows it: one kernel from all channels to all, and known message widths.

    Nothing public runs a grouped Conv on the chip; a kernel whose weights between other channels are 0 is the same.
    """
    if not isinstance(synapse, KernelSynapse):
        return synapse
    weight, (outputs, inputs) = synapse.weight, synapse.weight.shape[:2]
    if synapse.groups > 1:
        each = outputs // synapse.groups
        weight = np.zeros((outputs, inputs * synapse.groups, *weight.shape[2:]), weight.dtype)
        for o in range(outputs):
            first = o // each * inputs
            weight[o, first : first + inputs] = synapse.weight[o]
    return replace(synapse, weight=weight, groups=1, message_bits=message_bits(synapse.message_bits))


def unproven_forms(network: StockNetwork) -> list[str]:
    """What of a stock network no public code shows on the chip; it may run, or be refused by the compiler."""
    found = []
    inputs = Counter(synapse.target for synapse in network.synapses)
    for population in network.populations:
        if inputs[population.name] > 1:
            found.append(f"`{population.name}` receives {inputs[population.name]} synapse groups, one is shown")
        if population.threshold >= 2**PROVEN_THRESHOLD_BITS:
            found.append(
                f"`{population.name}` has threshold {population.threshold}, {PROVEN_THRESHOLD_BITS} bit are shown"
            )
    points = [synapse.name for synapse in network.synapses if isinstance(synapse, PointSynapse)]
    if points:
        found.append(f"{len(points)} Sparse with weight_exp ({points[0]} ...), which tutorials imply and none runs")
    fed = Counter(synapse.source for synapse in network.synapses)
    found += [f"adapter `{s.name}` feeds {fed[s.name]} Conv, one is shown" for s in network.sources if fed[s.name] > 1]
    return found


def _input_data(part: InputSource, payloads: NDArray[np.int32], network: StockNetwork, steps: int) -> NDArray[np.int32]:
    """Int32[W, H, C, steps] of what a source sends."""
    sent = [source_payload(part, payloads, network.steps_per_frame, step) for step in range(1, steps + 1)]
    return np.stack([image.transpose(1, 0, 2) for image in sent], axis=-1)


def _rows(data: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Rows of a buffer [W, H, C, steps]."""
    by_step = np.moveaxis(np.asarray(data), -1, 0).reshape(np.shape(data)[-1], -1)
    step, index = np.nonzero(by_step)
    return record_rows(step.astype(np.int32), index, shape)


def known_layers(network: StockNetwork, argument: str, layers: Iterable[str]) -> tuple[str, ...]:
    """The layers that `argument` names, each once; ArgumentError where one does not exist."""
    given = tuple(dict.fromkeys(layers))
    if unknown := sorted(set(given) - set(network.outputs)):
        raise ArgumentError(f"`{argument}` names {', '.join(unknown)}, the layers are {', '.join(network.outputs)}")
    return given
