"""Two ways to make the floor `V = max(V, 0)` from neurons that have none: by their hard reset, or by staggered starts.

Hard reset: a negated neuron fires where the membrane would fall below zero. Four populations for each neuron, exact for
any number of frames:

* floor: weights and leak negated, threshold 0. It holds -V; where V would become negative it fires, and its own hard
  reset puts it to 0: exactly `V = max(V, 0)`. It cannot see Theta.
* detector: the layer's own LIF without a floor, its input one chip step later. Every floor spike reaches it together
  with the input it belongs to, as a push over its threshold: it fires, and its reset is the floor.
* undo: the floor's spikes one chip step later, to take the forced spikes of the detector away again.
* the layer: detector minus undo. Firing once, it latches; floor and detector then run apart, which no longer matters.
  Firing again, its spike lifts the floor neuron over 0, which resets it and, by the next push, the detector; that takes
  four chip steps a frame.

The price is activity: an idle leaking neuron fires on every step in three of the four.

Staggered starts: copies of a LIF, each cleared in turn one frame after the other, and an OR over them. A floored
neuron that has not fired since frame r is a maximum over starts (Lindley's recursion)::

    V(t) = max(0, max over r < s <= t of  sum of A - L over frames s..t)

so it reaches Theta exactly when some unfloored integrator started at s does. `depth` copies, each a `LIFReset` cleared
every `depth` frames and one frame apart, hold all starts of the last `depth` frames. With a depth of the whole
sample this is the floored neuron bit for bit; real clips rarely need more than 3 frames.

Firing again, the OR takes Theta off every copy before the next frame. A copy started before the spike then stays at or
below the true membrane for ever (both follow the same monotone rule, and it starts below), so it cannot fire
wrongly; copies started later are cleared at their start and right.
"""

from __future__ import annotations

from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.stock.circuit import (
    LayerInput,
    collect,
    connect_input,
    inhibition,
    latch,
    memoryless_bias,
    point_exponent,
    pointwise,
    relay,
    step_decay,
)
from spikeseg_lava.stock.limits import (
    CURRENT_LIMIT,
    POINT_LIMIT,
    POINT_WEIGHT,
    Payloads,
    largest_drive,
    shared_threshold,
    spread_leak,
)
from spikeseg_lava.stock.network import Circuit, Signal
from spikeseg_lava.stock.parts import PointSynapse, Population, ResetCycle


def push_needed(conv: FixedPointConv, largest_payload: Payloads) -> int:
    """Activations that lift the detector over its threshold from the lowest value it has before the first spike.

    That is one step of negative input and leak below zero; in the second chip step ever two leaks, as the first step's
    floor spike arrives only then.
    """
    theta, leak = int(conv.neuron.threshold.max()), int(conv.neuron.pull.max())
    return 2 * (theta + 2 * leak) + largest_drive(conv, largest_payload)[1] + 2


def lift_needed(conv: FixedPointConv, largest_payload: Payloads) -> int:
    """Activations that lift the floor neuron over 0 from the highest membrane a spike can leave unreset."""
    return 2 * int(conv.neuron.threshold.max()) + largest_drive(conv, largest_payload)[0] + 2


def hard_reset_problems(conv: FixedPointConv, largest_payload: Payloads, fire_once: bool = True) -> list[str]:
    """Why push or lift cannot be made: each is one step's current, the push beside an input of up to the leak."""
    found = []
    wanted = {
        "push": push_needed(conv, largest_payload),
        "lift": 0 if fire_once else lift_needed(conv, largest_payload),
    }
    for kind, least in wanted.items():
        if _pushes(least) * POINT_LIMIT + 2 * int(conv.neuron.pull.max()) >= CURRENT_LIMIT:
            found.append(f"`{conv.name}` needs a {kind} of {least} activations beside its input")
    if conv.neuron.leak_mode != "subtractive" or any((p.weight == -128).any() for p in conv.planes):
        found.append(f"`{conv.name}` cannot be negated: multiplicative leak, or a weight of -128")
    return found


def hard_reset_floor(
    circuit: Circuit,
    conv: FixedPointConv,
    shape: Shape,
    incoming: LayerInput,
    once: int | None,
    largest_payload: Payloads,
) -> Signal:
    """The layer as floor, detector, undo and the layer itself.

    Args:
        once: frames in which a neuron may fire once; None to let it fire again.
    """
    name, steps = conv.name, circuit.steps_per_frame
    leak = spread_leak(conv, steps)
    floor, detector, undo = f"{name}_floor", f"{name}_detector", f"{name}_undo"
    circuit.population(Population(floor, shape, 0, leak, name, "floor"))
    connect_input(circuit, conv, incoming, floor, sign=-1)
    circuit.population(Population(detector, shape, shared_threshold(conv, steps), -leak, name, "detector"))
    connect_input(circuit, conv, incoming, detector, delay=1)
    _push(circuit, floor, detector, push_needed(conv, largest_payload))
    circuit.population(relay(undo, shape, name))
    circuit.connect(pointwise(f"{undo}_in", floor, undo, shape[0], 2))
    circuit.connect(pointwise(f"{undo}_or", undo, name, shape[0], -2))
    emitted = incoming.signal.emitted + 2
    if once is not None:
        return latch(circuit, name, shape, [detector], emitted, once)
    _push(circuit, name, floor, lift_needed(conv, largest_payload))
    return collect(circuit, name, shape, [detector], emitted)


def _pushes(push: int) -> int:
    return -(-push // POINT_LIMIT)


def _push(circuit: Circuit, source: str, target: str, least: int) -> None:
    """As many point synapses as bring `least` activations."""
    pushes = _pushes(least)
    exponent = point_exponent(f"{target}_push", -(-least // pushes))
    for index in range(pushes):
        circuit.connect(PointSynapse(f"{target}_push{index}", source, target, POINT_WEIGHT, exponent))


EVERY_STEP = ResetCycle(1, 0)


def staggered_floor(
    circuit: Circuit, conv: FixedPointConv, shape: Shape, incoming: LayerInput, once: int | None, depth: int
) -> Signal:
    """The layer as `depth` populations of LIFReset neurons and, where needed, one that collects their spikes.

    Args:
        once: frames in which a neuron may fire once; None to let it fire again.
    """
    emitted = incoming.signal.emitted + 1
    if depth == 1:
        return _memoryless(circuit, conv, shape, incoming, once)
    copies = [_copy(circuit, conv, shape, incoming, start, depth) for start in range(depth)]
    if once is not None:
        return latch(circuit, conv.name, shape, copies, emitted, once)
    signal = collect(circuit, conv.name, shape, copies, emitted)
    for copy in copies:
        circuit.connect(inhibition(f"{copy}_end", conv.name, copy, 2 * int(conv.neuron.threshold[0])))
    return signal


def _copy(circuit: Circuit, conv: FixedPointConv, shape: Shape, incoming: LayerInput, start: int, depth: int) -> str:
    steps = circuit.steps_per_frame
    cycle = ResetCycle(steps * depth, incoming.signal.emitted + 1 + steps * start)
    name = circuit.population(
        Population(
            f"{conv.name}_window{start}", shape, shared_threshold(conv, steps), -spread_leak(conv, steps), conv.name,
            "window", voltage_decay=step_decay(conv, steps), reset=cycle,
        )
    )  # fmt: skip
    connect_input(circuit, conv, incoming, name)
    return name


def _memoryless(circuit: Circuit, conv: FixedPointConv, shape: Shape, incoming: LayerInput, once: int | None) -> Signal:
    """Depth 1: a neuron cleared every step fires at A >= Theta + L, so the leak sits in the threshold."""
    common, bias = memoryless_bias(conv)
    name = conv.name if once is None else f"{conv.name}_window0"
    threshold = 2 * (int(conv.neuron.threshold[0]) + common) - 1
    circuit.population(Population(name, shape, threshold, bias, conv.name, "window", reset=EVERY_STEP))
    connect_input(circuit, conv, incoming, name)
    emitted = incoming.signal.emitted + 1
    return Signal(name, shape, emitted) if once is None else latch(circuit, conv.name, shape, [name], emitted, once)
