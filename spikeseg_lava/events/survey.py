"""The first pass over a recording: all that must be known before its events can be cleaned block by block."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import repair
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, TimeNumbers

NO_CRC = (0, 0, 0, 0)
MANY_CODES = 16


def running_crc(events: Any, before: tuple[int, ...] = NO_CRC) -> tuple[int, ...]:
    """CRC of each of the columns x, y, t, p, continued from `before`: the same whatever the blocks."""
    columns = (np.ascontiguousarray(column) for column in (events.x, events.y, events.t, events.p))
    return tuple(zlib.crc32(column.data, crc) for column, crc in zip(columns, before, strict=True))


def checksum_of(crc: tuple[int, ...]) -> str:
    """32 hexadecimal digits."""
    return "".join(f"{value:08x}" for value in crc)


@dataclass
class TimeOrder:
    """How far times fall behind, in their own unit: lowest, highest, number of late events, the largest delay."""

    lowest: Any = None
    highest: Any = None
    late: int = 0
    delay: Any = 0

    def add(self, t: NDArray[Any]) -> None:
        """Times of the next block."""
        if not np.any(t[1:] < t[:-1]) and (self.highest is None or t[0] >= self.highest):
            self.lowest = t[0].item() if self.lowest is None else self.lowest
            self.highest = t[-1].item()
            return
        rising = t if self.highest is None else np.concatenate([[self.highest], t])
        delays = np.maximum.accumulate(rising) - rising
        self.late += int(np.count_nonzero(delays))
        self.delay = max(self.delay, delays.max().item())
        self.lowest = t.min().item() if self.lowest is None else min(self.lowest, t.min().item())
        self.highest = t.max().item() if self.highest is None else max(self.highest, t.max().item())


@dataclass
class Survey:
    """What is known after the blocks added so far.

    Attributes:
        named: (height, width) the file name tells, whose share of the events is counted.
        inside: how many events lie on the named sensor, with pixels counted from 0 and from 1.
        lowest, highest: Int64[2], of x and y.
        order, unrolled: of the times as they are, and of those of a 32-bit clock that runs on; None where it never
            began anew.
        codes: polarities that occur.
    """

    named: Size | None = None
    count: int = 0
    inside: tuple[int, int] = (0, 0)
    lowest: NDArray[np.int64] = field(default_factory=lambda: np.full(2, 2**40))
    highest: NDArray[np.int64] = field(default_factory=lambda: np.full(2, -(2**40)))
    rounded: int = 0
    order: TimeOrder = field(default_factory=TimeOrder)
    unrolled: TimeOrder | None = None
    clock: repair.Clock = field(default_factory=repair.Clock)
    codes: frozenset[float] = frozenset()
    first: RawEvents | None = None
    repairs: Mapping[str, int] = field(default_factory=dict)
    crc: tuple[int, ...] = NO_CRC
    fractions: bool = False
    thousandths: bool = True
    hundredths: int = 0
    thousands: bool = True

    def add(self, raw: RawEvents) -> None:
        """One more block; RecordingError where its columns are no events."""
        repair.check_columns(raw)
        self.first = raw if self.first is None else self.first
        self.repairs = {
            name: self.repairs.get(name, 0) + raw.repairs.get(name, 0) for name in {**self.repairs, **raw.repairs}
        }
        if not len(raw.t):
            return
        self.count += len(raw.t)
        self.crc = running_crc(raw, self.crc)
        self._add_places(raw)
        self._add_times(raw.t)
        self.codes |= _codes(raw.p)
        if len(self.codes) > MANY_CODES:
            repair.brighter_code(self.codes)

    def _add_places(self, raw: RawEvents) -> None:
        x, y, rounded = repair.whole_coordinates(raw.x, raw.y)
        self.rounded += rounded
        self.lowest = np.minimum(self.lowest, [x.min(), y.min()])
        self.highest = np.maximum(self.highest, [x.max(), y.max()])
        if self.named is not None:
            height, width = self.named
            here = [int(np.count_nonzero((x - k < width) & (y - k < height))) for k in (0, 1)]
            self.inside = self.inside[0] + here[0], self.inside[1] + here[1]

    def _add_times(self, t: NDArray[Any]) -> None:
        t = t.astype(np.int64) if t.dtype.kind in "bi" else repair.signed(t)
        unrolled = self.clock.unrolled(t)
        if unrolled is not t and self.unrolled is None:
            self.unrolled = replace(self.order)  # until here both clocks show the same
        self.order.add(t)
        if self.unrolled is not None:
            self.unrolled.add(unrolled)
        if t.dtype.kind == "f":
            self.fractions |= bool(np.any(t != np.floor(t)))
            self.thousandths = self.thousandths and _all_thousandths(t)
            self.hundredths += int(np.count_nonzero(np.abs(t * 100 - np.rint(t * 100)) < 1e-4))
        self.thousands = self.thousands and not np.any(t % 1000)

    @property
    def times(self) -> TimeNumbers:
        """What the times tell about their unit."""
        lowest, highest = self.order.lowest, self.order.highest
        hundredths = 2 * self.hundredths > self.count
        return TimeNumbers(self.count, lowest, highest, self.fractions, self.thousandths, hundredths, self.thousands)

    def checked(self) -> RawEvents:
        """The first block; RecordingError where there was no event at all."""
        if self.first is None or not self.count:
            left_out = "; ".join(f"{name}: {count}" for name, count in self.repairs.items() if count)
            raise RecordingError("the recording holds no event" + (f" ({left_out})" if left_out else ""))
        return self.first


def _codes(p: NDArray[Any]) -> frozenset[float]:
    if p.dtype == np.uint8:
        return frozenset(np.flatnonzero(np.bincount(p)).tolist())
    return frozenset(np.unique(p.astype(np.int8) if p.dtype.kind == "b" else p)[: MANY_CODES + 1].tolist())


def _all_thousandths(t: NDArray[Any]) -> bool:
    grid = t.astype(np.float64) * 1000
    tolerance = 4 * np.finfo(t.dtype).eps * np.abs(grid) + 1e-6
    return bool(np.all(np.abs(grid - np.rint(grid)) <= tolerance))
