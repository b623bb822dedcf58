"""Objects in a recording that was cut into samples and run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.decoding import CAUSAL, decode, fitting_weights
from spikeseg_lava.detection.linking import Linker
from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.detection.sightings import sightings_of
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointModel
from spikeseg_lava.network import Pair, SpikingNetwork
from spikeseg_lava.record import SpikeRecord
from spikeseg_lava.recording.frames import bin_edges, checked_size, whole_number


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
        pool_winners, tau: see `decode` and `group`.
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
