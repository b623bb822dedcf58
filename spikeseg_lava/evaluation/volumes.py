"""Volume-based counting of detections, as in IGARSS 2023, with every choice it leaves open written down.

Volumes are true or false, positive or negative; three figures are made of them. Between its labels an object is where
`ObjectPath` interpolates it.

The paper (Kirkland et al., "Neuromorphic sensing and processing for space domain awareness", IGARSS 2023), after Afshar
et al. (IEEE Sensors Journal 20, 2020), counts volumes of space and time that hold an object or do not, and reports
sensitivity, specificity and informedness. Its size of a volume and its tolerance are not given precisely enough to be
repeated; `DEFINITION` says what is done here. Figures are comparable between networks evaluated this way, not with
published ones: 0.958 was obtained on events cropped to 15 pixels around the labelled track. Here nothing is cropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeseg_lava.detection.objects import Sighting
from spikeseg_lava.events.recording import Labels
from spikeseg_lava.network.floats import Pair


@dataclass(frozen=True)
class Counts:
    """Counted volumes.

    Attributes:
        tp, fn: label volumes with and without a detection.
        fp, tn: other volumes with and without a detection.
        false_detections: detections outside every label volume.
        seconds: time looked at.
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    tn: int = 0
    false_detections: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.tp + other.tp,
            self.fn + other.fn,
            self.fp + other.fp,
            self.tn + other.tn,
            self.false_detections + other.false_detections,
            self.seconds + other.seconds,
        )

    @property
    def sensitivity(self) -> float | None:
        """TP / (TP + FN); None where nothing was labelled."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def specificity(self) -> float | None:
        """TN / (TN + FP); None where there was nothing but labels."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else None

    @property
    def informedness(self) -> float | None:
        """Sensitivity + specificity - 1: 1 is perfect, 0 is chance; None where one of them is."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return self.sensitivity + self.specificity - 1

    @property
    def false_per_minute(self) -> float | None:
        """Detections outside every label volume, per minute of recording."""
        return self.false_detections * 60 / self.seconds if self.seconds else None


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


DEFINITION = """\
Time is cut into the samples the network is run on. The whole raw stream is used: no event is cropped or filtered.
  detection       an object in one time step, at its centroid on the sensor
  label volume    one sample x all pixels within the radius of the straight lines between the labels of one object,
                  for every object whose labels span part of the sample
  other volume    one sample x one square cell of side 2 * radius + 1, without the pixels of label volumes
  TP, FN          label volumes with, without a detection within the radius
  FP, TN          other volumes with, without a detection
  sensitivity     TP / (TP + FN)
  specificity     TN / (TN + FP); cells without an object are many, so look at false detections per minute as well
  informedness    sensitivity + specificity - 1
Sums over recordings are sums of volumes. Time without labels counts as time without objects."""


def count_volumes(
    sightings: Iterable[Sighting],
    paths: Sequence[ObjectPath],
    sensor: Pair,
    starts: Iterable[int],
    duration_us: int,
    radius: float,
) -> tuple[Counts, list[bool]]:
    """Volumes of a recording, counted as `DEFINITION` says.

    Args:
        sightings: the detections, in sensor pixels.
        sensor: (height, width).
        starts: start of every sample in microseconds.
        radius: pixels of the sensor.

    Returns:
        The counts, and for every label volume (by sample, then object) whether it was detected.
    """
    found = sorted(sightings, key=lambda s: s.start_us)
    times = np.array([s.start_us for s in found], np.int64)
    points = np.array([s.centroid for s in found], float).reshape(-1, 2)
    counts, seen = Counts(), list[bool]()
    for start in starts:
        first, last = np.searchsorted(times, [start, start + duration_us])
        pieces = [piece for path in paths if (piece := path.piece(start, start + duration_us)) is not None]
        sample, hits = _count_sample(points[first:last], pieces, sensor, radius)
        counts += sample + Counts(seconds=duration_us / 1e6)
        seen += hits
    return counts, seen


def _count_sample(
    points: NDArray[np.float64], pieces: Sequence[NDArray[np.float64]], sensor: Pair, radius: float
) -> tuple[Counts, list[bool]]:
    near = np.zeros((len(pieces), len(points)), bool)
    for k, piece in enumerate(pieces):
        near[k] = distance_to(piece, points[:, 0], points[:, 1]) <= radius
    seen: list[bool] = np.any(near, axis=1).tolist()
    false = points[~np.any(near, axis=0)]
    side = 2 * round(radius) + 1
    negative = _cells_beside(pieces, sensor, radius, side)
    row, column = (np.clip(np.rint(false[:, k]), 0, sensor[1 - k] - 1).astype(int) // side for k in (1, 0))
    alarmed = np.zeros_like(negative)
    alarmed[row, column] = True
    fp = int(alarmed.sum())
    counts = Counts(sum(seen), len(seen) - sum(seen), fp, int((negative & ~alarmed).sum()), len(false))
    return counts, seen


def _cells_beside(pieces: Sequence[NDArray[np.float64]], sensor: Pair, radius: float, side: int) -> NDArray[np.bool_]:
    """Bool[rows, columns] of the cells of which a pixel lies outside every label volume."""
    y, x = np.indices(sensor)
    outside = np.ones(sensor, bool)
    for piece in pieces:
        outside &= distance_to(piece, x, y) > radius
    rows, columns = (-(-n // side) for n in sensor)
    padded = np.zeros((rows * side, columns * side), bool)
    padded[: sensor[0], : sensor[1]] = outside
    return np.any(padded.reshape(rows, side, columns, side), axis=(1, 3))
