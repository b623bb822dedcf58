"""How a layer's input reaches its populations: weights made even, exponents carried, delays relayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikeseg_lava.fixed_point import FixedPointConv
from spikeseg_lava.lowering.parts import InputSource, KernelSynapse, Population
from spikeseg_lava.lowering.stock_network import Circuit, Signal
from spikeseg_lava.network import Shape


@dataclass(frozen=True)
class Feed:
    """The input of a layer: graded payloads of `bits` from the host, or (bits 0) the spikes of the layer below."""

    signal: Signal
    bits: int = 0


def drive(circuit: Circuit, conv: FixedPointConv, feed: Feed, target: str, sign: int = 1, delay: int = 0) -> None:
    """Connect `feed` to `target` so that a step brings `sign * 2 * A` activations, A being the contract's drive.

    A graded plane's exponent sits in its own copy of the payload; a spike plane's is made by `2**exponent` synapses.
    """
    for index, plane in enumerate(conv.planes):
        weight = sign * 2 * plane.weight.astype(np.int64)
        repeats = 1 if feed.bits else 1 << plane.exponent
        source = _payload(circuit, feed, plane.exponent, delay) if feed.bits else _spikes(circuit, feed, delay)
        bits = feed.bits + plane.exponent if feed.bits else 0
        for copy in range(repeats):
            name = f"{target}_plane{index}_{copy}"
            circuit.connect(KernelSynapse(name, source, target, weight, conv.stride, conv.padding, message_bits=bits))


def pointwise(name: str, source: str, target: str, channels: int, weight: int) -> KernelSynapse:
    """Each neuron to the one of equal place: a depthwise 1x1 Conv."""
    return KernelSynapse(name, source, target, np.full((channels, 1, 1, 1), weight, np.int64), groups=channels)


def relay(name: str, shape: Shape, layer: str) -> Population:
    """Neurons that repeat every spike one chip step later."""
    return Population(name, shape, 1, np.zeros(shape[0], np.int64), layer, "relay")


def _payload(circuit: Circuit, feed: Feed, shift: int, delay: int) -> str:
    name = f"input_shift{shift}_delay{delay}"
    return circuit.source(InputSource(name, feed.signal.shape, feed.bits + shift, shift, delay))


def _spikes(circuit: Circuit, feed: Feed, delay: int) -> str:
    source = feed.signal.name
    for step in range(delay):
        name = f"{feed.signal.name}_delay{step + 1}"
        if all(population.name != name for population in circuit.populations):
            circuit.population(relay(name, feed.signal.shape, feed.signal.name))
            circuit.connect(pointwise(f"{name}_in", source, name, feed.signal.shape[0], 2))
        source = name
    return source
