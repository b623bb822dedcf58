"""Integers beside the floats they stand for.

What a model remembers of its making: settings tried, what was chosen, and why; plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.bounds import layer_ranges
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.quantization.calibration import CalibrationRun, Evidence, Judgement, ranges_on
from spikeseg_lava.quantization.search import Choice


@dataclass(frozen=True, eq=False)
class Trace:
    """All integers of one kind in a layer; arrays of one shape, [O, I, kh, kw] of weights, else [O].

    Attributes:
        kind: "weight", "threshold", "leak" or "decay".
        source: the float.
        scale: integer units per unit of the float.
        integer: what the model holds; of weights `sum of w_p << e_p` over the planes.
        cut: where a weight was cut to the level at which one spike fires the neuron alone (see `firing_level`).
        planes: of weights, the signed byte of every plane and its exponent.
    """

    kind: str
    source: NDArray[np.float64]
    scale: NDArray[np.float64]
    integer: NDArray[np.int64]
    cut: NDArray[np.bool_]
    planes: tuple[tuple[NDArray[np.int8], int], ...] = ()

    @property
    def represented(self) -> NDArray[np.float64]:
        """The float the integer says: `integer / scale`; of a decay, beta = 1 - D / 4096."""
        return 1 - self.integer / self.scale if self.kind == "decay" else self.integer / self.scale

    @property
    def error(self) -> NDArray[np.float64]:
        """`represented - source`, in float units."""
        return self.represented - self.source

    @property
    def largest_error(self) -> float:
        """Of the values that were not cut."""
        return float(np.abs(self.error[~self.cut]).max(initial=0))

    @property
    def rms_error(self) -> float:
        """Root mean square over the values that were not cut."""
        kept = self.error[~self.cut]
        return float(np.sqrt(np.mean(np.square(kept)))) if kept.size else 0.0

    @property
    def number_cut(self) -> int:
        return int(self.cut.sum())

    def summary(self) -> dict[str, Any]:
        """Plain numbers on all values together."""
        return {
            "kind": self.kind,
            "values": int(self.integer.size),
            "cut": self.number_cut,
            "smallest_integer": int(self.integer.min()),
            "largest_integer": int(self.integer.max()),
            "largest_error": self.largest_error,
            "rms_error": self.rms_error,
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """One plain row a value: index, float, scale, integer, represented, error, cut, bytes and exponents."""
        represented, error = self.represented, self.error
        for index in np.ndindex(self.integer.shape):
            row = {
                "kind": self.kind,
                "index": " ".join(map(str, index)),
                "float": float(self.source[index]),
                "scale": float(self.scale[index]),
                "integer": int(self.integer[index]),
                "represented": float(represented[index]),
                "error": float(error[index]),
                "cut": bool(self.cut[index]),
            }
            yield row | {"planes": " + ".join(f"{int(w[index])} << {e}" for w, e in self.planes)}


def provenance_of(
    network: SpikingNetwork,
    model: FixedPointModel,
    evidence: Evidence,
    choices: Mapping[str, Choice],
    judged: Judgement,
) -> dict[str, Any]:
    """`network`: where the floats came from; `quantization`: clips, trials, choices, and IoU of the whole network.

    `ranges` are the static ones of each layer, beside those observed on each run on the user's clips.
    """
    code = model.input
    runs = evidence.given
    ranges = [ranges_on(model, run.frames, run.fire_once) for run in runs] or [layer_ranges(model)]
    return {
        "network": dict(network.provenance),
        "quantization": {
            "calibration": [_run(run) for run in runs],
            "unseen": [_run(run) for run in evidence.unseen],
            "input": {"bits": code.bits, "scale": code.scale, "largest_value": code.largest / code.scale},
            "ranges": [[asdict(layer) for layer in one.values()] for one in ranges],
            "iou": {"fitted": judged.fitted, "unseen": judged.unseen},
            "layers": {name: _layer(choice, judged, name) for name, choice in choices.items()},
        },
    }


def _run(run: CalibrationRun) -> dict[str, Any]:
    steps, *shape = run.frames.shape
    return {"steps": steps, "shape": shape, "fire_once": run.fire_once, "spikes": run.record.counts}


def _layer(choice: Choice, judged: Judgement, name: str) -> dict[str, Any]:
    return {
        "chosen": choice.trial.to_json(),
        "reason": choice.reason,
        "tried": [trial.to_json() for trial in choice.trials],
        "fitted_iou": judged.fitted.get(name),
        "unseen_iou": judged.unseen.get(name),
    }
