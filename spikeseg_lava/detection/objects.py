"""Boxes: on the sensor instead of in the frame, their overlap and their distance. Ends are included.

A detected object, and each time it was seen.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.instance import Box
from spikeseg_lava.events.frames import rescaled
from spikeseg_lava.network.floats import Pair


def box_on_sensor(box: Box, frame: Pair, sensor: Pair) -> Box:
    """The sensor pixels that fall into a box (x0, y0, x1, y1) of the frame; sizes are (height, width).

    Inverse of `round(x * (W - 1) / (w - 1))`. Where the frame is finer than the sensor and no pixel falls into the
    box, the nearest one.
    """
    x0, x1 = _span(box[0], box[2], frame[1], sensor[1])
    y0, y1 = _span(box[1], box[3], frame[0], sensor[0])
    return x0, y0, x1, y1


def point_on_sensor(point: Sequence[float], frame: Pair, sensor: Pair) -> tuple[float, float]:
    """(x, y) on the sensor of a point of the frame: `x * (w - 1) / (W - 1)`."""
    x, y = (
        float(p) * (new - 1) / max(old - 1, 1) for p, old, new in zip(point, frame[::-1], sensor[::-1], strict=True)
    )
    return x, y


def _span(first: int, last: int, frame: int, sensor: int) -> tuple[int, int]:
    columns = _columns(sensor, frame)
    low = int(np.searchsorted(columns, first, "left"))
    high = int(np.searchsorted(columns, last, "right")) - 1
    if low <= high:
        return low, high
    nearest = round((first + last) / 2 * (sensor - 1) / max(frame - 1, 1))
    return nearest, nearest


@functools.lru_cache(maxsize=16)
def _columns(sensor: int, frame: int) -> NDArray[np.int64]:
    """Int64[sensor]: the column of the frame that each of the sensor falls into."""
    return rescaled(sensor, frame)


def hull(boxes: Sequence[Box]) -> Box:
    """The smallest box around all `boxes`."""
    corners = np.array(boxes)
    x0, y0 = corners[:, :2].min(axis=0)
    x1, y1 = corners[:, 2:].max(axis=0)
    return int(x0), int(y0), int(x1), int(y1)


@compiled
def iou(a, b):
    """Shared pixels over all pixels of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return shared / (areas - shared)


@compiled
def gap(a, b):
    """Pixels between two boxes along a straight line; 0 where they touch or overlap."""
    across, down = max(a[0], b[0]) - min(a[2], b[2]) - 1, max(a[1], b[1]) - min(a[3], b[3]) - 1
    return math.hypot(max(across, 0), max(down, 0))


DEFINITIONS = {
    "box": "smallest box around the events under the masks of the object, in sensor pixels from 0, both ends included; "
    "an event counts that has others near it in its time step; where there is none, or asked for: around the masks",
    "centroid": "mean of these events in each time step, weighted by classification spikes, in sensor pixels; or of "
    "the masks' centroids",
    "time span": "from the start of the first time step in which it was seen to the end of the last, microseconds",
    "spikes": "classification spikes whose mask is not empty",
    "velocity": "straight-line fit of the centroid over the time steps, pixels per second; none for a single step",
    "confidence": "n / (n + 1) for n time steps in which it was seen, times the share of the steps between its first "
    "and last step in which it was seen; not a probability",
}


@dataclass(frozen=True)
class Sighting:
    """An object in one time step, in sensor coordinates.

    Attributes:
        start_us, end_us: the time step on the recording's clock, end excluded.
        class_id: map of the last layer.
        box: (x0, y0, x1, y1) in pixels, both ends included.
        centroid: (x, y) in pixels.
        spikes: classification spikes.
        mask_box, mask_centroid: those of the masks, where `box` and `centroid` are those of the events under them.
            They are what sightings are linked by, since the masks of neighbouring steps overlap.
    """

    start_us: int
    end_us: int
    class_id: int
    box: Box
    centroid: tuple[float, float]
    spikes: int
    mask_box: Box | None = None
    mask_centroid: tuple[float, float] | None = None

    @property
    def extent(self) -> tuple[Box, tuple[float, float]]:
        """Box and centroid of the masks, as far as they are known: what it is linked by."""
        return self.mask_box or self.box, self.mask_centroid or self.centroid


def together(a: Sighting, b: Sighting) -> Sighting:
    """One sighting of what was seen in two parts in one time step."""
    spikes = a.spikes + b.spikes
    masks = {}
    if a.mask_box and b.mask_box and a.mask_centroid and b.mask_centroid:
        masks["mask_box"] = hull([a.mask_box, b.mask_box])
        masks["mask_centroid"] = _mean(a.mask_centroid, a.spikes, b.mask_centroid, b.spikes)
    centroid = _mean(a.centroid, a.spikes, b.centroid, b.spikes)
    return replace(a, box=hull([a.box, b.box]), centroid=centroid, spikes=spikes, **masks)


def _mean(p: tuple[float, float], of_p: int, q: tuple[float, float], of_q: int) -> tuple[float, float]:
    x, y = ((u * of_p + v * of_q) / (of_p + of_q) for u, v in zip(p, q, strict=True))
    return x, y


@dataclass(frozen=True)
class DetectedObject:
    """An object over time; its figures are explained in `DEFINITIONS`.

    Attributes:
        id: counted from 1 in order of appearance.
        sightings: one a time step, in order of time.
    """

    id: int
    sightings: tuple[Sighting, ...]

    @property
    def class_id(self) -> int:
        """Class of most of its spikes, the lowest of equals."""
        counts: Counter[int] = Counter()
        for sighting in self.sightings:
            counts[sighting.class_id] += sighting.spikes
        return min(counts, key=lambda class_id: (-counts[class_id], class_id))

    @property
    def box(self) -> Box:
        return hull([sighting.box for sighting in self.sightings])

    @property
    def centroid(self) -> tuple[float, float]:
        points = np.array([sighting.centroid for sighting in self.sightings])
        x, y = np.average(points, axis=0, weights=[sighting.spikes for sighting in self.sightings])
        return float(x), float(y)

    @property
    def start_us(self) -> int:
        return self.sightings[0].start_us

    @property
    def end_us(self) -> int:
        return self.sightings[-1].end_us

    @property
    def spikes(self) -> int:
        return sum(sighting.spikes for sighting in self.sightings)

    @cached_property
    def velocity(self) -> tuple[float, float] | None:
        """(x, y) in pixels per second; None where it was seen in one time step only."""
        if len(self.sightings) < 2:
            return None
        seconds = np.array([(s.start_us + s.end_us - 2 * self.start_us) / 2e6 for s in self.sightings])
        points = np.array([s.centroid for s in self.sightings])
        seconds -= seconds.mean()
        x, y = seconds @ (points - points.mean(axis=0)) / (seconds @ seconds)
        return float(x), float(y)

    @property
    def confidence(self) -> float:
        seen = len(self.sightings)
        step = self.sightings[0].end_us - self.sightings[0].start_us
        spanned = max(round((self.end_us - self.start_us) / step), seen)
        return seen / (seen + 1) * seen / spanned
