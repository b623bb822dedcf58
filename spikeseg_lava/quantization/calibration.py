"""The calibration clips, what the float network does on them, and how one integer layer compares with it.

What drive and membranes of the integer layers really do on a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import checked_frames
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.bounds import dense
from spikeseg_lava.network.bounds import drive as layer_drive
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import (
    DECAY_BITS,
    DECAY_UNIT,
    STATE_MAX,
    STATE_MIN,
    FixedPointConv,
    FixedPointModel,
    InputCode,
    saturate,
)
from spikeseg_lava.spikes.comparison import LayerComparison, compare
from spikeseg_lava.spikes.record import SpikeRecord

Frames = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CalibrationRun:
    """One clip Float32[T, C, H, W] in one mode, and the float network's spikes on it."""

    frames: Frames
    fire_once: bool
    record: SpikeRecord

    def inputs_of(self, network: SpikingNetwork, name: str) -> Frames:
        """Float32[T, I, H, W]: the dense input of a layer in the float run."""
        below = _layer_below(network, name)
        if below is None:
            return self.frames
        shape = network.shapes((self.frames.shape[2], self.frames.shape[3]))[below]
        return dense(self.record.spikes[below], len(self.frames), shape).astype(np.float32)


def calibration_clips(network: SpikingNetwork, calibration: Any) -> tuple[Frames, ...]:
    """One clip (T, C, H, W) or a sequence of clips, checked; ClipError where one does not fit the network."""
    if isinstance(calibration, (list, tuple)):
        clips = tuple(checked_frames(network, clip) for clip in calibration)
    else:
        clips = (checked_frames(network, calibration),)
    if not clips:
        raise ArgumentError("`calibration` holds no clip, expected frames (T, C, H, W) or a list of such")
    negative = [float(clip.min()) for clip in clips if clip.size and clip.min() < 0]
    if negative:
        raise ArgumentError(f"`calibration` holds negative values (down to {negative[0]:g}); payloads are unsigned")
    return clips


def reference_runs(
    network: SpikingNetwork, clips: Sequence[Frames], fire_once: bool | None
) -> tuple[CalibrationRun, ...]:
    """The float network on every clip, in the given mode, or in both where `fire_once` is None."""
    modes = (True, False) if fire_once is None else (fire_once,)
    return tuple(CalibrationRun(clip, mode, run(network, clip, "torch", mode)) for clip in clips for mode in modes)


def compare_layer(
    conv: FixedPointConv, code: InputCode, inputs: Frames, calibration: CalibrationRun
) -> LayerComparison:
    """One integer layer on the float network's input of that layer, against the float network's spikes of it.

    `code` encodes the input: the model's for the first layer, 1 bit for spikes.
    """
    record = run(FixedPointModel((conv,), code), inputs, "event", calibration.fire_once)
    return compare(calibration.record, record, [conv.name])[conv.name]


def _layer_below(network: SpikingNetwork, name: str) -> str | None:
    names: list[str] = [layer.name for layer in network.layers]
    index = names.index(name)
    return names[index - 1] if index else None


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
