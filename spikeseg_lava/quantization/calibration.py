"""The calibration clips, what the float network does on them, and how one integer layer compares with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import checked_frames
from spikeseg_lava.network.bounds import LayerRange, layer_ranges
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.observation import layer_inputs, observe
from spikeseg_lava.spikes.comparison import LayerComparison, compare
from spikeseg_lava.spikes.record import SpikeRecord

Frames = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CalibrationRun:
    """One clip Float32[T, C, H, W] in one mode, and the spikes on it of the float network and its reset interval."""

    frames: Frames
    fire_once: bool
    record: SpikeRecord
    reset_interval: int | None = None

    def inputs(self, network: SpikingNetwork) -> dict[str, Frames]:
        """Float32[T, I, H, W]: the dense input of every convolution in the float run."""
        received = layer_inputs(network, self.frames, self.record)
        return {name: inputs.astype(np.float32, copy=False) for name, inputs in received.items()}


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
    if not clips:
        return ()
    from torch_reference import run_reference  # torch takes seconds to import

    modes = (True, False) if fire_once is None else (fire_once,)
    return tuple(
        CalibrationRun(clip, mode, run_reference(network, clip, mode), network.reset_interval)
        for clip in clips
        for mode in modes
    )


def compare_layer(
    conv: FixedPointConv, code: InputCode, inputs: Frames, calibration: CalibrationRun
) -> LayerComparison:
    """One integer layer on the float network's input of that layer, against the float network's spikes of it.

    `code` encodes the input: the model's for the first layer, 1 bit for spikes.
    """
    model = FixedPointModel((conv,), code, reset_interval=calibration.reset_interval)
    record = run_engine(model, inputs, calibration.fire_once)
    return compare(calibration.record, record, [conv.name])[conv.name]


def ranges_on(model: FixedPointModel, frames: NDArray[Any], fire_once: bool = True) -> dict[str, LayerRange]:
    """Worst-case ranges of every convolution, beside those observed on frames Float[T, C, H, W]."""
    received = layer_inputs(model, frames, run_engine(model, frames, fire_once))
    return layer_ranges(model, len(frames), observe(model, received, fire_once))
