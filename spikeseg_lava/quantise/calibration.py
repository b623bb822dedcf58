"""The calibration clips, what the float network does on them, and how one integer layer compares with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.clip import checked_frames
from spikeseg_lava.comparison import LayerComparison, compare
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.execution import run
from spikeseg_lava.fixed_point import FixedPointConv, FixedPointModel, InputCode
from spikeseg_lava.network import SpikingNetwork
from spikeseg_lava.ranges import dense
from spikeseg_lava.record import SpikeRecord

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
