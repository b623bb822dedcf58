"""What all pictures share: colours of objects, how many events are drawn, how time is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.detection.objects import DetectedObject
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.events.recording import Recording

OBJECT_COLOURS = ("#ff5d3b", "#3bd6c6", "#ffd23f", "#8ab4ff", "#ff7ad9", "#9be564", "#ff9f45", "#c9a2ff")
MOST_COLOURS = len(OBJECT_COLOURS)
ON, OFF = "#f5f7fa", "#7d8794"  # brighter, darker


def colour_of(found: DetectedObject) -> str:
    """The same colour for an object in every picture; they repeat after eight objects."""
    return OBJECT_COLOURS[(found.id - 1) % MOST_COLOURS]


def surest(objects: Sequence[DetectedObject], count: int) -> list[DetectedObject]:
    """The `count` objects of the highest confidence, more spikes first among equals."""
    return sorted(objects, key=lambda found: (-found.confidence, -found.spikes, found.id))[:count]


def some_events(recording: Recording, limit: int) -> NDArray[np.int64]:
    """Int64[n], rising: the events to draw, all of them or `limit` picked at random (the same ones every time)."""
    count = len(recording)
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, limit, replace=False))


def share_drawn(drawn: int, total: int) -> str:
    """What a title says about events that are not drawn."""
    return f"{total:,} events" if drawn == total else f"{drawn:,} of {total:,} events, picked at random"


def checked_format(path: str | os.PathLike[str], formats: Sequence[str]) -> str:
    """The suffix of `path` without its dot; ArgumentError where it is not one of `formats`."""
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        raise ArgumentError(f"`path` must end in one of {', '.join(formats)}, got `{path}`")
    return suffix[1:]
