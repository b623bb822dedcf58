"""A recording cut into samples: consecutive windows of time, each run from cleared state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.events.recording import Recording
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.spikes.record import SpikeRecord

Runner = Callable[[NDArray[np.float32]], SpikeRecord]


class Sample(NamedTuple):
    """One window: its start in microseconds on the recording's clock, its frames (T, C, H, W) and what they caused."""

    start_us: int
    frames: NDArray[Any]
    record: SpikeRecord


def samples_of(
    recording: Recording,
    run: Runner,
    duration_us: int,
    timesteps: int = 10,
    size: Pair | None = None,
    binary: bool = False,
) -> Iterator[Sample]:
    """The samples of a recording, one in memory at a time; all events of the recording are used, none cropped.

    Args:
        run: what runs one sample: frames in, spike record out.
        duration_us: length of a window in microseconds.
        timesteps: steps of a window.
        size: (height, width) of the frames; default: the sensor's own.
        binary: frames say whether there was an event, instead of how many.
    """
    for start in recording.window_starts(duration_us):
        frames = recording.to_frames(timesteps, size, binary, start, duration_us)
        yield Sample(start, frames, run(frames))
