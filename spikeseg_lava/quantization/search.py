"""The cheapest setting of a layer that keeps its spikes on clips it was not fitted to.

Cost, in this order: weight planes (synapse memory), an accumulator that holds the worst drive, scales per channel.
Layers are judged one by one, each on the input it has in the float network: if every layer keeps its spikes, so does
the whole. Whole spikes are few on a clip, so the judgement rests on an estimate as well::

    wrong spikes = (membranes per unit at the threshold) * (mean |error of V| near it)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, InputCode
from spikeseg_lava.network.observation import input_windows
from spikeseg_lava.quantization.calibration import CalibrationRun, Evidence, compare_layer, pooled_iou
from spikeseg_lava.quantization.close_calls import CloseCalls, close_calls, received
from spikeseg_lava.quantization.compensation import Moments, PatchSums, moments_of, pooled_second, signed_groups
from spikeseg_lava.quantization.options import Options
from spikeseg_lava.quantization.rounding import decay_of, rounded_layer
from spikeseg_lava.quantization.scales import ScaleLimits
from spikeseg_lava.quantization.setting import COARSEST, COARSEST_FLOORED, COARSEST_UNKNOWN, LayerSetting, payload_codes
from spikeseg_lava.quantization.validation_clips import Frames
from spikeseg_lava.spikes.comparison import LayerComparison

NEAR = 0.3  # of the threshold: how near a membrane must be for its patch to count in full
AT = 0.15  # of the threshold: so near, membranes are counted and their errors measured
USUAL = 0.5  # of made-up clips have no larger drive
FORGOTTEN = 0.01  # patches that count for less than this are left out
CHANCE = 2.0  # standard deviations by which the spikes counted may be worse than the level asked


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting of one layer.

    Attributes:
        fitted: the layer against the float network on the user's clips; empty without one.
        unseen: the same on clips that took no part in rounding.
        expected: part of the spikes expected to be wrong on such clips; None where none was near a threshold.
    """

    setting: LayerSetting
    code: InputCode
    conv: FixedPointConv
    fitted: tuple[LayerComparison, ...]
    unseen: tuple[LayerComparison, ...]
    expected: float | None

    @property
    def silent(self) -> bool:
        """Nothing fired in any run, so nothing is proved by it."""
        return all(c.silent for c in self.fitted + self.unseen)

    @property
    def lost(self) -> float:
        """Part of the spikes that is wrong: the worst of what was counted and expected."""
        counted = [share for share in (wrong_share(self.fitted), wrong_share(self.unseen)) if share is not None]
        return max([self.expected or 0.0, *counted])

    def keeps(self, allowed: float) -> bool:
        """At most the part `allowed` of the spikes is wrong, as far as counts can tell."""
        counts_pass = all(_passes(part, allowed) for part in (self.fitted, self.unseen))
        return not self.silent and (self.expected or 0.0) <= allowed and counts_pass

    def to_json(self) -> dict[str, Any]:
        return {
            **self.setting.to_json(),
            "input_bits": self.code.bits,
            "fitted_iou": pooled_iou(self.fitted),
            "unseen_iou": pooled_iou(self.unseen),
            "expected_wrong": self.expected,
            "reference_spikes": sum(c.reference_spikes for c in self.fitted + self.unseen),
        }


def wrong_share(comparisons: Sequence[LayerComparison]) -> float | None:
    """1 - IoU of all spikes together; None without any."""
    iou = pooled_iou(comparisons)
    return None if iou is None else 1 - iou


def _passes(comparisons: Sequence[LayerComparison], allowed: float) -> bool:
    spikes = sum(c.reference_spikes for c in comparisons)
    wrong = sum(c.reference_spikes + c.other_spikes - 2 * c.common_spikes for c in comparisons)
    return wrong <= allowed * spikes + CHANCE * np.sqrt(allowed * spikes)


@dataclass(frozen=True, eq=False)
class _LayerRun:
    """A run as one layer saw it: its inputs, and its close calls where the run decides something of its own.

    Without a run of the whole network these are frames for the first layer.
    """

    run: CalibrationRun | None
    inputs: Frames
    calls: list[CloseCalls] | None


class LayerSearch:
    """Tries settings of one layer; keeps what several trials share: its inputs, close calls and their moments."""

    def __init__(
        self, network: SpikingNetwork, layer: ConvLayer, evidence: Evidence, options: Options, steps: int
    ) -> None:
        self.layer, self.options, self.steps, self.kind = layer, options, steps, evidence.kind
        self.given, self.made_up, self.unseen = (
            [_as_seen(network, layer, run) for run in part]
            for part in (evidence.given, evidence.made_up, evidence.unseen)
        )
        if layer is network.layers[0]:
            scenes = [
                _LayerRun(None, scene, close_calls(layer, scene, False, network.reset_interval))
                for scene in evidence.scenes
            ]
            self.made_up += scenes[::2]
            self.unseen += scenes[1::2]
        self._moments: dict[InputCode, list[Moments]] = {}
        self._tried: dict[LayerSetting, Trial] = {}
        self._seen_drive: float | None = None

    def frame_codes(self) -> list[InputCode]:
        """Payloads to try where this layer receives the frames."""
        coarsest = COARSEST_FLOORED if self.layer.neuron.floor else COARSEST
        coarsest = coarsest if self.given else COARSEST_UNKNOWN
        return payload_codes(self.kind, self.options.input_bits, self.options.payload_bits, coarsest)

    def trials(self, codes: Sequence[InputCode], allowed: float) -> list[Trial]:
        """Settings by rising cost, up to the first that loses no more than `allowed`; where none does, all of them."""
        graded = any(code.bits > 1 for code in codes)
        tried: list[Trial] = []
        refused: QuantizationError | None = None
        for setting in self.options.settings(self.layer, graded, known=bool(self.given)):
            try:
                if setting not in self._tried:
                    self._tried[setting] = self._trial(*self._best_code(setting, codes))
            except QuantizationError as error:
                refused = error
                continue
            tried.append(self._tried[setting])
            if tried[-1].keeps(allowed):
                return tried
        if not tried and refused is not None:
            raise refused
        return tried

    def _best_code(self, setting: LayerSetting, codes: Sequence[InputCode]) -> tuple[LayerSetting, InputCode]:
        """The payload whose rounding and that of the weights together lose least."""
        if len(codes) == 1:
            return replace(setting, input_bits=codes[0].bits), codes[0]
        losses, refused = dict[InputCode, float](), None
        for code in codes:
            try:
                losses[code] = self._round(replace(setting, input_bits=code.bits), code)[1]
            except QuantizationError as error:
                refused = error
        if refused is not None and not losses:
            raise refused
        best = min(losses, key=losses.__getitem__)
        return replace(setting, input_bits=best.bits), best

    def _round(self, setting: LayerSetting, code: InputCode) -> tuple[FixedPointConv, float]:
        drive = self.seen_drive() if code.bits > 1 and not setting.worst_drive else None
        limits = ScaleLimits(code.scale, self.options.target, self.steps, drive, self.options.registers)
        return rounded_layer(self.layer, setting, limits, self.moments(code))

    def _trial(self, setting: LayerSetting, code: InputCode) -> Trial:
        conv, _ = self._round(setting, code)
        fitted, unseen = (
            tuple(compare_layer(conv, code, seen.inputs, seen.run) for seen in part if seen.run is not None)
            for part in (self.given, self.unseen)
        )
        return Trial(setting, code, conv, fitted, unseen, self.expected_wrong(conv, code))

    def seen_drive(self) -> float | None:
        """The largest drive of one step on the clips given, or on the usual made-up one, in float units."""
        if self._seen_drive is None:
            drives = [_largest_drive(self.layer, seen.inputs) for seen in self.given or self.made_up]
            share = 1.0 if self.given else USUAL
            self._seen_drive = float(np.quantile(drives, share)) if drives else None
        return self._seen_drive

    def moments(self, code: InputCode) -> list[Moments]:
        """What the close calls of the fitted runs ask of the weights, by channel, for an input as `code` says it."""
        if code not in self._moments:
            self._moments[code] = list(self._find_moments(code))
        return self._moments[code]

    def _find_moments(self, code: InputCode) -> Iterator[Moments]:
        groups, size = signed_groups(self.layer), self.layer.weight[0].size
        sums = {o: PatchSums.empty(size) for o in {o for o, _ in groups}}
        theta = self.layer.neuron.threshold
        for seen in self.given + self.made_up:
            for o, call, patches, membranes in self._calls(seen, code):
                representative, sign = groups[o]
                closeness = np.exp(-np.square(call.distance / (NEAR * theta[o])))
                close = closeness > FORGOTTEN
                sums[representative].add(sign * patches[close], membranes[close], closeness[close])
        second = pooled_second(list(sums.values()))
        weight = self.layer.weight.astype(np.float64).reshape(len(groups), -1)
        own = {o: self._with_payload(moments_of(one, second, weight[o]), code, weight[o]) for o, one in sums.items()}
        yield from (own[o] for o, _ in groups)

    def _with_payload(self, moments: Moments, code: InputCode, weight: NDArray[np.float64]) -> Moments:
        """Where no close call tells what rounding the payload costs, half a unit of one input in ten does."""
        if moments.rest or code.bits == 1 or not np.array_equal(moments.second, np.eye(len(weight))):
            return moments
        return replace(moments, rest=float(np.square(weight).sum()) / 12 / code.scale**2)

    def _calls(
        self, seen: _LayerRun, code: InputCode
    ) -> Iterator[tuple[int, CloseCalls, NDArray[np.float64], NDArray[np.float64]]]:
        """Channel, close calls, patches Float64[K, D] in integer units of the input, and the membranes they mean."""
        if seen.calls is None:
            return
        neuron, shape = self.layer.neuron, (len(self.layer.weight), -1)
        weight = self.layer.weight.astype(np.float64).reshape(shape)
        kept = 1 - decay_of(neuron) / DECAY_UNIT
        encoded = received(self.layer, seen.calls, code.encode(seen.inputs) / code.scale, kept)
        floats = received(self.layer, seen.calls, seen.inputs.astype(np.float64), neuron.beta)
        for o, (call, patches, exact) in enumerate(zip(seen.calls, encoded, floats, strict=True)):
            yield o, call, patches, exact @ weight[o]

    def expected_wrong(self, conv: FixedPointConv, code: InputCode) -> float | None:
        """Part of the spikes of the unseen runs that the errors near the threshold are expected to turn."""
        theta, wrong, spikes = self.layer.neuron.threshold, 0.0, 0
        for seen in self.unseen:
            for o, call, patches, membranes in self._calls(seen, code):
                near = np.abs(call.distance) <= AT * theta[o]
                error = self._errors(conv, code, o, call, patches, membranes)[near]
                wrong += call.density(AT * theta[o]) * float(np.abs(error).mean()) if len(error) else 0.0
            spikes += sum(call.fired for call in seen.calls or ())
        return float(wrong / spikes) if spikes else None

    def _errors(
        self,
        conv: FixedPointConv,
        code: InputCode,
        o: int,
        call: CloseCalls,
        patches: NDArray[np.float64],
        membranes: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Float64[K]: how much farther above the threshold the integer membrane is than the float one."""
        scale, neuron = conv.scale[o], self.layer.neuron
        drive = patches @ (conv.kernel[o].ravel() / scale * code.scale) - membranes
        kept = 1 - conv.neuron.decay[o] / DECAY_UNIT
        pull = conv.neuron.pull[o] / scale * _times(kept, call.steps) - neuron.pull[o] * _times(
            neuron.beta[o], call.steps
        )
        # ceil leaves the decision to the next whole membrane below: half a unit on average
        return drive - pull - ((conv.neuron.threshold[o] - 0.5) / scale - neuron.threshold[o])


def _times(kept: float, steps: NDArray[np.int64]) -> NDArray[np.floating]:
    """Float[K]: how many steps' worth of a constant a membrane holds after `steps` steps that keep a part of it."""
    return (1 - kept**steps) / (1 - kept) if kept < 1 else steps.astype(np.float64)


def _as_seen(network: SpikingNetwork, layer: ConvLayer, run: CalibrationRun) -> _LayerRun:
    inputs = run.inputs(network)[layer.name]
    return _LayerRun(run, inputs, None if run.twin else close_calls(layer, inputs, run.fire_once, run.reset_interval))


def _largest_drive(layer: ConvLayer, inputs: Frames) -> float:
    height, width = layer.weight.shape[2:4]
    windows = input_windows(inputs, (height, width), layer.stride, layer.padding)
    sums = (np.tensordot(layer.weight, window, axes=((1, 2, 3), (0, 3, 4))) for window in windows)
    return max((float(np.abs(drive).max()) for drive in sums), default=0.0)


@dataclass(frozen=True, eq=False)
class Choice:
    """All trials of a layer and the one taken.

    Attributes:
        allowed: part of the spikes that could be wrong.
        trial: the cheapest that loses no more than `allowed`, else that of least loss; of a silent layer the finest.
    """

    trials: tuple[Trial, ...]
    allowed: float
    trial: Trial

    @classmethod
    def of(cls, trials: Sequence[Trial], allowed: float) -> Choice:
        if all(trial.silent for trial in trials):
            trial = max(trials, key=lambda trial: (trial.setting.planes, trial.setting.worst_drive))
        else:
            least = min(trials, key=lambda trial: trial.lost)
            trial = next((trial for trial in trials if trial.keeps(allowed)), least)
        return cls(tuple(trials), allowed, trial)

    @property
    def reason(self) -> str:
        """One sentence on why this setting was taken."""
        if self.trial.silent:
            return "the layer never spiked on any clip, which proves nothing: the finest setting allowed"
        if self.trial.keeps(self.allowed):
            return (
                f"the cheapest of {len(self.trials)} tried that loses no more than {self.allowed:.2g} of the spikes of "
                "clips not seen"
            )
        return f"the one of {len(self.trials)} tried that loses least, where {self.allowed:.2g} of the spikes was asked"
