"""The floor from windows: copies of a LIF that start one frame apart, and an OR.

A floored neuron that has not fired since frame r is a maximum over starts (Lindley's recursion)::

    V(t) = max(0, max over r < s <= t of  sum of A - L over frames s..t)

so it reaches Theta exactly when some unfloored integrator started at s does. `depth` copies, each a `LIFReset` cleared
every `depth` frames and one frame apart, hold all starts of the last `depth` frames. With a depth of the whole
sample this is the floored neuron bit for bit; real clips rarely need more than 3 frames.

Firing again, the OR takes Theta off every copy before the next frame. A copy started before the spike then stays at or
below the true membrane for ever (both follow the same monotone rule, and it starts below), so it cannot fire
wrongly; copies started later are cleared at their start and right.
"""

from __future__ import annotations

from spikeseg_lava.fixed_point import FixedPointConv
from spikeseg_lava.lowering.direct import memoryless_bias, step_decay
from spikeseg_lava.lowering.feeding import Feed, drive
from spikeseg_lava.lowering.limits import shared_threshold, spread_leak
from spikeseg_lava.lowering.output import collect, inhibition, latch
from spikeseg_lava.lowering.parts import Population, ResetCycle
from spikeseg_lava.lowering.stock_network import Circuit, Signal
from spikeseg_lava.network import Shape

EVERY_STEP = ResetCycle(1, 0)


def windows(circuit: Circuit, conv: FixedPointConv, shape: Shape, feed: Feed, once: int | None, depth: int) -> Signal:
    """The layer as `depth` populations of LIFReset neurons and, where needed, one that collects their spikes.

    Args:
        once: frames in which a neuron may fire once; None to let it fire again.
    """
    emitted = feed.signal.emitted + 1
    if depth == 1:
        return _memoryless(circuit, conv, shape, feed, once)
    copies = [_copy(circuit, conv, shape, feed, start, depth) for start in range(depth)]
    if once is not None:
        return latch(circuit, conv.name, shape, copies, emitted, once)
    signal = collect(circuit, conv.name, shape, copies, emitted)
    for copy in copies:
        circuit.connect(inhibition(f"{copy}_end", conv.name, copy, 2 * int(conv.neuron.threshold[0])))
    return signal


def _copy(circuit: Circuit, conv: FixedPointConv, shape: Shape, feed: Feed, start: int, depth: int) -> str:
    steps = circuit.steps_per_frame
    cycle = ResetCycle(steps * depth, feed.signal.emitted + 1 + steps * start)
    name = circuit.population(
        Population(
            f"{conv.name}_window{start}", shape, shared_threshold(conv, steps), -spread_leak(conv, steps), conv.name,
            "window", voltage_decay=step_decay(conv, steps), reset=cycle,
        )
    )  # fmt: skip
    drive(circuit, conv, feed, name)
    return name


def _memoryless(circuit: Circuit, conv: FixedPointConv, shape: Shape, feed: Feed, once: int | None) -> Signal:
    """Depth 1: a neuron cleared every step fires at A >= Theta + L, so the leak sits in the threshold."""
    common, bias = memoryless_bias(conv)
    name = conv.name if once is None else f"{conv.name}_window0"
    threshold = 2 * (int(conv.neuron.threshold[0]) + common) - 1
    circuit.population(Population(name, shape, threshold, bias, conv.name, "window", reset=EVERY_STEP))
    drive(circuit, conv, feed, name)
    emitted = feed.signal.emitted + 1
    return Signal(name, shape, emitted) if once is None else latch(circuit, conv.name, shape, [name], emitted, once)
