"""A model as it is, for those who own a floored neuron: stock synapses and pools around one neuron for each of its own.

Nothing is lowered, so thresholds per channel, the floor, fire-once and both leaks stay as they are, and so do the units
of the membrane: a step brings the contract's drive A itself. A plane of mixed sign would lose its lowest bit on the
chip, so its positive and its negative weights are two synapses, each of one sign and exact to 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.floats import Pair, PoolLayer, Shape
from spikeseg_lava.network.integers import FixedPointConv, FixedPointNeuron
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.stock.build import pool_layer
from spikeseg_lava.stock.limits import MOST_REPEATS
from spikeseg_lava.stock.network import Circuit, LayerPlan, Signal, StockNetwork, as_given
from spikeseg_lava.stock.parts import InputSource, KernelSynapse, ResetCycle

MESSAGE_BITS = 24  # of a graded spike


@dataclass(frozen=True, eq=False)
class OwnPopulation:
    """Neurons of a program of the owner's own, which computes what `docs/plug-in-microcode.md` says.

    Attributes:
        shape: (channels, height, width).
        reset: where an idle neuron does not stay at 0: when state is cleared.
    """

    name: str
    shape: Shape
    neuron: FixedPointNeuron
    fire_once: bool
    reset: ResetCycle | None = None

    def later(self, lag: int) -> OwnPopulation:
        """The population for input that arrives `lag` chip steps late."""
        return self if self.reset is None else replace(self, reset=self.reset.later(lag))

    def outlasting(self, steps: int) -> OwnPopulation:
        """The population for a run of `steps` chip steps: what is to be cleared once is cleared once."""
        return self if self.reset is None else replace(self, reset=self.reset.outlasting(steps))


@dataclass(frozen=True, eq=False)
class FlooredNetwork(StockNetwork):
    """A stock network whose layers are the owner's neurons; `populations` holds its pools.

    Attributes:
        owned: one for every convolution.
    """

    owned: tuple[OwnPopulation, ...] = ()

    @property
    def has_resets(self) -> bool:
        return any(population.reset for population in self.owned)

    def arriving_later(self, lag: int) -> FlooredNetwork:
        return replace(self, owned=tuple(population.later(lag) for population in self.owned))


def floored_network(model: FixedPointModel, frames: int, size: Pair, fire_once: bool = True) -> FlooredNetwork:
    """Stock synapses and pools around one neuron of the owner's for each of the model.

    Args:
        frames: longest sample.
        size: (height, width) of the frames.

    Raises:
        QuantizationError: payloads or exponents that no synapse can bring.
    """
    check_synapses(model)
    circuit, owned = Circuit(steps_per_frame=1), []
    drifts = any(drifts_idly(conv.neuron) for conv in model.convolutions)
    shape: Shape = (model.input_channels, *size)
    signal, bits = Signal("input", shape, 1), model.input.bits
    outputs: dict[str, Signal] = {}
    for layer in model.layers:
        shape = layer.output_shape(shape)
        if isinstance(layer, PoolLayer):
            signal = pool_layer(circuit, layer, shape, signal)
        else:
            circuit.connect(*layer_synapses(circuit, layer, signal, bits))
            signal = Signal(layer.name, shape, signal.emitted + 1)
            reset = reset_cycle(model.reset_interval, signal.emitted, drifts)
            owned.append(OwnPopulation(layer.name, shape, layer.neuron, fire_once, reset))
        outputs[layer.name], bits = signal, 0
    plans = {x.name: LayerPlan(x.name, "pool" if isinstance(x, PoolLayer) else "direct") for x in model.layers}
    network = FlooredNetwork(
        tuple(circuit.populations), tuple(circuit.synapses), tuple(circuit.sources), outputs, plans, 1,
        as_given(model), fire_once, frames, "floored", tuple(owned),
    )  # fmt: skip
    steps = network.chip_steps(frames)
    return replace(network, owned=tuple(population.outlasting(steps) for population in owned))


def drifts_idly(neuron: FixedPointNeuron) -> bool:
    """Whether a neuron without input does not stay at 0, and so has to be cleared when its first frame arrives."""
    pull = np.asarray(neuron.pull)
    return bool((pull < 0).any() or (not neuron.floor and pull.any()))


def reset_cycle(interval: int | None, emitted: int, drifts: bool) -> ResetCycle | None:
    """The model's own interval, counted from the first frame; without one, once then, where neurons drift before."""
    if interval is None:
        return ResetCycle.at_start(emitted) if drifts else None
    return ResetCycle(interval, emitted)


def layer_synapses(circuit: Circuit, conv: FixedPointConv, signal: Signal, bits: int) -> Iterator[KernelSynapse]:
    """The synapses of a layer, of one sign each, onto the population of its name.

    A graded plane's exponent (`bits` above 0) sits in its own copy of the payload; a spike plane's is made by
    `2**exponent` synapses.
    """
    for index, plane in enumerate(conv.planes):
        source = _payload(circuit, signal.shape, bits, plane.exponent) if bits else signal.name
        message_bits = bits + plane.exponent if bits else 0
        for sign, weight in one_signed(plane.weight):
            for copy in range(1 if bits else 1 << plane.exponent):
                name = f"{conv.name}_plane{index}_{sign}_{copy}"
                yield KernelSynapse(
                    name, source, conv.name, weight, conv.stride, conv.padding, message_bits=message_bits
                )


def one_signed(weight: NDArray[np.int8]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The positive and the negative part of a plane, as far as there is one; the first one of a plane of zeros."""
    whole = weight.astype(np.int64)
    parts = (("plus", np.maximum(whole, 0)), ("minus", np.minimum(whole, 0)))
    return ((sign, part) for sign, part in parts if part.any() or (sign == "plus" and not whole.any()))


def check_synapses(model: FixedPointModel) -> None:
    """QuantizationError where payloads or exponents are beyond what synapses can bring; names every layer."""
    found, bits = [], model.input.bits
    for conv in model.convolutions:
        largest = max(plane.exponent for plane in conv.planes)
        if bits and bits + largest > MESSAGE_BITS:
            found.append(f"`{conv.name}` needs payloads of {bits + largest} bits, a message has {MESSAGE_BITS}")
        if not bits and sum(1 << plane.exponent for plane in conv.planes) > MOST_REPEATS:
            found.append(f"`{conv.name}` needs {1 << largest} synapses for an exponent of {largest}")
        bits = 0
    if found:
        raise QuantizationError("; ".join(found))


def own_parameters(population: OwnPopulation) -> dict[str, object]:
    """Keywords for the owner's Process, in the units of the model; values per channel as Int32[C]."""
    neuron = population.neuron
    loss = {"leak": neuron.leak} if neuron.leak_mode == "subtractive" else {"decay": neuron.decay}
    extra: dict[str, object] = {"bias": neuron.bias} if np.any(neuron.bias) else {}
    if population.reset is not None:
        extra |= {"reset_interval": population.reset.interval, "reset_offset": population.reset.offset}
    return {
        "threshold": neuron.threshold, **loss, "floor": neuron.floor, "fire_once": population.fire_once,
        "name": population.name, **extra,
    }  # fmt: skip


def _payload(circuit: Circuit, shape: Shape, bits: int, shift: int) -> str:
    return circuit.source(InputSource(f"input_shift{shift}", shape, bits + shift, shift))
