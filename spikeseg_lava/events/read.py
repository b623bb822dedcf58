"""`read_recording` and `open_events`: one way from any file to clean events, in memory or block by block."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events import raw_events
from spikeseg_lava.events.cleaning import cleaned
from spikeseg_lava.events.formats import GROUPED, READERS, format_of_content, reader_of
from spikeseg_lava.events.frames import Size, checked_size, whole_number
from spikeseg_lava.events.raw_events import RawEvents, TimeUnit
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning
from spikeseg_lava.events.stream import EventStream

EVENTS_IN_MEMORY = 2**29  # 9 GB of clean events
STANDARD_INPUT = "-"
PIPE_PATIENCE = 10.0  # seconds until somebody must have begun to write into a named pipe


@dataclass(frozen=True)
class ReadOptions:
    """How a recording is read; what `read_recording` and `open_events` take by name.

    Attributes:
        sensor_size: (height, width) in pixels; default: by the header, the file name (`atis`, `davis346`, ...), or
            the largest coordinate.
        format: a suffix without the dot, for a file named otherwise.
        time_unit: `s`, `ms`, `us` or `ns`; default: by the format or the header, else by a rule that is told where it
            guesses (docs/own-camera.md).
        group: place of the events in an HDF5 file of several cameras.
        start_us: microseconds after the first event at which to begin.
        duration_us: microseconds from there on; default: to the last event.
        denoise: leave out hot pixels and events without company (`denoise`).
    """

    sensor_size: Size | None = None
    format: str | None = None
    time_unit: TimeUnit | None = None
    group: str | None = None
    start_us: int = 0
    duration_us: int | None = None
    denoise: bool = False

    def __post_init__(self) -> None:
        if self.sensor_size is not None:
            object.__setattr__(self, "sensor_size", checked_size("sensor_size", self.sensor_size))
        if self.time_unit is not None and self.time_unit not in raw_events.UNITS:
            raise ArgumentError(f"`time_unit` must be one of {', '.join(raw_events.UNITS)}, got {self.time_unit!r}")
        whole_number("start_us", self.start_us, 0)
        if self.duration_us is not None:
            whole_number("duration_us", self.duration_us, 1)

    @property
    def cuts(self) -> bool:
        """Whether a part of the recording is wanted."""
        return self.start_us > 0 or self.duration_us is not None


def read_recording(
    path: str | os.PathLike[str],
    *,
    sensor_size: Size | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    group: str | None = None,
    start_us: int = 0,
    duration_us: int | None = None,
    denoise: bool = False,
) -> Recording:
    """Read an event recording.

    Args:
        path: `.mat` (struct TD, v5 or v7.3), `.aedat4`, `.aedat` (2 or 3.1), `.es`, Prophesee `.raw` or `.dat`,
            `.h5`/`.hdf5`, `.npy`, `.npz` (columns), `.bin` (N-MNIST), or `.txt`/`.csv` with `t x y p` or a header line
            that names the columns, also as `.zip` or `.gz`; a named pipe; or `-`, text from the standard input.

    The other arguments are those of `ReadOptions`. Polarity +1 becomes 1 and -1 becomes 0; of 1/2, 2 becomes 1. Pixels
    counted from 1 (the TD structs of MATLAB) are counted from 0 here. What else had to be mended is counted in
    `Recording.repairs` and told by a RecordingWarning, and so is every guess.

    Raises:
        RecordingError: the file is missing, truncated beyond repair, malformed, or holds no event.
        ArgumentError: an unknown format, size or unit was asked for.
    """
    options = ReadOptions(sensor_size, format, time_unit, group, start_us, duration_us, denoise)
    return _opened(path, options, whole=True).recording()


def open_events(
    path: str | os.PathLike[str],
    *,
    sensor_size: Size | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    group: str | None = None,
    start_us: int = 0,
    duration_us: int | None = None,
    denoise: bool = False,
) -> EventStream:
    """A stream over a file, in bounded memory: the events, repairs, warnings and errors are those of `read_recording`.

    The file is gone through once to know its size, unit and limits, and again for each pass over the events. A pipe
    cannot be gone through twice: its events are kept in memory. So are those that come far too late, until they are
    in order of time.
    """
    options = ReadOptions(sensor_size, format, time_unit, group, start_us, duration_us, denoise)
    return _opened(path, options, whole=False)


def _opened(path: str | os.PathLike[str], options: ReadOptions, whole: bool) -> EventStream:
    file_format = _format_of(path, options.format)
    if options.group is not None and file_format not in GROUPED:
        raise ArgumentError(
            f"`group` chooses a place in an HDF5 file ({', '.join(GROUPED)}), `{path}` is .{file_format}"
        )
    read = reader_of(file_format)
    if options.group is not None:
        read = partial(read, group=options.group)
    try:
        blocks = _blocks(path, read, whole)
        stream, guesses = cleaned(blocks, path, file_format, options.sensor_size, options.time_unit)
        stream = _chosen(stream, options)
    except (RecordingError, OSError) as error:
        raise RecordingError(f"`{path}` cannot be read as a .{file_format} recording: {error}") from error
    _warn(path, stream, guesses)
    return stream


def _chosen(stream: EventStream, options: ReadOptions) -> EventStream:
    """The part of the stream that is wanted, without noise where that is wanted."""
    if options.cuts:
        begin = stream.start + options.start_us
        end = stream.stop + 1 if options.duration_us is None else begin + options.duration_us
        stream = stream.between(begin, end)
    if options.denoise:
        from spikeseg_lava.events.denoise import denoise

        return denoise(stream)
    return stream


def _format_of(path: str | os.PathLike[str], asked: str | None) -> str:
    if asked is None and os.fspath(path) == STANDARD_INPUT:
        return "txt"
    name = (asked if asked is not None else Path(path).suffix).lower().lstrip(".")
    if name in READERS:
        return name
    if asked is not None:
        raise ArgumentError(f"`format` must be one of {', '.join(READERS)}, got {name!r}")
    known = format_of_content(Path(path)) if _is_file(path) else None
    if known is None:
        raise ArgumentError(
            f"the suffix of `{path}` must be one of {', '.join(READERS)}, got {name!r}; its contents are of no known "
            "format either"
        )
    return known


def _blocks(
    path: str | os.PathLike[str], read: Callable[[Path], Iterator[RawEvents]], whole: bool
) -> Callable[[], Iterable[RawEvents]]:
    """What begins anew at the first raw block; kept in memory where the recording is wanted whole, or is a pipe."""
    kind = None if os.fspath(path) == STANDARD_INPUT else _kind(Path(path))
    if kind is None or stat.S_ISFIFO(kind):
        with _spooled(path) as file:
            kept = list(_limited(read(file)))
        return lambda: kept
    if not stat.S_ISREG(kind):
        raise RecordingError("it is there, but is no file")
    if whole:
        kept = list(_limited(read(Path(path))))
        return lambda: kept
    return lambda: read(Path(path))


def _is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path can be looked into without waiting: a pipe would be empty afterwards."""
    try:
        return Path(path).is_file()
    except ValueError:
        return False


def _kind(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError) as error:
        raise RecordingError(f"it is not there ({getattr(error, 'strerror', None) or error})") from error


def _limited(blocks: Iterable[RawEvents]) -> Iterator[RawEvents]:
    count = 0
    for raw in blocks:
        count += len(raw.t)
        if count > EVENTS_IN_MEMORY:
            raise RecordingError(
                f"it holds more than {EVENTS_IN_MEMORY} events, the most that are kept in memory; "
                "`open_events` and `run --window` read it block by block"
            )
        yield raw


@contextlib.contextmanager
def _spooled(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file with all that comes out of a pipe: the readers look ahead, and libraries want files."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / f"recording{Path(path).suffix}"
        with spool.open("wb") as target:
            if os.fspath(path) == STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, target)
            else:
                with _pipe(path) as source:
                    shutil.copyfileobj(source, target)
        yield spool


@contextlib.contextmanager
def _pipe(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The named pipe, once somebody writes into it: opening it the plain way would wait for that for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb") as source:
        if not select.select([handle], [], [], PIPE_PATIENCE)[0]:
            raise RecordingError(f"it is a named pipe, and nobody has written into it for {PIPE_PATIENCE:g} s")
        os.set_blocking(handle, True)
        yield source


def _warn(path: str | os.PathLike[str], stream: EventStream, guesses: tuple[str, ...]) -> None:
    mended = "; ".join(f"{name}: {count}" for name, count in stream.repairs.items())
    told = [f"was mended while reading: {mended}"] if mended else []
    if told or guesses:
        warnings.warn(f"`{path}` {'; '.join([*told, *guesses])}", RecordingWarning, stacklevel=4)
