"""A recording that is never in memory as a whole: two passes over the file, facts first, then clean blocks of events.

Where a whole recording would be mended (events out of order, outside the sensor), a stream is refused: mending needs
all events at once, and `read_recording` does it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import repair as rules
from spikeseg_lava.events.formats.blocks import BLOCK_READERS
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, TimeUnit
from spikeseg_lava.events.read import read_recording
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.sensor import Sensor, sensor_of

NO_CRC = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Events:
    """A stretch of events in order of time: x, y Int32[N], t Int64[N] in microseconds, p UInt8[N] 0/1."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    t: NDArray[np.int64]
    p: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class EventStream:
    """Events that can be gone through, block after block, as often as needed.

    Attributes:
        size: (height, width) of the sensor.
        start, stop: times in microseconds of the first and of the last event.
        count: number of events.
        checksum: of all their columns, so that a changed recording is told from the one that was run.
        blocks: begins anew at the first event.
    """

    size: Size
    start: int
    stop: int
    count: int
    checksum: str
    blocks: Callable[[], Iterator[Events]]

    @classmethod
    def of_recording(cls, recording: Recording) -> EventStream:
        """A recording that is in memory already."""
        whole = Events(recording.x, recording.y, recording.t, recording.p)
        stop = recording.start + recording.duration - 1
        checksum = _checksum(_crc_of(whole, NO_CRC))
        return cls(recording.size, recording.start, stop, len(recording), checksum, lambda: iter([whole]))


def open_events(
    path: str | os.PathLike[str], *, sensor_size: Size | None = None, time_unit: TimeUnit | None = None
) -> EventStream:
    """A stream over a file.

    `.npy`, `.h5`/`.hdf5` and `.txt`/`.csv` are read block by block; a file of any other format of `read_recording` is
    read as a whole. Sensor size, first pixel, time unit and polarity are told as `read_recording` tells them.

    Raises:
        RecordingError: the file is missing, malformed, empty, or would have to be mended.
    """
    reader = BLOCK_READERS.get(Path(path).suffix.lower().lstrip("."))
    if reader is None:
        return EventStream.of_recording(read_recording(path, sensor_size=sensor_size, time_unit=time_unit))
    try:
        facts = _facts(reader(Path(path)), time_unit)
        sensor = sensor_of(facts.corners(), sensor_size, path)
        facts.check(sensor)
    except (RecordingError, OSError) as error:
        raise RecordingError(f"`{path}` cannot be streamed: {error}") from error
    start, stop = facts.time_range
    blocks = partial(_clean, reader, Path(path), facts, sensor)
    return EventStream(sensor.size, start, stop, facts.count, _checksum(facts.crc), blocks)


@dataclass(frozen=True, eq=False)
class _Facts:
    """What the first pass finds out: limits of the coordinates, times, polarity codes, unit."""

    count: int
    limits: NDArray[np.float64]  # (x, y) by (lowest, highest)
    times: tuple[np.generic, np.generic]
    codes: frozenset[float]
    unit: TimeUnit
    size: Size | None
    crc: tuple[int, ...]

    @property
    def time_range(self) -> tuple[int, int]:
        first, last = (int(rules.microseconds(np.asarray([t]), self.unit)[0]) for t in self.times)
        return first, last

    def corners(self) -> RawEvents:
        """Two events that span the coordinates, to tell the sensor by."""
        x, y = np.rint(self.limits).astype(np.int64)
        return RawEvents(x=x, y=y, t=np.zeros(2), p=np.zeros(2), size=self.size)

    def check(self, sensor: Sensor) -> None:
        """RecordingError unless all events lie on the sensor and polarities are of a known code."""
        rules.zero_one(np.array(sorted(self.codes)))
        raw = self.corners()
        if not rules.events_inside(raw.x - sensor.first_pixel, raw.y - sensor.first_pixel, sensor).all():
            raise RecordingError(f"events lie outside the sensor {sensor.size}; `read_recording` drops them")


def _facts(blocks: Iterable[RawEvents], unit: TimeUnit | None) -> _Facts:
    count, last, first, codes, size, fractions = 0, None, None, frozenset(), None, False
    crc = NO_CRC
    limits = np.array([[np.inf, -np.inf], [np.inf, -np.inf]])
    for raw in blocks:
        rules.check_columns(raw)
        falls = np.any(raw.t[1:] < raw.t[:-1]) or (last is not None and raw.t[0] < last)
        if falls:
            raise RecordingError("its events are not in order of time; `read_recording` sorts them")
        first, last = raw.t[0] if first is None else first, raw.t[-1]
        count, size, crc = count + len(raw.t), raw.size, _crc_of(raw, crc)
        here = np.array([[axis.min(), axis.max()] for axis in (raw.x, raw.y)], np.float64)
        limits = np.stack([np.minimum(limits, here)[:, 0], np.maximum(limits, here)[:, 1]], axis=1)
        codes |= frozenset(np.unique(raw.p).tolist())
        fractions |= rules.guessed_unit(raw.t) == "s"
    if first is None or last is None:
        raise RecordingError("the recording holds no event")
    return _Facts(count, limits, (first, last), codes, unit or ("s" if fractions else "us"), size, crc)


def _crc_of(events: RawEvents | Events, before: tuple[int, ...]) -> tuple[int, ...]:
    """Running CRC of each column, whatever the blocks."""
    columns = (np.ascontiguousarray(column) for column in (events.x, events.y, events.t, events.p))
    return tuple(zlib.crc32(column.data, crc) for column, crc in zip(columns, before, strict=True))


def _checksum(crc: tuple[int, ...]) -> str:
    return "".join(f"{value:08x}" for value in crc)


def _clean(
    reader: Callable[[Path], Iterator[RawEvents]], path: Path, facts: _Facts, sensor: Sensor
) -> Iterator[Events]:
    brighter = 2 if 2 in facts.codes else 1
    for raw in reader(path):
        x, y, _ = rules.whole_coordinates(raw.x, raw.y)
        yield Events(
            (x - sensor.first_pixel).astype(np.int32),
            (y - sensor.first_pixel).astype(np.int32),
            rules.microseconds(raw.t, facts.unit),
            (raw.p == brighter).astype(np.uint8),
        )
