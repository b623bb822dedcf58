"""How much there is to do in a clip: events, synaptic operations and touched neurons, counted exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikeseg_lava.bench.contenders import Case
from spikeseg_lava.counting import fan_out
from spikeseg_lava.engine import EventConv, EventEngine, SparseSteps
from spikeseg_lava.fixed_point import FixedPointConv


@dataclass(frozen=True)
class Work:
    """Means per step.

    Attributes:
        events: input events.
        operations: additions of one weight for one event, within the borders; weight planes count as one weight.
        additions: those that are left for the event engine, which adds once for maps that do the same.
        neurons: neurons brought up to date by the event engine.
        spikes: of all layers.
    """

    events: float
    operations: float
    additions: float
    neurons: float
    spikes: float


def work_of(case: Case) -> Work:
    """Count by running the event engine step by step."""
    engine = EventEngine(case.model, case.size, case.fire_once)
    events = engine.encode(case.frames)
    operations = additions = neurons = spikes = 0
    for step in range(events.steps):
        first, last = events.offsets[step], events.offsets[step + 1]
        one = SparseSteps(np.array([0, last - first]), events.index[first:last], events.payload[first:last])
        found = engine.run(one)
        wanted, done = _operations(case, engine, one, found)
        operations, additions = operations + wanted, additions + done
        neurons += sum(x.touched_neurons for x in engine.layers.values() if isinstance(x, EventConv))
        spikes += sum(len(x.index) for x in found.values())
    totals = len(events.index), operations, additions, neurons, spikes
    return Work(*(total / events.steps for total in totals))


def _operations(case: Case, engine: EventEngine, events: SparseSteps, found: dict[str, SparseSteps]) -> tuple[int, int]:
    """Synaptic operations of a step, and additions the engine makes for them."""
    shape, inputs = (case.model.input_channels, *case.size), np.arange(case.model.input_channels)
    operations = additions = 0
    for layer in case.model.layers:
        kinds = engine.layers[layer.name].kinds
        if isinstance(layer, FixedPointConv):
            reached = fan_out(layer, shape).ravel()[events.index // shape[0]]
            computed = np.isin(events.index % shape[0], inputs)
            operations += int(reached.sum())
            additions += int(reached[computed].sum()) * kinds.bases // len(kinds.kind)
        shape, events, inputs = layer.output_shape(shape), found[layer.name], kinds.first
    return operations, additions
