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
from functools import partial
from pathlib import Path
from typing import IO

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events import raw_events
from spikeseg_lava.events.cleaning import cleaned
from spikeseg_lava.events.formats import GROUPED, READERS, reader_of
from spikeseg_lava.events.frames import Size, checked_size
from spikeseg_lava.events.raw_events import RawEvents, TimeUnit
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import RecordingWarning
from spikeseg_lava.events.stream import EventStream

EVENTS_IN_MEMORY = 2**29  # 9 GB of clean events
STANDARD_INPUT = "-"
PIPE_PATIENCE = 10.0  # seconds until somebody must have begun to write into a named pipe


def read_recording(
    path: str | os.PathLike[str],
    *,
    sensor_size: Size | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    group: str | None = None,
) -> Recording:
    """Read an event recording.

    Args:
        path: `.mat` (struct TD, v5 or v7.3), `.aedat4`, `.aedat` (2 or 3.1), `.es`, Prophesee `.raw` or `.dat`,
            `.h5`/`.hdf5`, `.npy`, `.npz` (columns), `.bin` (N-MNIST), or `.txt`/`.csv` with `t x y p` or a header line
            that names the columns, also as `.zip` or `.gz`; a named pipe; or `-`, text from the standard input.
        sensor_size: (height, width) in pixels; default: by the header, the file name (`atis`, `davis346`, ...), or
            the largest coordinate.
        format: one of those suffixes without the dot, for a file named otherwise.
        time_unit: `s`, `ms`, `us` or `ns`; default: by the format or the header, else guessed by a rule and said so
            (`guessed_unit`, docs/own-camera.md).
        group: place of the events in an HDF5 file of several cameras.

    Polarity +1 becomes 1 and -1 becomes 0; of 1/2, 2 becomes 1. Pixels counted from 1 (the TD structs of MATLAB) are
    counted from 0 here. What else had to be mended is counted in `Recording.repairs` and told by a RecordingWarning,
    and so is every guess.

    Raises:
        RecordingError: the file is missing, truncated beyond repair, malformed, or holds no event.
        ArgumentError: an unknown format, size or unit was asked for.
    """
    return _opened(path, sensor_size, format, time_unit, group, whole=True).recording()


def open_events(
    path: str | os.PathLike[str],
    *,
    sensor_size: Size | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
    group: str | None = None,
) -> EventStream:
    """A stream over a file, in bounded memory: the events, repairs, warnings and errors are those of `read_recording`.

    The file is gone through once to know its size, unit and limits, and again for each pass over the events. A pipe
    cannot be gone through twice: its events are kept in memory. So are those that come far too late, until they are
    in order of time.
    """
    return _opened(path, sensor_size, format, time_unit, group, whole=False)


def _opened(
    path: str | os.PathLike[str],
    sensor_size: Size | None,
    format: str | None,
    time_unit: TimeUnit | None,
    group: str | None,
    whole: bool,
) -> EventStream:
    size = None if sensor_size is None else checked_size("sensor_size", sensor_size)
    file_format = _format_of(path, format)
    if time_unit is not None and time_unit not in raw_events.UNITS:
        raise ArgumentError(f"`time_unit` must be one of {', '.join(raw_events.UNITS)}, got {time_unit!r}")
    if group is not None and file_format not in GROUPED:
        raise ArgumentError(
            f"`group` chooses a place in an HDF5 file ({', '.join(GROUPED)}), got a .{file_format} file"
        )
    read = partial(reader_of(file_format), group=group) if group is not None else reader_of(file_format)
    try:
        stream, guesses = cleaned(_blocks(path, read, whole), path, file_format, size, time_unit)
    except (RecordingError, OSError) as error:
        raise RecordingError(f"`{path}` cannot be read as a .{file_format} recording: {error}") from error
    _warn(path, stream, guesses)
    return stream


def _format_of(path: str | os.PathLike[str], asked: str | None) -> str:
    if asked is None and os.fspath(path) == STANDARD_INPUT:
        return "txt"
    name = (asked if asked is not None else Path(path).suffix).lower().lstrip(".")
    if name not in READERS:
        which = "`format`" if asked is not None else f"the suffix of `{path}`"
        raise ArgumentError(f"{which} must be one of {', '.join(READERS)}, got {name!r}")
    return name


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
        warnings.warn(f"`{path}` {'. '.join([*told, *guesses])}", RecordingWarning, stacklevel=4)
