"""What one decoded sample shows: its instances as sightings, time step by time step, in sensor coordinates.

Objects in a recording that was cut into samples and run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding.decoder import Decoded, decode
from spikeseg_lava.decoding.instance import Instance
from spikeseg_lava.decoding.smash import group
from spikeseg_lava.decoding.stages import fitting_weights
from spikeseg_lava.decoding.winners import CAUSAL
from spikeseg_lava.detection.geometry import box_on_sensor, hull, overlaps, point_on_sensor
from spikeseg_lava.detection.linking import Linker
from spikeseg_lava.detection.objects import DetectedObject, Sighting
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.frames import bin_edges, checked_size, whole_number
from spikeseg_lava.network.floats import Pair, SpikingNetwork
from spikeseg_lava.network.model import FixedPointModel
from spikeseg_lava.spikes.record import SpikeRecord


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


@dataclass(frozen=True, eq=False)
class Detected:
    """What was found.

    Attributes:
        objects: in order of appearance.
        sensor: (height, width) in pixels; all coordinates are the sensor's.
        start_us, end_us: time covered by the samples, microseconds; equal where there was no sample.
        samples: number of samples decoded.
        saliency: Float32[H, W] of the frames, positive part, summed over the samples; None without a sample.
        spikes: classification spikes, all of them.
        unlocated: those of them that decode to an empty mask and are in no object.
    """

    objects: list[DetectedObject]
    sensor: Pair
    start_us: int
    end_us: int
    samples: int
    saliency: NDArray[np.float32] | None
    spikes: int
    unlocated: int


def detect_objects(
    samples: Iterable[tuple[int, NDArray[Any], SpikeRecord]],
    network: SpikingNetwork | FixedPointModel,
    sensor: Pair,
    duration_us: int,
    *,
    pool_winners: str = CAUSAL,
    tau: float = 0.1,
    reach: float = 12.0,
    max_gap_us: int | None = None,
    min_spikes: int = 1,
    weights: str | None = None,
) -> Detected:
    """Decode samples in order of time and link what they show into objects.

    Args:
        samples: (start in microseconds, frames (T, C, H, W), spike record) of each window, as of `samples_of`.
        network: what was run.
        sensor: (height, width) of the sensor; frames may be of another size.
        duration_us: length of a window in microseconds.
        pool_winners: see `decode`.
        tau: see `group`.
        reach: how far, in sensor pixels, an object's box may move between two sightings.
        max_gap_us: how long an object may be unseen, microseconds; default: one window.
        min_spikes: objects with fewer classification spikes are left out.
        weights: see `decode`; default: "stored" where classification spikes can be decoded with it at all, else "unit".

    Raises:
        ArgumentError: a setting outside what is possible, samples that are not in order of time.
    """
    sensor, duration_us = checked_size("sensor", sensor), whole_number("duration_us", duration_us, 1)
    if not 0 <= reach < math.inf:
        raise ArgumentError(f"`reach` must be zero or more pixels, got {reach}")
    max_gap = duration_us if max_gap_us is None else whole_number("max_gap_us", max_gap_us, 0)
    weights = fitting_weights(network) if weights is None else weights
    linker = Linker(reach, max_gap)
    tally = _Tally()
    for start, frames, record in samples:
        tally.begin(int(start), duration_us)
        steps, _, height, width = frames.shape
        decoded = decode(record, network, pool_winners, size=(height, width), timesteps=steps, weights=weights)
        tally.add(decoded.saliency, len(decoded.instances), len(decoded.found))
        linker.add(sightings_of(decoded, bin_edges(int(start), duration_us, steps), sensor, tau))
    return tally.detected(linker.objects(min_spikes), sensor)


class _Tally:
    """What is summed up over the samples."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.end = 0
        self.saliency: NDArray[np.float32] | None = None
        self.spikes = self.located = 0

    def begin(self, start: int, duration: int) -> None:
        if self.starts and start < self.starts[-1]:
            raise ArgumentError(f"`samples` must be in order of time, got one at {start} us after {self.starts[-1]} us")
        self.starts.append(start)
        self.end = start + duration

    def add(self, saliency: NDArray[np.float32], spikes: int, located: int) -> None:
        positive = np.maximum(saliency, 0)
        self.saliency = positive if self.saliency is None else self.saliency + positive
        self.spikes += spikes
        self.located += located

    def detected(self, objects: list[DetectedObject], sensor: Pair) -> Detected:
        start = self.starts[0] if self.starts else 0
        lost = self.spikes - self.located
        return Detected(objects, sensor, start, self.end, len(self.starts), self.saliency, self.spikes, lost)
