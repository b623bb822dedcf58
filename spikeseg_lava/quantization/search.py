"""The cheapest setting of a layer that keeps its spikes on clips it was not fitted to.

Cost, in this order: weight planes (synapse memory), an accumulator that holds less than the worst drive, scales per
channel. Layers are judged one by one: if every layer keeps its spikes, so does the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.quantization.calibration import pooled_iou
from spikeseg_lava.quantization.layer_evidence import LayerEvidence
from spikeseg_lava.quantization.options import Options
from spikeseg_lava.quantization.rounding import rounded_layer
from spikeseg_lava.quantization.scales import ScaleLimits
from spikeseg_lava.quantization.setting import COARSEST, COARSEST_FLOORED, COARSEST_UNKNOWN, LayerSetting, payload_codes
from spikeseg_lava.quantization.validation_clips import FrameKind
from spikeseg_lava.spikes.comparison import LayerComparison

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


class LayerSearch:
    """Tries settings of one layer on what it saw, and keeps the trials."""

    def __init__(self, evidence: LayerEvidence, kind: FrameKind, options: Options, steps: int) -> None:
        self.layer, self.evidence, self.kind, self.options, self.steps = (
            evidence.layer,
            evidence,
            kind,
            options,
            steps,
        )
        self._tried: dict[LayerSetting, Trial] = {}

    def frame_codes(self) -> list[InputCode]:
        """Payloads to try where this layer receives the frames."""
        coarsest = COARSEST_UNKNOWN if self.layer.neuron.floor else COARSEST_FLOORED
        if self.evidence.known:
            coarsest = COARSEST_FLOORED if self.layer.neuron.floor else COARSEST
        return payload_codes(self.kind, self.options.input_bits, self.options.payload_bits, coarsest)

    def trials(self, codes: Sequence[InputCode], allowed: float, saturating: bool = False) -> list[Trial]:
        """Settings by rising cost, up to the first that loses no more than `allowed`; where none does, all of them.

        Args:
            saturating: the accumulator may saturate on usual inputs.
        """
        graded = any(code.bits > 1 for code in codes)
        tried: list[Trial] = []
        refused: QuantizationError | None = None
        for setting in self.options.settings(self.layer, graded, self.evidence.known, saturating):
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
        drive = self.evidence.seen_drive() if code.bits > 1 and setting.room == "seen" else None
        limits = ScaleLimits(code.scale, self.options.target, self.steps, drive, self.options.registers)
        return rounded_layer(self.layer, setting, limits, self.evidence.moments(code))

    def _trial(self, setting: LayerSetting, code: InputCode) -> Trial:
        conv, _ = self._round(setting, code)
        fitted, unseen = self.evidence.compared(conv, code)
        return Trial(setting, code, conv, fitted, unseen, self.evidence.expected_wrong(conv, code))


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
            trial = max(trials, key=lambda trial: (trial.setting.planes, trial.setting.room == "worst"))
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
