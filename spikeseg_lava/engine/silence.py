"""Why a run is silent: the first layer that never spiked, and how near its membranes came to the threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel


def silent_layer(model: FixedPointModel, counts: Mapping[str, int]) -> FixedPointConv | None:
    """The first convolution without a spike; None where every one spiked."""
    return next((layer for layer in model.convolutions if not counts.get(layer.name, 0)), None)


def reason_of_silence(model: FixedPointModel, events: SparseSteps, size: Pair, fire_once: bool = True) -> str | None:
    """One sentence on the first layer that never spikes on `events`; None where every layer does.

    The events are run again step by step, since only the membranes after the last step belong to a record.
    """
    if not len(events.index):
        return "the network never spiked: its input holds no event"
    engine = EventEngine(model, size, fire_once)
    peaks = {layer.name: np.full(len(layer.neuron.threshold), -np.inf) for layer in model.convolutions}
    counts = dict.fromkeys(engine.layers, 0)
    for first, last in zip(events.offsets, events.offsets[1:], strict=False):
        step = SparseSteps(np.array([0, last - first]), events.index[first:last], events.payload[first:last])
        for name, found in engine.run(step).items():
            counts[name] += len(found.index)
        for name, membrane in engine.membranes().items():
            np.maximum(peaks[name], membrane.max(axis=(1, 2)), out=peaks[name])
    layer = silent_layer(model, counts)
    if layer is None:
        return None
    share = peaks[layer.name] / layer.neuron.threshold
    return _sentence(layer, float(share.max()), int(share.argmax()))


def _sentence(layer: FixedPointConv, share: float, channel: int) -> str:
    if share <= 0:
        return f"{layer.name} never spiked: nothing drove its membranes above 0"
    lower = share * float(layer.source.neuron.threshold[channel])
    digit = 10.0 ** math.floor(math.log10(lower))
    advice = math.floor(lower / digit + 1e-9) * digit
    return (
        f"{layer.name} never spiked: its largest membrane reached {share:.0%} of theta; try a lower threshold, such as "
        f"{advice:.3g} (`--threshold {advice:.3g}`)"
    )
