"""The cheapest setting of a layer that keeps every spike of the calibration clips.

Cost, in this order: weight planes (synapse memory), payload bits of the input, scales per channel, calibrated rounding.
Layers are judged one by one, each on the input it has in the float network: if every layer keeps its spikes, so does
the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import QuantisationError
from spikeseg_lava.network.floats import ConvLayer, SpikingNetwork
from spikeseg_lava.network.integers import FixedPointConv, InputCode
from spikeseg_lava.quantization.calibrated_rounding import calibrated_weights, opposites
from spikeseg_lava.quantization.calibration import CalibrationRun, Frames, compare_layer
from spikeseg_lava.quantization.close_calls import CloseCalls, Decisions, close_calls, decisions_at, joined
from spikeseg_lava.quantization.rounding import assemble, nearest_weights
from spikeseg_lava.quantization.scales import ScaleLimits, best_scale
from spikeseg_lava.quantization.setting import LayerSetting
from spikeseg_lava.spikes.comparison import LayerComparison

Coded = tuple[LayerSetting, InputCode]  # a setting and the code of its input

HOPELESS = 0.8  # below this IoU, rounding alone is not tried: the setting is too coarse


@dataclass(frozen=True, eq=False)
class Trial:
    """One setting of one layer, and what it did on the calibration clips."""

    setting: LayerSetting
    code: InputCode
    conv: FixedPointConv
    comparisons: tuple[LayerComparison, ...]

    @property
    def iou(self) -> float:
        """The worst of all runs; 1 where nothing fired in either network."""
        return min((1.0 if c.iou is None else c.iou for c in self.comparisons), default=1.0)

    @property
    def wrong_spikes(self) -> int:
        """Spikes missing or added, over all runs."""
        return sum(c.reference_spikes + c.other_spikes - 2 * c.common_spikes for c in self.comparisons)

    @property
    def silent(self) -> bool:
        """Nothing fired in any run, so nothing is proved by it."""
        return all(c.silent for c in self.comparisons)

    @property
    def exact(self) -> bool:
        return self.wrong_spikes == 0

    def to_json(self) -> dict[str, Any]:
        return {
            **self.setting.to_json(),
            "iou": self.iou,
            "wrong_spikes": self.wrong_spikes,
            "reference_spikes": sum(c.reference_spikes for c in self.comparisons),
        }


@dataclass
class LayerSearch:
    """Tries settings of one layer; keeps what several trials share: its inputs and its close decisions."""

    network: SpikingNetwork
    layer: ConvLayer
    runs: Sequence[CalibrationRun]
    target: Target
    steps: int

    def __post_init__(self) -> None:
        self.inputs: list[Frames] = [run.inputs(self.network)[self.layer.name] for run in self.runs]
        self._calls: list[tuple[Frames, list[CloseCalls]]] = []

    def cheapest(self, settings: Iterable[Coded], finest: Coded) -> list[Trial]:
        """All trials in order of cost, up to the first that keeps every spike; where none does, all of them.

        A layer that never spikes on the clips would keep them at any setting: then `finest` is tried, and taken.
        """
        trials: list[Trial] = []
        refused: QuantisationError | None = None
        for setting, code in settings:
            if setting.rounding == "calibrated" and _hopeless(setting, trials):
                continue
            try:
                trials.append(self.trial(setting, code))
            except QuantisationError as error:
                refused = error
                continue
            if trials[-1].exact:
                break
        if not trials and refused is not None:
            raise refused
        if self.runs and trials[-1].silent:
            trials.append(self.trial(*finest))
        return trials

    def trial(self, setting: LayerSetting, code: InputCode) -> Trial:
        """Quantise the layer and run it on every calibration run.

        Calibrated rounding leaves opposite channels opposite where that keeps every spike, and is free otherwise.
        """
        if setting.rounding != "calibrated" or not any(o is not None for o in opposites(self.layer)):
            return self._trial(setting, code, paired=False)
        paired = self._trial(setting, code, paired=True)
        return paired if paired.exact else min(paired, self._trial(setting, code, paired=False), key=wrong_spikes)

    def _trial(self, setting: LayerSetting, code: InputCode, paired: bool) -> Trial:
        limits = ScaleLimits(code.scale, self.target, self.steps)
        if setting.rounding == "calibrated":
            scale, weights = calibrated_weights(self.layer, setting, limits, self._decisions(code), paired)
        else:
            scale = best_scale(self.layer, setting, limits)
            weights = nearest_weights(self.layer, scale)
        conv = assemble(self.layer, scale, weights)
        pairs = zip(self.inputs, self.runs, strict=True)
        return Trial(setting, code, conv, tuple(compare_layer(conv, code, x, run) for x, run in pairs))

    def _decisions(self, code: InputCode) -> list[Decisions]:
        self._calls = self._calls or list(self._find_calls())
        return joined([decisions_at(self.layer, calls, _as_encoded(x, code)) for x, calls in self._calls])

    def _find_calls(self) -> Iterator[tuple[Frames, list[CloseCalls]]]:
        """On every input once: without fire-once there are the same decisions, and more."""
        refired = [x for x, run in zip(self.inputs, self.runs, strict=True) if not run.fire_once]
        for x, run in zip(self.inputs, self.runs, strict=True):
            if not (run.fire_once and any(x is other for other in refired)):
                yield x, close_calls(self.layer, x, run.fire_once)


def _as_encoded(inputs: Frames, code: InputCode) -> NDArray[np.float64]:
    return code.encode(inputs) / code.scale


def _hopeless(setting: LayerSetting, trials: Sequence[Trial]) -> bool:
    same = [t for t in trials if (t.setting.planes, t.setting.input_bits) == (setting.planes, setting.input_bits)]
    return any(t.iou < HOPELESS for t in same)


def chosen(trials: Sequence[Trial]) -> Trial:
    """The cheapest that keeps every spike, else the one with the fewest wrong spikes; the finest of a silent layer."""
    if trials[-1].silent:
        return trials[-1]
    return min(trials, key=wrong_spikes)


def wrong_spikes(trial: Trial) -> int:
    """Spikes missing or added by a trial."""
    return trial.wrong_spikes
