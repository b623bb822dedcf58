"""The floor from the hard reset: a mirrored neuron fires where the membrane would fall below zero (fire-once only).

Four populations for each neuron, exact for any number of frames:

* floor: weights and leak negated, threshold 0. It holds -V; where V would become negative it fires, and its own hard
  reset puts it to 0: exactly `V = max(V, 0)`. It cannot see Theta.
* detector: the layer's own LIF without a floor, its input one chip step later. Every floor spike reaches it together
  with the input it belongs to, as a push over its threshold: it fires, and its reset is the floor.
* relay: the floor's spikes one chip step later, to take the forced spikes of the detector away again.
* the latch: detector minus relay; fires once.

After the first spike floor and detector run apart, which no longer matters: the latch stays closed. The price is
activity: an idle leaking neuron fires on every step in three of the four.
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.fixed_point import FixedPointConv
from spikeseg_lava.lower.feeding import Feed, drive, pointwise, relay
from spikeseg_lava.lower.limits import (
    CURRENT_LIMIT,
    POINT_LIMIT,
    POINT_WEIGHT,
    UNIT,
    Payloads,
    largest_drive,
    shared_threshold,
)
from spikeseg_lava.lower.output import latch, point_exponent
from spikeseg_lava.lower.parts import PointSynapse, Population
from spikeseg_lava.lower.stock_network import Circuit, Signal
from spikeseg_lava.network import Shape


def push_needed(conv: FixedPointConv, largest_payload: Payloads) -> int:
    """Activations that lift the detector over its threshold from the lowest value it has before the first spike.

    That is one step of negative input and leak below zero; in the second chip step ever two leaks, as the first step's
    floor spike arrives only then.
    """
    theta, leak = int(conv.neuron.threshold.max()), int(conv.neuron.leak.max())
    return 2 * (theta + 2 * leak) + largest_drive(conv, largest_payload)[1] + 2


def mirror_problems(conv: FixedPointConv, largest_payload: Payloads) -> list[str]:
    """Why the push cannot be made: it and the input of the same step share one 24-bit current."""
    push = push_needed(conv, largest_payload)
    together = _pushes(push) * POINT_LIMIT + 2 * int(conv.neuron.leak.max())
    found = [f"`{conv.name}` needs a push of {push} activations beside its input"] if together >= CURRENT_LIMIT else []
    if conv.neuron.leak_mode != "subtractive" or any((p.weight == -128).any() for p in conv.planes):
        found.append(f"`{conv.name}` cannot be negated: multiplicative leak, or a weight of -128")
    return found


def mirror(
    circuit: Circuit, conv: FixedPointConv, shape: Shape, feed: Feed, once: int, largest_payload: Payloads
) -> Signal:
    """The layer as floor, detector, relay and latch; `once`: frames in which a neuron fires once."""
    name, leak = conv.name, UNIT * conv.neuron.leak.astype(np.int64)
    floor, detector, undo = f"{name}_floor", f"{name}_detector", f"{name}_undo"
    circuit.population(Population(floor, shape, 0, leak, name, "floor"))
    drive(circuit, conv, feed, floor, sign=-1)
    circuit.population(Population(detector, shape, shared_threshold(conv), -leak, name, "detector"))
    drive(circuit, conv, feed, detector, delay=1)
    _push(circuit, floor, detector, push_needed(conv, largest_payload))
    circuit.population(relay(undo, shape, name))
    circuit.connect(pointwise(f"{undo}_in", floor, undo, shape[0], 2))
    signal = latch(circuit, name, shape, [detector], feed.signal.emitted + 2, once)
    circuit.connect(pointwise(f"{undo}_or", undo, name, shape[0], -2))
    return signal


def _pushes(push: int) -> int:
    return -(-push // POINT_LIMIT)


def _push(circuit: Circuit, floor: str, detector: str, least: int) -> None:
    pushes = _pushes(least)
    exponent = point_exponent(f"{detector}_push", -(-least // pushes))
    for index in range(pushes):
        circuit.connect(PointSynapse(f"{detector}_push{index}", floor, detector, POINT_WEIGHT, exponent))
