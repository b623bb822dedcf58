"""What one decoded sample shows: its instances as sightings, time step by time step, in sensor coordinates.

The mask of a classification spike is the receptive field it was traced through, dozens of pixels wide. The events under
it say where in that field the object is, and whether it is there at all: the last layer keeps what it has summed up
over the sample, so a neuron whose field the object left long ago may fire at a single spike of noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.decoder import Decoded
from spikeseg_lava.decoding.instance import Box
from spikeseg_lava.decoding.smash import group
from spikeseg_lava.detection.objects import Sighting, box_on_sensor, point_on_sensor
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.network.floats import Pair

EVENTS, MASK = "events", "mask"
EXTENTS = (EVENTS, MASK)
RADIUS, SUPPORT = 2, 3
"""Pixels with events are of one group where they are at most RADIUS rows and columns apart; fewer than SUPPORT of them
are noise. Chosen on made-up skies and scenes of other seeds than those that docs/made-up-sky.md reports on."""


class Extents(NamedTuple):
    """Where something lies, in pixels of the frame: boxes Int64[S, 4] and centroids Float64[S, 2] of (x, y)."""

    boxes: NDArray[np.int64]
    centroids: NDArray[np.float64]

    def on_sensor(self, n: int, frame: Pair, sensor: Pair) -> tuple[Box, tuple[float, float]]:
        """Box and centroid of number n in pixels of the sensor."""
        x0, y0, x1, y1 = self.boxes[n].tolist()
        box = box_on_sensor((x0, y0, x1, y1), frame, sensor)
        return box, point_on_sensor(self.centroids[n].tolist(), frame, sensor)


def sightings_of(
    decoded: Decoded, edges: NDArray[np.int64], sensor: Pair, tau: float = 0.1, events: SparseSteps | None = None
) -> list[Sighting]:
    """Sightings of a sample in order of time.

    Instances are grouped by SMASH; groups of one step and class whose boxes overlap are one object seen twice, so
    they become one sighting.

    Args:
        edges: Int64[T + 1], microseconds, of the sample's time steps.
        sensor: (height, width) of the sensor.
        tau: threshold of SMASH.
        events: the sample's events in pixels of the frame: boxes and centroids are those of the largest group of events
            that lie side by side under the masks in the step of the sighting. Where there is none, nothing is seen.
            Default: boxes and centroids are those of the masks.
    """
    found, frame = decoded.instances, decoded.instances.size
    labels = group(found, tau)
    order = np.lexsort((labels, found.spikes[:, 1], found.spikes[:, 0]))
    order = order[labels[order] >= 0]
    number, first = merged(order, labels, found.spikes, found.boxes)
    together = np.argsort(number, kind="stable")
    order, number = order[together], number[together]
    steps, classes = found.spikes[first, 0].tolist(), found.spikes[first, 1].tolist()
    spikes = np.bincount(number, minlength=len(first)).tolist()
    masks = Extents(*mask_extents(order, number, len(first), found.boxes, found.centroids))
    shown, seen = masks, np.ones(len(first), bool)
    if events is not None:
        boxes, centroids, seen = event_extents(
            order, number, found.spikes[first, 0], (found.boxes, found.ends, found.pixels), frame,
            (events.offsets, events.index), len(decoded.channels), masks.boxes, masks.centroids,
        )  # fmt: skip
        shown = Extents(boxes, centroids)
    sightings = []
    for n in np.flatnonzero(seen).tolist():
        t, class_id, count = steps[n], classes[n], spikes[n]
        start, end = int(edges[t]), int(edges[t + 1])
        mask_box, mask_centroid = masks.on_sensor(n, frame, sensor)
        box, centroid = shown.on_sensor(n, frame, sensor)
        sightings.append(Sighting(start, end, class_id, box, centroid, count, mask_box, mask_centroid))
    return sightings


@compiled
def merged(order, labels, spikes, boxes):
    """Put groups of one step and class together whose boxes overlap, directly or through others.

    `order` lists the instances by step, class and label. Returns for each of them the number of its sighting, Int64[M],
    and of every sighting the first instance, Int64[S]; sightings are numbered by step, class and first group.
    """
    count, sightings = len(order), 0
    number, first = np.empty(count, np.int64), np.empty(count, np.int64)
    hulls, root = np.empty((count, 4), np.int64), np.empty(count, np.int64)
    begin = 0
    while begin < count:
        end, groups = begin, 0
        lead = order[begin]
        while end < count and spikes[order[end], 0] == spikes[lead, 0] and spikes[order[end], 1] == spikes[lead, 1]:
            i = order[end]
            if end == begin or labels[i] != labels[order[end - 1]]:
                hulls[groups] = boxes[i]
                root[groups] = groups
                groups += 1
            number[end] = groups - 1
            widen(hulls[groups - 1], boxes[i])
            end += 1
        connect(hulls, root, groups)
        for n in range(begin, end):
            number[n] = root[number[n]]
        sightings = numbered(number, root, order, begin, end, first, sightings)
        begin = end
    return number, first[:sightings].copy()


@compiled
def widen(hull, box):
    """Make `hull` the smallest box around itself and another."""
    hull[0], hull[1] = min(hull[0], box[0]), min(hull[1], box[1])
    hull[2], hull[3] = max(hull[2], box[2]), max(hull[3], box[3])


@compiled
def connect(hulls, root, count):
    """Make `root[g]` the first of the groups that group g is connected with by overlapping hulls."""
    for a in range(count):
        for b in range(a):
            across = min(hulls[a, 2], hulls[b, 2]) >= max(hulls[a, 0], hulls[b, 0])
            if across and min(hulls[a, 3], hulls[b, 3]) >= max(hulls[a, 1], hulls[b, 1]) and root[a] != root[b]:
                low, high = min(root[a], root[b]), max(root[a], root[b])
                for g in range(a + 1):
                    if root[g] == high:
                        root[g] = low


@compiled
def numbered(number, root, order, begin, end, first, sightings):
    """Number the sightings of one step and class after those before; returns their new number."""
    given = np.full(end - begin, -1, np.int64)
    for n in range(begin, end):
        group = number[n]
        if given[group] < 0:
            given[group] = sightings
            first[sightings] = order[n]
            sightings += 1
        number[n] = given[group]
    return sightings


@compiled
def mask_extents(order, number, sightings, boxes, centroids):
    """Boxes around the masks of every sighting, and the means of their centroids, one per classification spike."""
    hulls, means, counts = np.empty((sightings, 4), np.int64), np.zeros((sightings, 2)), np.zeros(sightings)
    for n in range(len(order)):
        i, s = order[n], number[n]
        if not counts[s]:
            hulls[s] = boxes[i]
        widen(hulls[s], boxes[i])
        means[s, 0] += centroids[i, 0]
        means[s, 1] += centroids[i, 1]
        counts[s] += 1
    for s in range(sightings):
        means[s, 0] /= counts[s]
        means[s, 1] /= counts[s]
    return hulls, means


@compiled
def event_extents(order, number, steps, masks, frame, events, channels, boxes, centroids):
    """The same of the largest group of events side by side under the masks of each sighting in its step.

    Args:
        order, number: instances and their sightings, those of one sighting side by side.
        steps: Int32[S], the step of every sighting.
        masks: (boxes, ends, pixels) of the instances.
        frame: (height, width).
        events: (offsets, index) of the sample, `index` = (row * width + column) * channels + channel.
        boxes, centroids: of the masks.

    Returns:
        Boxes and centroids, and Bool[S]: whether there is a group of at least SUPPORT pixels.
    """
    offsets, index = events
    hulls, means, seen = boxes.copy(), centroids.copy(), np.zeros(len(boxes), np.bool_)
    covered, waiting = np.full(frame[0] * frame[1], -1, np.int64), np.full(frame[0] * frame[1], -1, np.int64)
    stack, begin = np.empty(frame[0] * frame[1], np.int64), 0
    while begin < len(order):
        s, end = number[begin], begin
        while end < len(order) and number[end] == s:
            cover(covered, s, order[end], masks, frame[1])
            end += 1
        step = np.int64(steps[s])
        active = index[offsets[step] : offsets[step + 1]] // channels
        for pixel in active:
            if covered[pixel] == s:
                waiting[pixel] = s
        most = SUPPORT - 1
        for pixel in active:
            if waiting[pixel] == s:
                count, box, mean = event_group(waiting, s, pixel, frame, stack)
                above = box[1] < hulls[s, 1] or (box[1] == hulls[s, 1] and box[0] < hulls[s, 0])
                if count > most or (count == most and seen[s] and above):  # whatever order the events come in
                    most, seen[s] = count, True
                    hulls[s, 0], hulls[s, 1], hulls[s, 2], hulls[s, 3] = box
                    means[s, 0], means[s, 1] = mean
        begin = end
    return hulls, means, seen


@compiled
def event_group(waiting, s, pixel, frame, stack):
    """Pixels, box and centroid of the group that a pixel is in; erases it.

    Pixels of a group hold `s` in `waiting`, and each is at most RADIUS rows and columns from another one.
    """
    height, width = frame
    count, sum_x, sum_y, number = 0, 0, 0, 1
    x0, y0, x1, y1 = width, height, np.int64(-1), np.int64(-1)
    stack[0], waiting[pixel] = pixel, -1
    while number:
        number -= 1
        y = stack[number] // width
        x = stack[number] - y * width
        count, sum_x, sum_y = count + 1, sum_x + x, sum_y + y
        x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
        for v in range(max(y - RADIUS, 0), min(y + RADIUS + 1, height)):
            for u in range(max(x - RADIUS, 0), min(x + RADIUS + 1, width)):
                if waiting[v * width + u] == s:
                    waiting[v * width + u] = -1
                    stack[number] = v * width + u
                    number += 1
    return count, (x0, y0, x1, y1), (sum_x / count, sum_y / count)


@compiled
def cover(covered, s, instance, masks, width):
    """Write `s` to every pixel of a mask."""
    boxes, ends, pixels = masks
    at, columns = ends[instance], np.int64(boxes[instance, 2] - boxes[instance, 0] + 1)
    for y in range(np.int64(boxes[instance, 1]), np.int64(boxes[instance, 3]) + 1):
        left = y * width + np.int64(boxes[instance, 0])
        for x in range(columns):
            if pixels[at + x]:
                covered[left + x] = s
        at += columns
