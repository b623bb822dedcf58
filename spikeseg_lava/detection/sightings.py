"""What one decoded sample shows: its instances as sightings, time step by time step, in sensor coordinates."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding import Decoded, Instance, group
from spikeseg_lava.detection.geometry import box_on_sensor, hull, overlaps, point_on_sensor
from spikeseg_lava.detection.objects import Sighting
from spikeseg_lava.network import Pair


def sightings_of(decoded: Decoded, edges: NDArray[np.int64], sensor: Pair, tau: float = 0.1) -> list[Sighting]:
    """Sightings of a sample in order of time.

    Instances are grouped by SMASH; groups of one step and class whose boxes overlap are one object seen twice, so
    they become one sighting.

    Args:
        edges: Int64[T + 1], microseconds, of the sample's time steps.
        sensor: (height, width) of the sensor.
        tau: threshold of SMASH.
    """
    labels = group(decoded.instances, tau)
    keys = [(i.t, i.class_id, int(label)) for i, label in zip(decoded.instances, labels, strict=True)]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    found = [n for n in order if labels[n] >= 0]
    sightings: list[Sighting] = []
    for (t, class_id), members in itertools.groupby(found, key=lambda n: keys[n][:2]):
        groups = [[decoded.instances[n] for n in g] for _, g in itertools.groupby(members, key=lambda n: keys[n][2])]
        for instances in _merged(groups):
            sightings.append(_sighting(instances, int(edges[t]), int(edges[t + 1]), class_id, sensor))
    return sightings


def _merged(groups: Sequence[list[Instance]]) -> Iterator[list[Instance]]:
    """Groups whose boxes overlap, directly or through others, put together."""
    from scipy.sparse.csgraph import connected_components

    boxes = [hull([instance.box for instance in instances]) for instances in groups]
    count, component = connected_components(overlaps(boxes), directed=False)
    for k in range(count):
        yield [i for g in np.flatnonzero(component == k) for i in groups[g]]


def _sighting(instances: Sequence[Instance], start: int, end: int, class_id: int, sensor: Pair) -> Sighting:
    frame = instances[0].size
    box = box_on_sensor(hull([instance.box for instance in instances]), frame, sensor)
    x, y = np.mean([instance.centroid for instance in instances], axis=0)
    return Sighting(start, end, class_id, box, point_on_sensor((x, y), frame, sensor), len(instances))
