"""One classification spike, traced back: the pixels that caused it and a hash of the features it went through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import Pair

Box = tuple[int, int, int, int]
NO_BOX: Box = (-1, -1, -1, -1)


@dataclass(frozen=True, eq=False)
class Instance:
    """What HULK makes of one classification spike. The mask is kept within its box, so thousands fit in memory.

    Attributes:
        t, class_id, y, x: the spike: step from 0, channel, row and column of the last layer.
        box: (x0, y0, x1, y1) of the mask in pixels of the frame, both ends included; four times -1 for an empty mask.
        patch: Bool[y1 - y0 + 1, x1 - x0 + 1], the mask within the box; Bool[0, 0] for an empty mask.
        size: (height, width) of the frame.
        features: Bool[F], column `t` of the hash; all False for an empty mask.
        timesteps: steps of the sample.
    """

    t: int
    class_id: int
    y: int
    x: int
    box: Box
    patch: NDArray[np.bool_]
    size: Pair
    features: NDArray[np.bool_]
    timesteps: int

    @property
    def empty(self) -> bool:
        """True where no pixel is left of the spike."""
        return self.box == NO_BOX

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Bool[H, W]: the pixels that contributed to the spike."""
        mask = np.zeros(self.size, bool)
        if not self.empty:
            x0, y0, x1, y1 = self.box
            mask[y0 : y1 + 1, x0 : x1 + 1] = self.patch
        return mask

    @property
    def ash(self) -> NDArray[np.bool_]:
        """Bool[F, T], the active spike hash: features of every layer (conv1, conv2, ..., classes) by step."""
        ash = np.zeros((len(self.features), self.timesteps), bool)
        ash[:, self.t] = self.features
        return ash

    @property
    def centroid(self) -> tuple[float, float]:
        """(x, y) of the mean of the mask's pixels; NaN for an empty mask."""
        if self.empty:
            return float("nan"), float("nan")
        y, x = np.nonzero(self.patch)
        return float(x.mean()) + self.box[0], float(y.mean()) + self.box[1]


def cut_out(mask: NDArray[np.bool_], top: int, left: int) -> tuple[Box, NDArray[np.bool_]]:
    """Box of a mask whose first pixel is (`top`, `left`) of the frame, and the part of the mask within it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return NO_BOX, np.zeros((0, 0), bool)
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    return (x0 + left, y0 + top, x1 + left, y1 + top), mask[y0 : y1 + 1, x0 : x1 + 1].copy()
