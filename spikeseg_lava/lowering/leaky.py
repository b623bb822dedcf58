"""The best single LIF without a floor: decay, bias and threshold that agree most with the floored neuron on a clip.

A decay is a soft floor: it forgets debts, but charge as well. It is the cheapest lowering, and never an exact one.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import DECAY_UNIT, FixedPointConv, FixedPointNeuron
from spikeseg_lava.lowering.depth import agreement, drives, window_spikes
from spikeseg_lava.lowering.limits import UNIT
from spikeseg_lava.lowering.neuron_step import decayed

DECAYS = (0, 512, 1024, 2048, 3072, 3584, DECAY_UNIT - 1)
LEAKS = (0.0, 0.5, 1.0)
THRESHOLDS = (0.9, 1.0, 1.25, 1.5, 1.9)


def best_leaky(conv: FixedPointConv, payloads: NDArray[Any], fire_once: bool) -> tuple[FixedPointNeuron, float]:
    """(neuron, its IoU on the clip); payloads Int[T, I, H, W] are the layer's input."""
    drive = drives(conv, payloads)
    exact = window_spikes(conv, drive, len(drive), fire_once)
    neurons = [_neuron(conv.neuron, *choice) for choice in product(DECAYS, LEAKS, THRESHOLDS)]
    found = [agreement(exact, leaky_spikes(neuron, drive, fire_once)) for neuron in neurons]
    best = int(np.argmax(found))
    return neurons[best], found[best]


def leaky_spikes(neuron: FixedPointNeuron, drive: NDArray[np.int64], fire_once: bool) -> NDArray[np.bool_]:
    """Bool[T, H, W, O]: spikes of a LIF that decays, leaks and has no floor."""
    v = np.zeros(drive.shape[1:], np.int64)
    fired = np.zeros(v.shape, bool)
    spikes = np.zeros(drive.shape, bool)
    for t, step in enumerate(UNIT * drive):
        v = decayed(v, DECAY_UNIT - int(neuron.decay[0])) + step - UNIT * neuron.leak.astype(np.int64)
        over = v >= UNIT * neuron.threshold.astype(np.int64)
        spikes[t] = over & ~(fired & fire_once)
        fired |= over
        v[over] = 0
    return spikes


def _neuron(neuron: FixedPointNeuron, decay: int, leak: float, threshold: float) -> FixedPointNeuron:
    return replace(
        neuron,
        decay=np.full_like(neuron.decay, decay),
        leak=np.rint(leak * neuron.leak).astype(np.int32),
        threshold=np.maximum(1, np.rint(threshold * neuron.threshold)).astype(np.int32),
    )
