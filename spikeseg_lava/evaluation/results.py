"""How an evaluation is done, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from spikeseg_lava.decoding import CAUSAL
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.evaluation.counts import Counts
from spikeseg_lava.network import Pair


@dataclass(frozen=True)
class Settings:
    """How recordings are cut, run, decoded and judged.

    Attributes:
        duration_us: length of a sample, microseconds.
        timesteps: steps of a sample.
        size: (height, width) of the frames; None: the sensor's own.
        binary: frames say whether there was an event, instead of how many.
        radius: how far a detection may be from a labelled path, in pixels of the sensor.
        pool_winners, tau, reach, min_spikes: see `detect_objects`.
    """

    duration_us: int = 1_000_000
    timesteps: int = 10
    size: Pair | None = (128, 128)
    binary: bool = False
    radius: float = 6.0
    pool_winners: str = CAUSAL
    tau: float = 0.1
    reach: float = 12.0
    min_spikes: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.radius < 10_000:
            raise ArgumentError(f"`radius` must be a positive number of pixels, got {self.radius}")


@dataclass(frozen=True)
class Result:
    """What one network did on one recording.

    Attributes:
        seen: for every label volume, by sample and then object, whether it was detected; the same order for all
            networks, so that they can be compared volume by volume.
    """

    recording: str
    pass_name: str
    camera: str
    network: str
    counts: Counts
    spikes: int
    seen: tuple[bool, ...]


@dataclass(frozen=True)
class Skipped:
    """A recording that could not be evaluated, and why."""

    recording: str
    reason: str
