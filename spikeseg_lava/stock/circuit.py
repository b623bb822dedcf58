"""The stages that a lowered layer is wired from: its input, the one plain LIF, and the stage that carries its spikes.

The input stage makes weights even, carries exponents and relays delays. A layer whose floor never acts is one LIF for
each neuron, which is exact. The last stage is one population whose spikes are the layer's: an OR, or a latch that fires
once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv
from spikeseg_lava.stock.limits import POINT_EXPONENT, POINT_LIMIT, POINT_WEIGHT, shared_threshold, spread_leak
from spikeseg_lava.stock.network import Circuit, Signal
from spikeseg_lava.stock.parts import InputSource, KernelSynapse, PointSynapse, Population, ResetCycle


@dataclass(frozen=True)
class LayerInput:
    """The input of a layer: graded payloads of `bits` from the host, or (bits 0) the spikes of the layer below."""

    signal: Signal
    bits: int = 0


def connect_input(
    circuit: Circuit, conv: FixedPointConv, incoming: LayerInput, target: str, sign: int = 1, delay: int = 0
) -> None:
    """Connect `incoming` to `target` so that a step brings `sign * 2 * A` activations, A being the contract's drive.

    A graded plane's exponent sits in its own copy of the payload; a spike plane's is made by `2**exponent` synapses.
    """
    for index, plane in enumerate(conv.planes):
        weight = sign * 2 * plane.weight.astype(np.int64)
        repeats = 1 if incoming.bits else 1 << plane.exponent
        source = (
            _payload(circuit, incoming, plane.exponent, delay) if incoming.bits else _spikes(circuit, incoming, delay)
        )
        bits = incoming.bits + plane.exponent if incoming.bits else 0
        for copy in range(repeats):
            name = f"{target}_plane{index}_{copy}"
            circuit.connect(KernelSynapse(name, source, target, weight, conv.stride, conv.padding, message_bits=bits))


def pointwise(name: str, source: str, target: str, channels: int, weight: int) -> KernelSynapse:
    """Each neuron to the one of equal place: a depthwise 1x1 Conv."""
    return KernelSynapse(name, source, target, np.full((channels, 1, 1, 1), weight, np.int64), groups=channels)


def relay(name: str, shape: Shape, layer: str) -> Population:
    """Neurons that repeat every spike one chip step later."""
    return Population(name, shape, 1, np.zeros(shape[0], np.int64), layer, "relay")


def _payload(circuit: Circuit, incoming: LayerInput, shift: int, delay: int) -> str:
    name = f"input_shift{shift}_delay{delay}"
    return circuit.source(InputSource(name, incoming.signal.shape, incoming.bits + shift, shift, delay))


def _spikes(circuit: Circuit, incoming: LayerInput, delay: int) -> str:
    source = incoming.signal.name
    for step in range(delay):
        name = f"{incoming.signal.name}_delay{step + 1}"
        if all(population.name != name for population in circuit.populations):
            circuit.population(relay(name, incoming.signal.shape, incoming.signal.name))
            circuit.connect(pointwise(f"{name}_in", source, name, incoming.signal.shape[0], 2))
        source = name
    return source


def collect(circuit: Circuit, layer: str, shape: Shape, parts: list[str], emitted: int) -> Signal:
    """An OR over populations: fires one chip step after any of them."""
    circuit.population(Population(layer, shape, 1, np.zeros(shape[0], np.int64), layer, "fire"))
    for part in parts:
        circuit.connect(pointwise(f"{part}_or", part, layer, shape[0], 2))
    return Signal(layer, shape, emitted + 1)


def latch(circuit: Circuit, layer: str, shape: Shape, parts: list[str], emitted: int, frames: int) -> Signal:
    """An OR that fires once: its own spike comes back a step later as an inhibition no later input can lift.

    Without voltage decay the inhibition stays; `frames` steps of 2 activations from each part cannot undo it.
    """
    circuit.population(Population(layer, shape, 1, np.zeros(shape[0], np.int64), layer, "fire"))
    for part in parts:
        circuit.connect(pointwise(f"{part}_or", part, layer, shape[0], 2))
    circuit.connect(inhibition(f"{layer}_once", layer, layer, 2 * len(parts) * frames + 2))
    return Signal(layer, shape, emitted + 1)


def inhibition(name: str, source: str, target: str, least: int) -> PointSynapse:
    """A point synapse that takes away at least `least` activations."""
    return PointSynapse(name, source, target, -POINT_WEIGHT, point_exponent(name, least))


def point_exponent(name: str, least: int) -> int:
    """Smallest exponent with `254 << exponent >= least`; QuantizationError beyond the largest."""
    if least > POINT_LIMIT:
        raise QuantizationError(f"`{name}` needs {least} activations from one spike, a synapse brings {POINT_LIMIT}")
    return next(e for e in range(POINT_EXPONENT + 1) if POINT_WEIGHT << e >= least)


def floor_is_idle(conv: FixedPointConv) -> bool:
    """True where `V = max(V, 0)` can never change anything: no floor, or nothing that pulls the membrane down."""
    pulls = bool((conv.kernel < 0).any() or (conv.neuron.pull > 0).any())
    return not conv.neuron.floor or not pulls


def direct(circuit: Circuit, conv: FixedPointConv, shape: Shape, incoming: LayerInput, once: int | None) -> Signal:
    """The layer as one population of LIF neurons.

    Args:
        once: frames in which a neuron may fire once; None to let it fire again.

    A neuron with a leak or a bias is cleared when its first frame arrives: until then it has drifted. A reset interval
    clears it again and again, counted from there.
    """
    emitted = incoming.signal.emitted + 1
    name = conv.name if once is None else f"{conv.name}_neuron"
    bias = -spread_leak(conv, circuit.steps_per_frame)
    interval, cycle = circuit.reset_interval, ResetCycle.at_start(emitted)
    if interval is not None:
        cycle = ResetCycle(interval * circuit.steps_per_frame, emitted)
    clears = bias.any() or circuit.clears or interval is not None
    _check_waiting(conv, emitted - 1, circuit)
    circuit.population(
        Population(
            name, shape, shared_threshold(conv, circuit.steps_per_frame), bias, conv.name, "neuron",
            voltage_decay=step_decay(conv, circuit.steps_per_frame),
            reset=cycle if clears else None,
        )
    )  # fmt: skip
    connect_input(circuit, conv, incoming, name)
    return Signal(name, shape, emitted) if once is None else latch(circuit, conv.name, shape, [name], emitted, once)


def _check_waiting(conv: FixedPointConv, steps: int, circuit: Circuit) -> None:
    """QuantizationError where a bias fires before the first frame, and something behind it would remember that."""
    fires = -conv.neuron.pull * steps >= conv.neuron.threshold
    if fires.any() and not circuit.clears:
        raise QuantizationError(
            f"`{conv.name}` has a bias that fires within the {steps} chip step(s) before its first frame, which a "
            "latch or a floor keeps; stock parts hold such a network without floors and with `fire_once=False`"
        )


def step_decay(conv: FixedPointConv, steps_per_frame: int) -> int:
    """dv of one chip step: the layer's decay, or its root where a frame takes several steps."""
    kept = 1 - int(conv.neuron.decay.max(initial=0)) / DECAY_UNIT
    return min(round(DECAY_UNIT * (1 - kept ** (1 / steps_per_frame))), DECAY_UNIT - 1)


def memoryless_bias(conv: FixedPointConv) -> tuple[int, np.ndarray]:
    """(common leak moved into the threshold, Int64[O] bias that is left) of a neuron that forgets every step."""
    common = int(conv.neuron.pull.min())
    return common, -128 * (conv.neuron.pull - common)
