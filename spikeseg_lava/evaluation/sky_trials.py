"""Trials on made-up skies: half of them choose the threshold, the other half scores it.

Every figure holds for `spikeseg_lava.events.sky`, not for a camera. Skies with satellites alternate between the halves,
and so do empty skies, which count false alarms only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.evaluation.scores import ObjectScores, score_objects, total
from spikeseg_lava.evaluation.sources import labels_of_scene
from spikeseg_lava.evaluation.volumes import paths_of
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.sky import Sky, SkyObject, SkyParameters, make_sky

Half = Literal["choosing", "scoring"]
Detector = Callable[[Recording], Sequence[DetectedObject]]
SWEEP = tuple(float(f) for f in np.round(np.geomspace(0.35, 2.8, 7), 2))  # times the network's own threshold


@dataclass(frozen=True)
class Trial:
    """One sky to try: its seed, its half, and whether it is empty."""

    seed: int
    half: Half
    empty: bool

    def sky(self, parameters: SkyParameters) -> Sky:
        """The sky itself; an empty one has the same camera, stars and noise."""
        return make_sky(replace(parameters, satellites=0) if self.empty else parameters, self.seed)


@dataclass(frozen=True)
class TrialResult:
    """What one variant did on one sky at one threshold.

    Attributes:
        factor: of the network's own thresholds.
        seen: for every satellite of the sky, whether it was found.
    """

    trial: Trial
    variant: str
    factor: float
    scores: ObjectScores
    satellites: tuple[SkyObject, ...]
    seen: tuple[bool, ...]


def trials(count: int, empty: int, seed: int = 0) -> list[Trial]:
    """`count` skies with satellites and `empty` ones without, alternately of the choosing and of the scoring half."""
    if count < 2 or empty < 0:
        raise ArgumentError(
            f"`count` must be at least 2, one sky a half, and `empty` not negative; got {count}, {empty}"
        )
    kinds = [False] * count + [True] * empty
    halves: tuple[Half, Half] = ("choosing", "scoring")
    places = [*range(count), *range(empty)]
    return [Trial(seed + k, halves[place % 2], kind) for k, (place, kind) in enumerate(zip(places, kinds, strict=True))]


def run_trials(
    todo: Iterable[Trial],
    parameters: SkyParameters,
    detectors: Mapping[tuple[str, float], Detector],
    radius: float,
) -> Iterator[TrialResult]:
    """The result of every (variant, factor) of `detectors` on every sky, sky by sky, so that each is made once.

    Args:
        detectors: (variant, factor of the thresholds) -> what finds the objects of a recording.
        radius: how far an object may be from a satellite's path, pixels.
    """
    for trial in todo:
        sky = trial.sky(parameters)
        recording, paths = recording_of(sky, trial.seed), paths_of(labels_of_scene(sky))
        seconds = parameters.duration_us / 1e6
        crossing = [sky.objects[path.id - 1] for path in paths]
        for (variant, factor), detector in detectors.items():
            scores, seen = score_objects(detector(recording), paths, radius, seconds)
            yield TrialResult(trial, variant, factor, scores, tuple(crossing), tuple(seen))


def recording_of(sky: Sky, seed: int) -> Recording:
    """The events of a sky as a recording that says it is synthetic."""
    x, y, t, p = sky.events
    source = {"format": "synthetic sky", "seed": seed, "stars": sky.stars_from}
    return Recording(x, y, t, p.astype(np.uint8), sky.plan.size, source=source)


def summed(results: Iterable[TrialResult], variant: str, half: Half | None = None) -> dict[float, ObjectScores]:
    """Scores by factor of one variant, summed over the skies of one half, or of both."""
    chosen = [r for r in results if r.variant == variant and half in (None, r.trial.half)]
    return {f: total(r.scores for r in chosen if r.factor == f) for f in sorted({r.factor for r in chosen})}


def best_factor(results: Sequence[TrialResult], variant: str) -> float:
    """The factor of the largest F1 on the choosing half; of equals that of fewest false alarms, then the largest."""
    scores = summed(results, variant, "choosing")
    return max(scores, key=lambda f: (scores[f].f1 or 0.0, -(scores[f].false_per_hour or 0.0), f))


def detection_by(
    results: Iterable[TrialResult], value: Callable[[SkyObject], float], edges: Sequence[float]
) -> list[tuple[float, float, int, int]]:
    """(from, to, satellites, found) of every bin of `value` between `edges`, the last edge included."""
    pairs = [(value(o), seen) for r in results for o, seen in zip(r.satellites, r.seen, strict=True)]
    values = np.array([v for v, _ in pairs])
    seen = np.array([s for _, s in pairs], bool)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    inside = (values >= edges[0]) & (values <= edges[-1])
    return [
        (float(a), float(b), int((inside & (places == k)).sum()), int(seen[inside & (places == k)].sum()))
        for k, (a, b) in enumerate(pairwise(edges))
    ]
