"""Sightings linked into objects over time: the nearest box of the recent past, one sighting a step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from spikeseg_lava.detection.geometry import gap, iou
from spikeseg_lava.detection.objects import DetectedObject, Sighting, together


@dataclass
class Linker:
    """Takes sightings in order of time, step by step.

    A sighting continues an object of its class that was last seen at most `max_gap_us` before and whose last box is at
    most `reach` pixels away; the pair with the largest box IoU, then the nearest centroids, is linked first. What is
    left over near an object that went on in this step is a part of it and joins its sighting; anything else begins an
    object.
    """

    reach: float
    max_gap_us: int
    tracks: list[list[Sighting]] = field(default_factory=list)
    recent: list[int] = field(default_factory=list)

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Link sightings none of which begins before those added earlier."""
        for start, step in itertools.groupby(sightings, key=lambda s: s.start_us):
            self.recent = [k for k in self.recent if start - self.tracks[k][-1].end_us <= self.max_gap_us]
            self._add_step(list(step))

    def _add_step(self, sightings: list[Sighting]) -> None:
        pairs = sorted(self._pairs(sightings))
        left = set(range(len(sightings)))
        went_on: set[int] = set()
        for _, k, n in pairs:
            if n in left and k not in went_on:
                self.tracks[k].append(sightings[n])
                went_on.add(k)
                left.remove(n)
        for _, k, n in pairs:
            if n in left and k in went_on:
                self.tracks[k][-1] = together(self.tracks[k][-1], sightings[n])
                left.remove(n)
        for n in sorted(left):
            self.recent.append(len(self.tracks))
            self.tracks.append([sightings[n]])

    def _pairs(self, sightings: list[Sighting]) -> Iterable[tuple[tuple[float, float], int, int]]:
        """(cost, track, sighting) of all that could be linked."""
        for k, n in itertools.product(self.recent, range(len(sightings))):
            last, new = self.tracks[k][-1], sightings[n]
            if last.class_id == new.class_id and gap(last.box, new.box) <= self.reach:
                distance = float(np.hypot(*np.subtract(last.centroid, new.centroid)))
                yield (-iou(last.box, new.box), distance), k, n

    def objects(self, min_spikes: int = 1) -> list[DetectedObject]:
        """The objects of at least `min_spikes` spikes, numbered from 1 in order of appearance."""
        kept = [track for track in self.tracks if sum(s.spikes for s in track) >= min_spikes]
        return [DetectedObject(i, tuple(track)) for i, track in enumerate(kept, 1)]
