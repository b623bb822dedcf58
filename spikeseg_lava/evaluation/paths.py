"""Where each labelled object was at any time between its labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeseg_lava.recording import Labels


@dataclass(frozen=True, eq=False)
class ObjectPath:
    """One object: straight lines between its labels, in order of time; before and after them it is not there.

    Attributes:
        id: of the label file.
        t: Int64[N], microseconds, rising.
        xy: Float64[N, 2], pixels of the sensor.
    """

    id: int
    t: NDArray[np.int64]
    xy: NDArray[np.float64]

    def piece(self, begin: int, end: int) -> NDArray[np.float64] | None:
        """Float64[M, 2]: corners of the path within `begin <= t < end`; None where the object was not there."""
        first, last = max(begin, int(self.t[0])), min(end - 1, int(self.t[-1]))
        if first > last:
            return None
        inside = self.t[(self.t > first) & (self.t < last)]
        times = np.concatenate([[first], inside, [last]])
        return np.stack([np.interp(times, self.t, self.xy[:, axis]) for axis in (0, 1)], axis=1)


def paths_of(labels: Labels) -> list[ObjectPath]:
    """The path of every object id, in order of the ids."""
    paths = []
    for number in np.unique(labels.id):
        rows = np.flatnonzero(labels.id == number)
        rows = rows[np.argsort(labels.t[rows], kind="stable")]
        xy = np.stack([labels.x[rows], labels.y[rows]], axis=1).astype(np.float64)
        paths.append(ObjectPath(int(number), labels.t[rows], xy))
    return paths


def distance_to(corners: NDArray[np.float64], x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Pixels from points (x, y) to the line through `corners` (M, 2); shape of x and y."""
    points = np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)), axis=-1)
    nearest = np.full(points.shape[:-1], np.inf)
    for begin, end in pairwise(corners):
        line = end - begin
        along = np.clip((points - begin) @ line / max(float(line @ line), 1e-12), 0, 1)
        np.minimum(nearest, np.linalg.norm(points - begin - along[..., None] * line, axis=-1), out=nearest)
    return nearest
