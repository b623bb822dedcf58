"""`denoise`: a recording without the events of hot pixels and without those that have no company.

A hot pixel fires for reasons of its own: many times as often as the pixels around it. Background activity is an event
without another one beside it shortly before (Delbruck, "Frame-free dynamic digital vision", Proc. Intl. Symp. on
Secure-Life Electronics 2008). A faint object of single pixels looks the same: look at the counts before trusting it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.frames import whole_number
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.stream import Events, EventStream, counted

SUPPORT_US = 25_000  # the default of jAER's filter
TIMES_AS_OFTEN = 10  # as the busiest of the eight pixels around
FEWEST = 50  # events of a hot pixel
NEVER = -(2**62)


@overload
def denoise(events: Recording, support_us: int = SUPPORT_US) -> Recording: ...
@overload
def denoise(events: EventStream, support_us: int = SUPPORT_US) -> EventStream: ...
def denoise(events: Recording | EventStream, support_us: int = SUPPORT_US) -> Recording | EventStream:
    """The events without noise: first those of hot pixels are left out, then those without company.

    Args:
        events: a recording, or a stream, which is then gone through twice more and stays in bounded memory.
        support_us: an event stays if one of the eight pixels around had one within this many microseconds before.

    `repairs` of the result counts what was left out, and the hot pixels.

    Raises:
        RecordingError: no event is left.
    """
    whole_number("support_us", support_us, 1)
    if isinstance(events, Recording):
        return denoise(EventStream.of_recording(events), support_us).recording()
    hot = hot_pixels(events)
    quiet = replace(events, blocks=lambda: _outside(events, hot))
    try:
        quiet = counted(quiet, "beside hot pixels")
        clean = counted(replace(quiet, blocks=lambda: _supported(quiet, support_us)), "with company")
    except RecordingError as error:
        raise RecordingError(f"denoising leaves nothing of {events.count} events: {error}") from error
    found = {
        "hot pixels": int(hot.sum()),
        "events of hot pixels dropped": events.count - quiet.count,
        "events without company dropped": quiet.count - clean.count,
    }
    return replace(clean, repairs={**events.repairs, **{name: count for name, count in found.items() if count}})


def hot_pixels(stream: EventStream) -> NDArray[np.bool_]:
    """Bool[H, W]: pixels of at least 50 events, and more than ten times as many as any of the eight around.

    A star covers several pixels; a pixel that is hot alone is none.
    """
    height, width = stream.size
    counts = np.zeros(height * width, np.int64)
    for block in stream.blocks():
        counts += np.bincount(block.y.astype(np.int64) * width + block.x, minlength=counts.size)
    around = np.pad(counts.reshape(height, width), 1)
    parts = [around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    busiest = np.max(np.stack([*parts[:4], *parts[5:]]), axis=0)
    return (parts[4] >= FEWEST) & (parts[4] > TIMES_AS_OFTEN * np.maximum(busiest, 1))


def _outside(stream: EventStream, hot: NDArray[np.bool_]) -> Iterator[Events]:
    for block in stream.blocks():
        yield block[~hot[block.y, block.x]]


def _supported(stream: EventStream, support_us: int) -> Iterator[Events]:
    last = np.full((stream.size[0] + 2, stream.size[1] + 2), NEVER, np.int64)
    for block in stream.blocks():
        yield block[with_company(block.x, block.y, block.t, last, support_us)]


@compiled
def with_company(x: Any, y: Any, t: Any, last: Any, support_us: int) -> Any:
    """Bool[N]: which events have company; `last` Int64[H + 2, W + 2] is when each pixel, or its rim, had its last."""
    kept = np.zeros(len(t), np.bool_)
    for k in range(len(t)):
        row, column = y[k] + 1, x[k] + 1
        newest = max(last[row - 1, column - 1], last[row - 1, column], last[row - 1, column + 1])
        newest = max(newest, last[row, column - 1], last[row, column + 1])
        newest = max(newest, last[row + 1, column - 1], last[row + 1, column], last[row + 1, column + 1])
        kept[k] = t[k] - newest <= support_us
        last[row, column] = t[k]
    return kept
