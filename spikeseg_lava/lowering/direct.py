"""One LIF for each neuron: exact where the floor never acts, a measured approximation elsewhere."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.fixed_point import DECAY_UNIT, FixedPointConv
from spikeseg_lava.lowering.feeding import Feed, drive
from spikeseg_lava.lowering.limits import shared_threshold, spread_leak
from spikeseg_lava.lowering.output import latch
from spikeseg_lava.lowering.parts import Population, ResetCycle
from spikeseg_lava.lowering.stock_network import Circuit, Signal
from spikeseg_lava.network import Shape

ONLY_AT_START = 2**15  # chip steps until a LIFReset would clear again


def floor_is_idle(conv: FixedPointConv) -> bool:
    """True where `V = max(V, 0)` can never change anything: no floor, or nothing that pulls the membrane down."""
    pulls = bool((conv.kernel < 0).any() or conv.neuron.leak.any())
    return not conv.neuron.floor or not pulls


def direct(circuit: Circuit, conv: FixedPointConv, shape: Shape, feed: Feed, once: int | None) -> Signal:
    """The layer as one population of LIF neurons.

    Args:
        once: frames in which a neuron may fire once; None to let it fire again.

    A leaking neuron is cleared when its first frame arrives: the bias has pulled it down while it waited.
    """
    emitted = feed.signal.emitted + 1
    name = conv.name if once is None else f"{conv.name}_neuron"
    bias = -spread_leak(conv, circuit.steps_per_frame)
    reset = ResetCycle(ONLY_AT_START, emitted) if bias.any() else None
    circuit.population(
        Population(
            name, shape, shared_threshold(conv, circuit.steps_per_frame), bias, conv.name, "neuron",
            voltage_decay=step_decay(conv, circuit.steps_per_frame), reset=reset,
        )
    )  # fmt: skip
    drive(circuit, conv, feed, name)
    return Signal(name, shape, emitted) if once is None else latch(circuit, conv.name, shape, [name], emitted, once)


def step_decay(conv: FixedPointConv, steps_per_frame: int) -> int:
    """dv of one chip step: the layer's decay, or its root where a frame takes several steps."""
    kept = 1 - int(conv.neuron.decay.max(initial=0)) / DECAY_UNIT
    return min(round(DECAY_UNIT * (1 - kept ** (1 / steps_per_frame))), DECAY_UNIT - 1)


def memoryless_bias(conv: FixedPointConv) -> tuple[int, np.ndarray]:
    """(common leak moved into the threshold, Int64[O] bias that is left) of a neuron that forgets every step."""
    common = int(conv.neuron.leak.min())
    return common, -128 * (conv.neuron.leak.astype(np.int64) - common)
