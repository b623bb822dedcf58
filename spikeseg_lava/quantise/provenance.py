"""What a model remembers of its making: settings tried, what was chosen, and why; plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.network import SpikingNetwork
from spikeseg_lava.quantise.calibration import CalibrationRun
from spikeseg_lava.quantise.ranges import analyse_ranges
from spikeseg_lava.quantise.search import Trial, chosen


def provenance_of(
    network: SpikingNetwork,
    model: FixedPointModel,
    runs: Sequence[CalibrationRun],
    trials: Mapping[str, Sequence[Trial]],
) -> dict[str, Any]:
    """`network`: where the floats came from; `quantisation`: calibration clips; per layer trials, choice and reason.

    `ranges` are the static ones of each layer, beside those observed on each calibration run.
    """
    code = model.input
    ranges = [analyse_ranges(model, run.frames, fire_once=run.fire_once) for run in runs] or [analyse_ranges(model)]
    return {
        "network": dict(network.provenance),
        "quantisation": {
            "calibration": [_run(run) for run in runs],
            "input": {"bits": code.bits, "scale": code.scale, "largest_value": code.largest / code.scale},
            "ranges": [[asdict(layer) for layer in one] for one in ranges],
            "layers": {name: _layer(tried, bool(runs)) for name, tried in trials.items()},
        },
    }


def _run(run: CalibrationRun) -> dict[str, Any]:
    steps, *shape = run.frames.shape
    return {"steps": steps, "shape": shape, "fire_once": run.fire_once, "spikes": run.record.counts}


def _layer(trials: Sequence[Trial], calibrated: bool) -> dict[str, Any]:
    best = chosen(trials)
    told = best.to_json() if calibrated else best.setting.to_json()
    return {
        "chosen": told,
        "reason": reason(trials, calibrated),
        "tried": [t.to_json() for t in trials] if calibrated else [],
    }


def reason(trials: Sequence[Trial], calibrated: bool) -> str:
    """One sentence on why this setting was taken."""
    best = chosen(trials)
    if not calibrated:
        return "no calibration clip: the finest setting allowed"
    reference = sum(c.reference_spikes for c in best.comparisons)
    if best.silent:
        return "the layer never spiked on the calibration clips, which proves nothing: the finest setting allowed"
    if best.exact:
        return f"the cheapest of {len(trials)} tried that keeps all {reference} spikes of the calibration clips"
    return (
        f"none of {len(trials)} settings keeps all {reference} spikes of the calibration clips; this one has the "
        f"fewest wrong ones, {best.wrong_spikes}"
    )
