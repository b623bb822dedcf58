"""Fidelity on clips that took no part in choosing the integers: quantized on one clip each, run on all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.execution.backends import run
from spikeseg_lava.network.floats import SpikingNetwork
from spikeseg_lava.quantization.quantize import quantize
from spikeseg_lava.spikes.comparison import compare

Frames = NDArray[np.float32]
NO_CLIP = "no clip"


@dataclass(frozen=True)
class UnseenCell:
    """Spike IoU of one layer: integers chosen on `calibration`, run on `clip`; None where nothing fired.

    Attributes:
        seen: the clip is the one the integers were chosen on, and proves nothing about others.
    """

    calibration: str
    clip: str
    layer: str
    fire_once: bool
    seen: bool
    reference_spikes: int
    iou: float | None


@dataclass(frozen=True)
class UnseenMatrix:
    """All cells; `summary` and `worst` leave out those whose clip was seen."""

    cells: tuple[UnseenCell, ...]

    @property
    def unseen(self) -> list[UnseenCell]:
        return [cell for cell in self.cells if not cell.seen and cell.iou is not None]

    @property
    def worst(self) -> float | None:
        return min((cell.iou for cell in self.unseen if cell.iou is not None), default=None)

    @property
    def mean(self) -> float | None:
        return _mean(self.unseen)

    def summary(self) -> list[tuple[str, str, float | None, float | None, int]]:
        """Rows (calibration, layer, worst, mean, cells) over all clips not seen."""
        keys = dict.fromkeys((cell.calibration, cell.layer) for cell in self.cells)
        return [(*key, *_worst_and_mean(self._of(*key))) for key in keys]

    def worst_by_clip(self) -> dict[tuple[str, str], float | None]:
        """(calibration, clip) -> worst IoU over layers and modes; None for the clip seen, and where nothing fired."""
        found: dict[tuple[str, str], float | None] = {(c.calibration, c.clip): None for c in self.cells}
        for cell in self.unseen:
            key, iou = (cell.calibration, cell.clip), cell.iou
            found[key] = iou if found[key] is None else min(found[key] or 0.0, iou or 0.0)
        return found

    def to_json(self) -> dict[str, Any]:
        return {"worst": self.worst, "mean": self.mean, "cells": [vars(cell) for cell in self.cells]}

    def _of(self, calibration: str, layer: str) -> list[UnseenCell]:
        return [cell for cell in self.unseen if (cell.calibration, cell.layer) == (calibration, layer)]


def unseen_matrix(
    network: SpikingNetwork,
    calibrations: Mapping[str, Frames | None],
    clips: Mapping[str, Frames],
    backend: str = "event",
    **options: Any,
) -> UnseenMatrix:
    """Quantize on every calibration alone, and compare with the float network on every clip, in both modes.

    Args:
        calibrations: name -> frames Float[T, C, H, W], or None for no clip.
        clips: name -> frames; one of the name of a calibration is the same clip.
        backend: of the integers.
        options: of `quantize`.
    """
    if not calibrations or not clips:
        raise ArgumentError("`calibrations` and `clips` must hold at least one entry each")
    models = {name: quantize(network, calibration=frames, **options) for name, frames in calibrations.items()}
    names = [layer.name for layer in network.convolutions]
    cells: list[UnseenCell] = []
    for clip, frames in clips.items():
        for fire_once in (True, False):
            floats = run(network, frames, "torch", fire_once)
            for calibration, model in models.items():
                found = compare(floats, run(model, frames, backend, fire_once), names)
                place, seen = (calibration, clip), calibration == clip
                cells += [UnseenCell(*place, x.name, fire_once, seen, x.reference_spikes, x.iou) for x in found.layers]
    return UnseenMatrix(tuple(cells))


def _worst_and_mean(cells: list[UnseenCell]) -> tuple[float | None, float | None, int]:
    ious = [cell.iou for cell in cells if cell.iou is not None]
    return min(ious, default=None), _mean(cells), len(ious)


def _mean(cells: list[UnseenCell]) -> float | None:
    ious = [cell.iou for cell in cells if cell.iou is not None]
    return float(np.mean(ious)) if ious else None
