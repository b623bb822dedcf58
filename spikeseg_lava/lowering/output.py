"""The last stage of a layer: one population whose spikes are the layer's, firing once or freeing its windows."""

from __future__ import annotations

import numpy as np

from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.lowering.feeding import pointwise
from spikeseg_lava.lowering.limits import POINT_EXPONENT, POINT_LIMIT, POINT_WEIGHT
from spikeseg_lava.lowering.parts import PointSynapse, Population
from spikeseg_lava.lowering.stock_network import Circuit, Signal
from spikeseg_lava.network import Shape


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
    """Smallest exponent with `254 << exponent >= least`; QuantisationError beyond the largest."""
    if least > POINT_LIMIT:
        raise QuantisationError(f"`{name}` needs {least} activations from one spike, a synapse brings {POINT_LIMIT}")
    return next(e for e in range(POINT_EXPONENT + 1) if POINT_WEIGHT << e >= least)
