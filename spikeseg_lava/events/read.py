"""`read_recording`: which reader for which file, and one line that says what was wrong."""

from __future__ import annotations

import os
from pathlib import Path

from spikeseg_lava.errors import ArgumentError, RecordingError
from spikeseg_lava.events.formats import READERS
from spikeseg_lava.events.frames import Size, checked_size
from spikeseg_lava.events.raw_events import MICROSECONDS, TimeUnit
from spikeseg_lava.events.recording import Recording
from spikeseg_lava.events.repair import repaired


def read_recording(
    path: str | os.PathLike[str],
    *,
    sensor_size: Size | None = None,
    format: str | None = None,
    time_unit: TimeUnit | None = None,
) -> Recording:
    """Read an event recording.

    Args:
        path: `.mat` (struct TD, v5 or v7.3), `.aedat4`, `.es`, Prophesee `.raw` or `.dat`, `.h5`/`.hdf5`, `.npy`,
            or `.txt`/`.csv` with `t x y p` or a header line that names the columns.
        sensor_size: (height, width) in pixels; default: by the header, the file name (`atis`, `davis346`, ...), or
            the largest coordinate.
        format: one of those suffixes without the dot, for a file named otherwise.
        time_unit: of `.txt`, `.csv`, `.npy` and `.h5`; default: seconds where times have fractions, else microseconds.

    Polarity +1 becomes 1 and -1 becomes 0; of 1/2, 2 becomes 1. Pixels counted from 1 (the TD structs of MATLAB) are
    counted from 0 here. What else had to be mended is counted in `Recording.repairs` and told by a RecordingWarning.

    Raises:
        RecordingError: the file is missing, truncated beyond repair, malformed, or holds no event.
        ArgumentError: an unknown format, size or unit was asked for.
    """
    file_format = _format_of(Path(path), format)
    size = None if sensor_size is None else checked_size("sensor_size", sensor_size)
    if time_unit is not None and time_unit not in MICROSECONDS:
        raise ArgumentError(f"`time_unit` must be one of {', '.join(MICROSECONDS)}, got {time_unit!r}")
    if not Path(path).is_file():
        raise RecordingError(f"`{path}` is not there or is no file")
    try:
        return repaired(READERS[file_format](Path(path)), path, file_format, size, time_unit)
    except (RecordingError, OSError) as error:
        raise RecordingError(f"`{path}` cannot be read as a .{file_format} recording: {error}") from error


def _format_of(path: Path, asked: str | None) -> str:
    name = (asked if asked is not None else path.suffix).lower().lstrip(".")
    if name not in READERS:
        which = "`format`" if asked is not None else f"the suffix of `{path}`"
        raise ArgumentError(f"{which} must be one of {', '.join(READERS)}, got {name!r}")
    return name
