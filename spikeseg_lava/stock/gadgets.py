"""Which gadget makes a layer's floor, how many windows it has, and the single leaky LIF that stands in for a floor.

A decay is a soft floor: it forgets debts, but charge as well. The LIF whose decay, bias and threshold agree most with
the floored neuron on a clip is the cheapest lowering, and never an exact one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, QuantizationError
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron
from spikeseg_lava.stock.circuit import floor_is_idle
from spikeseg_lava.stock.limits import CURRENT_LIMIT, UNIT, Payloads, largest_drive
from spikeseg_lava.stock.network import LayerPlan
from spikeseg_lava.stock.steps import agreement, decayed, drives, needed_depth, window_spikes

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
        v = decayed(v, DECAY_UNIT - int(neuron.decay[0])) + step - UNIT * neuron.pull
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


HARD_RESET_POPULATIONS = 4


@dataclass(frozen=True)
class LoweringOptions:
    """What the user asked of `lower`."""

    method: str
    depth: int | None
    fidelity: float
    fire_once: bool
    frames: int
    calibrated: bool

    def __post_init__(self) -> None:
        if self.depth is not None and (self.method != "windows" or not 1 <= self.depth <= self.frames):
            raise ArgumentError(f"`depth` is for method 'windows', from 1 to {self.frames} frames; got {self.depth}")
        if self.method == "leaky" and not self.calibrated:
            raise ArgumentError("`method` 'leaky' fits a clip: pass one as `calibration`")
        if not 0 < self.fidelity <= 1:
            raise ArgumentError(f"`fidelity` must be an IoU above 0 and up to 1, got {self.fidelity}")

    def needs_hard_reset(self, conv: FixedPointConv) -> bool:
        """The layer will be written as floor and detector."""
        if floor_is_idle(conv):
            return False
        exact = self.method == "exact" and self.frames + 1 > HARD_RESET_POPULATIONS
        return self.method == "mirror" or (exact and conv.neuron.leak_mode == "subtractive")


def choose_gadget(
    conv: FixedPointConv, options: LoweringOptions, payloads: NDArray[Any] | None, largest_payload: Payloads
) -> LayerPlan:
    """The gadget for a layer; `payloads` Int[T, I, H, W] is its input on the calibration clip."""
    rounded = conv.neuron.leak_mode == "multiplicative"
    if floor_is_idle(conv):
        deepest = (largest_drive(conv, largest_payload)[1] + 2 * int(conv.neuron.pull.max(initial=0))) * options.frames
        held = conv.neuron.floor or deepest < CURRENT_LIMIT
        return LayerPlan(conv.name, "direct", exact=held and not rounded, note="its floor never acts")
    if options.method == "unfloored":
        return LayerPlan(conv.name, "direct", exact=False, note="no floor at all")
    if options.method == "leaky" and payloads is not None:
        neuron, iou = best_leaky(conv, payloads, options.fire_once)
        return LayerPlan(conv.name, "direct", exact=False, note=f"IoU {iou:.3f} on the clip", neuron=neuron)
    if (conv.neuron.pull < 0).any():
        raise QuantizationError(
            f"`{conv.name}` has a floor and a bias above its leak: the copies that make the floor would rise while "
            "they wait for their first frame; `method` 'unfloored' is the nearest that stock parts come"
        )
    if options.needs_hard_reset(conv):
        return LayerPlan(conv.name, "mirror", note="floor by hard reset")
    depth, note = _depth(conv, options, payloads)
    return LayerPlan(conv.name, "windows", depth, exact=depth >= options.frames and not rounded, note=note)


def _depth(conv: FixedPointConv, options: LoweringOptions, payloads: NDArray[Any] | None) -> tuple[int, str]:
    if options.method == "memoryless":
        return 1, "forgets every step"
    if options.method == "windows" and options.depth is not None:
        return options.depth, "as asked"
    if options.method == "auto" and payloads is not None:
        depth = needed_depth(conv, payloads, options.fire_once, options.fidelity)
        return depth, f"fewest that keep an IoU of {options.fidelity:g} on the clip"
    return options.frames, "every start of the sample"
