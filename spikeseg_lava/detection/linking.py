"""Sightings linked into objects over time: the nearest box of the recent past, one sighting a step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.detection.objects import DetectedObject, Sighting, gap, iou, together


@dataclass
class Linker:
    """Takes sightings in order of time, step by step.

    A sighting continues an object of its class that was last seen at most `max_gap_us` before and whose last box is at
    most `max_distance` pixels away; the pair with the largest box IoU, then the nearest centroids, is linked first.
    What is left over near an object that went on in this step is a part of it and joins its sighting; anything else
    begins an object. Boxes and centroids are those of the masks.

    Attributes:
        tracks: the sightings of every object so far, by the number of its first sighting; those given out are gone.
        recent: numbers of the tracks that may still go on, rising.
    """

    max_distance: float
    max_gap_us: int
    tracks: dict[int, list[Sighting]] = field(default_factory=dict)
    recent: list[int] = field(default_factory=list)
    begun: int = 0
    given: int = 0

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Link sightings none of which begins before those added earlier."""
        for start, step in itertools.groupby(sightings, key=lambda s: s.start_us):
            self.recent = [k for k in self.recent if start - self.tracks[k][-1].end_us <= self.max_gap_us]
            self._add_step(list(step))

    def finished(self, min_spikes: int = 1, all_of_them: bool = False) -> Iterator[DetectedObject]:
        """The objects of at least `min_spikes` spikes that nothing can be added to, numbered in order of appearance.

        One that is finished waits for those that appeared before it. `all_of_them`: no more sightings will come.
        """
        ends = len(self.tracks) if all_of_them else None
        waiting = set() if ends is not None else set(self.recent)
        for k in sorted(self.tracks):
            if k in waiting:
                return
            track = self.tracks.pop(k)
            if sum(s.spikes for s in track) >= min_spikes:
                self.given += 1
                yield DetectedObject(self.given, tuple(track))

    def _add_step(self, sightings: list[Sighting]) -> None:
        pairs = self._pairs(sightings)
        left = set(range(len(sightings)))
        went_on: set[int] = set()
        for k, n in pairs:
            if n in left and k not in went_on:
                self.tracks[k].append(sightings[n])
                went_on.add(k)
                left.remove(n)
        for k, n in pairs:
            if n in left and k in went_on:
                self.tracks[k][-1] = together(self.tracks[k][-1], sightings[n])
                left.remove(n)
        for n in sorted(left):
            self.recent.append(self.begun)
            self.tracks[self.begun] = [sightings[n]]
            self.begun += 1

    def _pairs(self, sightings: list[Sighting]) -> list[tuple[int, int]]:
        """(track, sighting) of all that could be linked, the best first."""
        if not self.recent or not sightings:
            return []
        last, new = _columns([self.tracks[k][-1] for k in self.recent]), _columns(sightings)
        tracks, found, overlap, distance = near_pairs(*last, *new, self.max_distance)
        order = np.lexsort((found, tracks, distance, -overlap))
        return [(self.recent[k], n) for k, n in zip(tracks[order].tolist(), found[order].tolist(), strict=True)]


Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _columns(sightings: list[Sighting]) -> Columns:
    """Classes Int64[N], boxes Int64[N, 4] and centroids Float64[N, 2]."""
    classes = np.array([s.class_id for s in sightings])
    boxes, centroids = zip(*(s.extent for s in sightings), strict=True)
    return classes, np.array(boxes), np.array(centroids, float)


@compiled
def near_pairs(classes, boxes, centroids, new_classes, new_boxes, new_centroids, max_distance):
    """All pairs of one class at most `max_distance` pixels apart: their numbers, box IoU and centroid distance."""
    most = len(classes) * len(new_classes)
    tracks, found = np.empty(most, np.int64), np.empty(most, np.int64)
    overlap, distance, count = np.empty(most), np.empty(most), 0
    for k in range(len(classes)):
        for n in range(len(new_classes)):
            if classes[k] == new_classes[n] and gap(boxes[k], new_boxes[n]) <= max_distance:
                tracks[count], found[count] = k, n
                overlap[count] = iou(boxes[k], new_boxes[n])
                x, y = centroids[k, 0] - new_centroids[n, 0], centroids[k, 1] - new_centroids[n, 1]
                distance[count] = math.hypot(x, y)
                count += 1
    return tracks[:count].copy(), found[:count].copy(), overlap[:count].copy(), distance[:count].copy()
