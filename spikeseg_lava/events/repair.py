"""What an event column may hold, one rule a function: each gives the clean column and says how much it mended.

Nothing is mended in silence: every repair has a name and a count in `Recording.repairs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import MICROSECONDS, RawEvents, TimeUnit

CLOCK = 2**32  # microseconds after which a 32-bit clock starts again
FALL = 3 * CLOCK // 4  # a step back as large as this is the clock, not the order of the events
TIME_LIMIT = 2**60  # microseconds, 36,000 years: beyond it sums of times leave int64
FAR = 2**31 - 1  # coordinates beyond count as this


class RecordingWarning(UserWarning):
    """A recording was read, but not as it stood: the message and `Recording.repairs` say what was mended."""


def check_columns(raw: RawEvents) -> None:
    """RecordingError unless the columns are of one length and hold finite numbers."""
    columns = {"x": raw.x, "y": raw.y, "t": raw.t, "p": raw.p}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise RecordingError(f"the columns differ in length ({lengths}): the file is truncated or of another kind")
    for name, column in columns.items():
        if column.dtype.kind not in "buif":
            raise RecordingError(f"column `{name}` is of type {column.dtype}, expected numbers")
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise RecordingError(f"column `{name}` holds {np.sum(~np.isfinite(column))} value(s) that are no number")


def whole_coordinates(
    x: NDArray[np.generic], y: NDArray[np.generic]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Int64 coordinates, and the number of events that had others (undistorted ones) and were rounded."""
    columns, rows = _whole(x), _whole(y)
    if x.dtype.kind != "f" and y.dtype.kind != "f":
        return columns, rows, 0
    return columns, rows, int(np.count_nonzero((columns != _near(x)) | (rows != _near(y))))


def _whole(axis: NDArray[np.generic]) -> NDArray[np.int64]:
    return np.rint(_near(axis)).astype(np.int64) if axis.dtype.kind == "f" else _near(axis).astype(np.int64)


def _near(axis: NDArray[np.generic]) -> NDArray[np.generic]:
    return axis if axis.dtype.kind in "bui" and axis.dtype.itemsize < 4 else np.clip(axis, -FAR, FAR)


def signed(t: NDArray[np.generic]) -> NDArray[np.generic]:
    """Times as Int64, or as they are where they are floats; RecordingError where they do not fit."""
    if t.dtype.kind == "u":
        _check_times(t.max(), "us" if t.dtype.itemsize < 8 else "ns")
    return t.astype(np.int64) if t.dtype.kind in "bui" else t


def microseconds(t: NDArray[np.generic], unit: TimeUnit) -> NDArray[np.int64]:
    """Int64 microseconds of times in `unit`, rounded to the nearest; RecordingError beyond 36,000 years."""
    for extreme in (t.min(), t.max()) if len(t) else ():
        _check_times(extreme, unit)
    whole = t.dtype.kind in "bui"
    if whole and unit == "ns":
        return (t.astype(np.int64) + 500) // 1000
    if whole:
        return t.astype(np.int64) * int(MICROSECONDS[unit])
    return np.rint(t.astype(np.float64) * MICROSECONDS[unit]).astype(np.int64)


def _check_times(extreme: np.generic, unit: TimeUnit) -> None:
    reached = float(extreme) * MICROSECONDS[unit]
    if abs(reached) > TIME_LIMIT:
        raise RecordingError(
            f"times reach {float(extreme):g} {unit}, more than 36,000 years: a damaged file, or `time_unit` is another"
        )


@dataclass
class Clock:
    """A 32-bit clock of microseconds, whose start again is undone: what it showed last, and how often it began anew.

    Whether a recording has such a clock is known at its end (`is_wrapped`); a wider one may fall for other reasons.
    """

    last: float | int | None = None
    rounds: int = 0
    falls: int = 0

    def unrolled(self, t: NDArray[Any]) -> NDArray[Any]:
        """Times of the next block (in file order) on a clock that runs on; unchanged where it never began anew."""
        steps = np.diff(t, prepend=t[:1] if self.last is None else np.asarray([self.last], t.dtype))
        self.last = t[-1].item()
        falls, rises = steps <= -FALL, steps >= FALL
        if not (self.rounds or falls.any()):
            return t
        rounds = self.rounds + np.cumsum(falls.astype(np.int64) - rises)
        self.rounds, self.falls = int(rounds[-1]), self.falls + int(np.count_nonzero(falls))
        return t + CLOCK * rounds

    def is_wrapped(self, lowest: float, highest: float) -> bool:
        """Whether a recording of these times is one of a 32-bit clock that began anew."""
        return self.falls > 0 and lowest >= -CLOCK // 2 and highest < CLOCK


def brighter_code(codes: Iterable[float]) -> int:
    """The code of "brighter" in {0, 1}, {-1, 1} (-1 is darker) or {1, 2} (1 is darker); RecordingError for others."""
    found = set(codes)
    for known, brighter in (({0, 1}, 1), ({-1, 1}, 1), ({1, 2}, 2)):
        if found <= known:
            return brighter
    shown = ", ".join(f"{code:g}" for code in sorted(found)[:6])
    raise RecordingError(
        f"polarities must be 0/1, -1/1 or 1/2, got {shown}{', ...' if len(found) > 6 else ''}. Columns without "
        "a name are taken as t, x, y, p; name them in a header line"
    )


def inside(x: NDArray[np.int64], y: NDArray[np.int64], size: Size) -> NDArray[np.bool_]:
    """Bool[N]: which events lie on a sensor of `size` (height, width)."""
    return (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
