"""What drive and membranes of the integer layers really do on a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.execution import run
from spikeseg_lava.fixed_point import (
    DECAY_BITS,
    DECAY_UNIT,
    STATE_MAX,
    STATE_MIN,
    FixedPointConv,
    FixedPointModel,
    saturate,
)
from spikeseg_lava.ranges import dense
from spikeseg_lava.ranges import drive as layer_drive


@dataclass(frozen=True)
class Observed:
    """Smallest and largest drive A and membrane (before floor, reset and saturation) of one layer on a clip.

    Membranes are those of neurons that may still fire: with fire-once, what others do decides nothing.

    Attributes:
        saturated: neuron steps in which drive or membrane of such a neuron would have left 24 bit.
    """

    drive_min: int
    drive_max: int
    membrane_min: int
    membrane_max: int
    saturated: int

    def __str__(self) -> str:
        return (
            f"observed drive {self.drive_min} to {self.drive_max}, membrane {self.membrane_min} to "
            f"{self.membrane_max}, {self.saturated} saturated"
        )


def observe(model: FixedPointModel, frames: NDArray[Any], fire_once: bool = True) -> dict[str, Observed]:
    """Ranges of every convolution of the model on frames Float[T, C, H, W]."""
    record = run(model, frames, "event", fire_once)
    shapes = model.shapes((frames.shape[2], frames.shape[3]))
    observed: dict[str, Observed] = {}
    payloads: NDArray[np.integer] = model.input.encode(frames)
    for layer in model.layers:
        if isinstance(layer, FixedPointConv):
            observed[layer.name] = _observe_layer(layer, payloads, fire_once)
        payloads = dense(record.spikes[layer.name], len(frames), shapes[layer.name]).astype(np.int32)
    return observed


def _observe_layer(layer: FixedPointConv, payloads: NDArray[np.integer], fire_once: bool) -> Observed:
    neuron = layer.neuron
    theta, leak, kept = (
        a.astype(np.int64)[:, None, None] for a in (neuron.threshold, neuron.leak, DECAY_UNIT - neuron.decay)
    )
    v, fired, extremes, saturated = np.int64(0), np.bool_(False), [], 0
    for one_step in payloads:
        drive = layer_drive(layer, one_step[None])[0]
        carried = v - leak if neuron.leak_mode == "subtractive" else np.sign(v) * ((np.abs(v) * kept) >> DECAY_BITS)
        exact = carried + saturate(drive)
        free = ~(fired & fire_once)
        saturated += int(np.sum(free & (_leaves(drive) | _leaves(exact))))
        shown = np.where(free, exact, 0)
        extremes.append((drive.min(), drive.max(), shown.min(), shown.max()))
        v = np.maximum(saturate(exact), 0) if neuron.floor else saturate(exact)
        spikes = (v >= theta) & free
        fired, v = fired | spikes, np.where(spikes, 0, v)
    low, high = np.min(extremes, axis=0), np.max(extremes, axis=0)
    return Observed(int(low[0]), int(high[1]), int(low[2]), int(high[3]), saturated)


def _leaves(value: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (value < STATE_MIN) | (value > STATE_MAX)
