"""Object-level scores: which true objects were found, which found objects are true, how exactly, how many are false.

Counting volumes (`spikeseg_lava.evaluation.volumes`) forgives a detector that breaks one satellite into five objects;
counting objects does not. Both are shown, because both questions matter to a user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spikeseg_lava.decoding.instance import Box
from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.evaluation.volumes import ObjectPath, distance_to

OBJECT_DEFINITION = """\
  on the path       the median distance of a found object's centroids to the path of a true object, each within its own
                    time step, is at most the radius; a step in which the true object was not there is infinitely far
  found             true objects with a found object on their path, matched one to one so that the distances are least
  fragments         further found objects on a path that is matched already; they count against the precision
  false             found objects on no path
  precision         found / (found + fragments + false)
  recall            found / true objects
  F1                2 precision recall / (precision + recall)
  false per hour    false objects in recordings without any true object, per hour of recording
  centroid error    median distance in pixels of the matched objects' centroids from the path
  box overlap       median IoU of the matched objects' boxes and the box around the path in the same time step, grown by
                    2 pixels on every side, the blur of a point of light"""
BLUR = 2.0  # pixels a true box is grown by


@dataclass(frozen=True)
class ObjectScores:
    """Counts of objects, to be summed over recordings; `OBJECT_DEFINITION` says what each one means.

    Attributes:
        true, found, fragments, false: numbers of objects.
        empty_false, empty_seconds: false objects in recordings without a true object, and how long those were.
        errors: distance of every sighting of a matched object from its path, pixels.
        overlaps: IoU of its box and the true one.
    """

    true: int = 0
    found: int = 0
    fragments: int = 0
    false: int = 0
    empty_false: int = 0
    empty_seconds: float = 0.0
    errors: tuple[float, ...] = ()
    overlaps: tuple[float, ...] = ()

    def __add__(self, other: ObjectScores) -> ObjectScores:
        return ObjectScores(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def precision(self) -> float | None:
        """None where nothing was found."""
        claimed = self.found + self.fragments + self.false
        return self.found / claimed if claimed else None

    @property
    def recall(self) -> float | None:
        """None where there was nothing to find."""
        return self.found / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """None where there was nothing to find; 0 where nothing true was found."""
        if self.recall is None:
            return None
        return 2 * self.found / (self.true + self.found + self.fragments + self.false)

    @property
    def false_per_hour(self) -> float | None:
        """None where no recording was empty."""
        return self.empty_false * 3600 / self.empty_seconds if self.empty_seconds else None

    @property
    def centroid_error(self) -> float | None:
        """None where nothing was found."""
        return float(np.median(self.errors)) if self.errors else None

    @property
    def box_overlap(self) -> float | None:
        """None where nothing was found."""
        return float(np.median(self.overlaps)) if self.overlaps else None


def score_objects(
    objects: Sequence[DetectedObject], paths: Sequence[ObjectPath], radius: float, seconds: float
) -> tuple[ObjectScores, list[bool]]:
    """Scores of one recording of `seconds`, and for each path whether it was found."""
    if not paths:
        return ObjectScores(false=len(objects), empty_false=len(objects), empty_seconds=seconds), []
    distances = [[_distances(found, path) for path in paths] for found in objects]
    medians = np.array([[float(np.median(d)) for d in row] for row in distances], np.float64)
    medians = medians.reshape(len(objects), len(paths))
    pairs = _matched(medians, radius)
    on_a_path = int((medians <= radius).any(axis=1).sum())
    errors = tuple(float(d) for k, j in pairs for d in distances[k][j] if np.isfinite(d))
    overlaps = tuple(o for k, j in pairs for o in _overlaps(objects[k], paths[j]))
    seen = {j for _, j in pairs}
    scores = ObjectScores(
        len(paths), len(pairs), on_a_path - len(pairs), len(objects) - on_a_path, 0, 0.0, errors, overlaps
    )
    return scores, [j in seen for j in range(len(paths))]


def total(scores: Iterable[ObjectScores]) -> ObjectScores:
    """The sum of the scores of several recordings."""
    return sum(scores, start=ObjectScores())


def _distances(found: DetectedObject, path: ObjectPath) -> NDArray[np.float64]:
    """Float64[S]: pixels of every sighting from where the path was in its time step; infinite where it was not."""
    pieces = [path.piece(s.start_us, s.end_us) for s in found.sightings]
    return np.array(
        [
            np.inf if corners is None else _distance(corners, s.centroid)
            for corners, s in zip(pieces, found.sightings, strict=True)
        ]
    )


def _overlaps(found: DetectedObject, path: ObjectPath) -> list[float]:
    """IoU of every sighting's box with the true one, where the path was there in its time step."""
    pieces = ((path.piece(s.start_us, s.end_us), s.box) for s in found.sightings)
    return [_box_iou(corners, box) for corners, box in pieces if corners is not None]


def _box_iou(corners: NDArray[np.float64], box: Box) -> float:
    """IoU of a box of pixels, both ends included, and the one around `corners`, grown by the blur."""
    low, high = corners.min(axis=0) - BLUR - 0.5, corners.max(axis=0) + BLUR + 0.5
    first, last = np.array(box[:2]) - 0.5, np.array(box[2:]) + 0.5
    common = float(np.prod(np.maximum(np.minimum(high, last) - np.maximum(low, first), 0)))
    return common / (float(np.prod(high - low)) + float(np.prod(last - first)) - common)


def _distance(corners: NDArray[np.float64], point: tuple[float, float]) -> float:
    return float(distance_to(corners, *point))


def _matched(medians: NDArray[np.float64], radius: float) -> list[tuple[int, int]]:
    """Pairs (object, path), one to one, as many as possible and of least distance among those (Hungarian method)."""
    far = 1e6 * max(radius, 1.0)  # dearer than any number of true pairs
    rows, columns = linear_sum_assignment(np.asarray(np.where(medians <= radius, medians, far), np.float64))
    return [(int(k), int(j)) for k, j in zip(rows, columns, strict=True) if medians[k, j] <= radius]
