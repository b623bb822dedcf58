"""Volume-based counting of detections, as in IGARSS 2023, with every choice it leaves open written down.

The paper (Kirkland et al., "Neuromorphic sensing and processing for space domain awareness", IGARSS 2023), after Afshar
et al. (IEEE Sensors Journal 20, 2020), counts volumes of space and time that hold an object or do not, and reports
sensitivity, specificity and informedness. Its size of a volume and its tolerance are not given precisely enough to be
repeated; `DEFINITION` says what is done here. Figures are comparable between networks evaluated this way, not with
published ones: 0.958 was obtained on events cropped to 15 pixels around the labelled track. Here nothing is cropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection import Sighting
from spikeseg_lava.evaluation.counts import Counts
from spikeseg_lava.evaluation.paths import ObjectPath, distance_to
from spikeseg_lava.network import Pair

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
