"""The calibration clips, what the float network does on them, and how one integer layer compares with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.engine.engine import run_engine
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.clip import checked_frames
from spikeseg_lava.network.bounds import LayerRange, layer_ranges
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.network.observation import layer_inputs, observe
from spikeseg_lava.quantization.validation_clips import FrameKind, Frames, copies, made_up
from spikeseg_lava.spikes.comparison import LayerComparison, compare
from spikeseg_lava.spikes.record import SpikeRecord

Progress = Callable[[str, int, int], None]  # what is done, how much of how much


FIT_MADE_UP, JUDGE_MADE_UP = 2, 2  # made-up clips to round on, and others to judge on
FOR_FIRST_LAYER = 32  # made-up clips that the first layer alone is run on
WITHOUT_CLIP = 2  # how many more to round on where the user gave none
COPIED = 2  # clips of the user that are copied for judging
HELD_BACK = 3  # of the user's clips every third is kept for judging
STEPS, SIDE = 10, 64  # of made-up clips, where the network does not say


@dataclass(frozen=True, eq=False)
class CalibrationRun:
    """One clip Float32[T, C, H, W] in one mode, and the float network's spikes on it.

    Attributes:
        frames: of the clip.
        reset_interval: of the network.
        twin: the same clip is there in another mode as well, which decides as much and more.
    """

    frames: Frames
    fire_once: bool
    record: SpikeRecord
    reset_interval: int | None = None
    twin: bool = False

    def inputs(self, network: SpikingNetwork) -> dict[str, Frames]:
        """Float32[T, I, H, W]: the dense input of every convolution in the float run."""
        received = layer_inputs(network, self.frames, self.record)
        return {name: inputs.astype(np.float32, copy=False) for name, inputs in received.items()}


@dataclass(frozen=True, eq=False)
class Evidence:
    """Runs of the float network: what the integers are fitted to, and what they are judged on.

    Attributes:
        given: on the user's clips (none, if there are none), apart from those held back.
        made_up: on clips of made-up events, which also take part in the rounding.
        unseen: on clips that take part in no rounding: held back, copies of the given, made-up ones.
        kind: what the values of the frames are.
        scenes: more made-up clips, for the first layer alone: running it costs little, and graded frames are many.
    """

    given: tuple[CalibrationRun, ...]
    made_up: tuple[CalibrationRun, ...]
    unseen: tuple[CalibrationRun, ...]
    kind: FrameKind
    scenes: tuple[Frames, ...] = ()

    @property
    def fitting(self) -> tuple[CalibrationRun, ...]:
        return self.given + self.made_up


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


def gather_evidence(
    network: SpikingNetwork, clips: Sequence[Frames], kind: FrameKind, fire_once: bool | None, progress: Progress
) -> Evidence:
    """Run the float network on the user's clips, copies of them and made-up ones.

    Args:
        kind: what the values of made-up frames shall be.
        fire_once: the mode, or None for both.
    """
    kept, held_back = _split(clips)
    turned = [copy for clip in kept[:COPIED] for copy in copies(clip) if _fits(network, copy)]
    judged = [*held_back, *turned]
    count = FIT_MADE_UP + (0 if clips else WITHOUT_CLIP)
    scenes = _scenes(network, clips, kind, count + JUDGE_MADE_UP + FOR_FIRST_LAYER)
    scenes, more = scenes[: count + JUDGE_MADE_UP], scenes[count + JUDGE_MADE_UP :]
    total = len(kept) + len(judged) + len(scenes)
    runner = _Runner(network, fire_once, progress, total)
    given, unseen = (tuple(run for clip in some for run in runner.all_modes(clip)) for some in (kept, judged))
    alone = [runner.one_mode(scene, k % 2 == 0) for k, scene in enumerate(scenes)]
    return Evidence(given, tuple(alone[:count]), unseen + tuple(alone[count:]), kind, tuple(more))


def _split(clips: Sequence[Frames]) -> tuple[list[Frames], list[Frames]]:
    """Clips to fit to and clips held back, where there are enough of them."""
    held = [len(clips) >= HELD_BACK and k % HELD_BACK == HELD_BACK - 1 for k in range(len(clips))]
    pairs = list(zip(clips, held, strict=True))
    return [clip for clip, out in pairs if not out], [clip for clip, out in pairs if out]


def _scenes(network: SpikingNetwork, clips: Sequence[Frames], kind: FrameKind, count: int) -> list[Frames]:
    """Made-up clips; without a clip of the user every third one is binary, because the frames may be."""
    steps = max((len(clip) for clip in clips), default=network.timesteps or STEPS)
    size = network.input_size or (_size(clips[0]) if clips else (SIDE, SIDE))
    kinds = [FrameKind(binary=True) if not clips and k % 3 == 2 else kind for k in range(count)]
    scenes = [made_up(network.input_channels, steps, size, of, seed) for seed, of in enumerate(kinds)]
    return [scene for scene in scenes if _fits(network, scene)]


def _size(clip: Frames) -> Pair:
    return int(clip.shape[2]), int(clip.shape[3])


def _fits(network: SpikingNetwork, scene: Frames) -> bool:
    """False where a network needs other frames than made-up or turned ones are."""
    try:
        network.shapes(_size(scene))
    except ArgumentError:
        return False
    return True


@dataclass
class _Runner:
    """Runs the float network, and counts the clips done."""

    network: SpikingNetwork
    fire_once: bool | None
    progress: Progress
    total: int
    done: int = 0

    def all_modes(self, clip: Frames) -> tuple[CalibrationRun, ...]:
        self._advance()
        if self.fire_once is not None:
            return (self._run(clip, self.fire_once),)
        return (self._run(clip, True, twin=True), self._run(clip, False))

    def one_mode(self, clip: Frames, fire_once: bool) -> CalibrationRun:
        self._advance()
        return self._run(clip, fire_once if self.fire_once is None else self.fire_once)

    def _run(self, clip: Frames, fire_once: bool, twin: bool = False) -> CalibrationRun:
        from torch_reference import run_reference  # torch takes seconds to import

        record = run_reference(self.network, clip, fire_once)
        return CalibrationRun(clip, fire_once, record, self.network.reset_interval, twin)

    def _advance(self) -> None:
        self.progress("float network on clips", self.done, self.total)
        self.done += 1


@dataclass(frozen=True)
class Judgement:
    """Spike IoU of every convolution of a whole model, all spikes of the runs together; None without spikes.

    Attributes:
        fitted: on the user's clips; empty where there were none.
        unseen: on clips that took no part in rounding.
    """

    fitted: dict[str, float | None]
    unseen: dict[str, float | None]

    @property
    def worst(self) -> float | None:
        """Of all layers, on both kinds of clips; None where nothing fired on any."""
        both = (*self.fitted.values(), *self.unseen.values())
        return min((iou for iou in both if iou is not None), default=None)


def judge(model: FixedPointModel, evidence: Evidence) -> Judgement:
    """The model against the float network on all clips."""
    return Judgement(_ious(model, evidence.given), _ious(model, evidence.unseen))


def _ious(model: FixedPointModel, runs: Sequence[CalibrationRun]) -> dict[str, float | None]:
    names = [layer.name for layer in model.convolutions]
    found = [compare(run.record, run_engine(model, run.frames, run.fire_once), names) for run in runs]
    return {name: pooled_iou(one[name] for one in found) for name in names} if runs else {}


def pooled_iou(comparisons: Iterable[LayerComparison]) -> float | None:
    """IoU of all spikes together; None without any."""
    pairs = [(c.common_spikes, c.reference_spikes + c.other_spikes - c.common_spikes) for c in comparisons]
    common, union = (sum(part) for part in zip(*pairs, strict=True)) if pairs else (0, 0)
    return common / union if union else None


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
