"""One classification spike, traced back: the pixels that caused it and a hash of the features it went through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.network.floats import Pair

Box = tuple[int, int, int, int]
NO_BOX: Box = (-1, -1, -1, -1)


@dataclass(frozen=True, eq=False)
class Instance:
    """What HULK makes of one classification spike.

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


@dataclass(frozen=True, eq=False)
class Instances(Sequence[Instance]):
    """The instances of a sample as columns; an `Instance` is made when one is asked for.

    Masks are kept within their boxes, one behind the other, so thousands of them fit in memory.

    Attributes:
        spikes: Int32[N, 4] of (t, c, y, x).
        boxes: Int32[N, 4], see `Instance`.
        features: Bool[N, F].
        ends: Int64[N + 1]; the patch of instance n is `pixels[ends[n]:ends[n + 1]]`, row by row.
        pixels: Bool[P].
        size: (height, width) of the frame.
        timesteps: steps of the sample.
    """

    spikes: NDArray[np.int32]
    boxes: NDArray[np.int32]
    features: NDArray[np.bool_]
    ends: NDArray[np.int64]
    pixels: NDArray[np.bool_]
    size: Pair
    timesteps: int

    def __len__(self) -> int:
        return len(self.spikes)

    @overload
    def __getitem__(self, index: int) -> Instance: ...
    @overload
    def __getitem__(self, index: slice) -> list[Instance]: ...
    def __getitem__(self, index: int | slice) -> Instance | list[Instance]:
        if isinstance(index, slice):
            return [self._instance(n) for n in range(*index.indices(len(self)))]
        return self._instance(range(len(self))[index])

    def __iter__(self) -> Iterator[Instance]:
        return map(self._instance, range(len(self)))

    @property
    def empty(self) -> NDArray[np.bool_]:
        """Bool[N]: where no pixel is left of the spike."""
        return self.boxes[:, 0] < 0

    @cached_property
    def centroids(self) -> NDArray[np.float64]:
        """Float64[N, 2] of (x, y): the mean of the pixels of each mask; NaN for an empty one."""
        return _centroids(self.boxes, self.ends, self.pixels)

    def _instance(self, n: int) -> Instance:
        t, class_id, y, x = self.spikes[n].tolist()
        x0, y0, x1, y1 = box = tuple(self.boxes[n].tolist())
        shape = (0, 0) if box == NO_BOX else (y1 - y0 + 1, x1 - x0 + 1)
        patch = self.pixels[self.ends[n] : self.ends[n + 1]].reshape(shape)
        return Instance(t, class_id, y, x, (x0, y0, x1, y1), patch, self.size, self.features[n], self.timesteps)


@compiled
def _centroids(boxes, ends, pixels):
    """Float64[N, 2] of (x, y)."""
    centroids = np.empty((len(boxes), 2), np.float64)
    for n in range(len(boxes)):
        width, count, sum_x, sum_y = np.int64(boxes[n, 2] - boxes[n, 0] + 1), 0, 0, 0
        for k in range(ends[n + 1] - ends[n]):
            if pixels[ends[n] + k]:
                y = k // width
                count, sum_x, sum_y = count + 1, sum_x + k - y * width, sum_y + y
        centroids[n, 0] = sum_x / count + boxes[n, 0] if count else np.nan
        centroids[n, 1] = sum_y / count + boxes[n, 1] if count else np.nan
    return centroids
