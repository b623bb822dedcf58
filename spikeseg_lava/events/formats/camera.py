"""Files as cameras write them, decoded by faery: `.aedat4`, `.es`, Prophesee `.raw` (EVT 2, 2.1, 3) and `.dat`.

faery undoes clock overflows and never lets time fall: an event stamped earlier than the one before it gets that one's
time. It turns `.es` upside up (row 0 on top). A stream cut between two events cannot be told from a complete one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.raw_events import RawEvents

UNSTATED = (65535, 65535)  # stands for a size that the header leaves out
CUT_SHORT = "failed to fill whole buffer"
EVENT_BYTES = {"2.0": 4, "2.1": 8, "3.0": 2}


def read_aedat4(path: Path) -> RawEvents:
    """The first event stream of an AEDAT 4 file; further ones are counted as ignored."""
    with _decoding() as faery, faery.aedat.Decoder(path) as decoder:
        streams = [track for track in decoder.tracks() if track.data_type == "events"]
    if not streams:
        raise RecordingError("it holds no stream of events")
    return _decoded(path, "aedat", {"further event streams ignored": len(streams) - 1})


def read_es(path: Path) -> RawEvents:
    """The change events of an Event Stream file of type dvs or atis."""
    with _decoding() as faery, faery.es.Decoder(path, 0) as decoder:
        kind = decoder.event_type
    if kind not in ("dvs", "atis"):
        raise RecordingError(f"its events are of type {kind!r}, expected dvs or atis")
    return _decoded(path, "es", {})


def read_raw(path: Path) -> RawEvents:
    """The events of a Prophesee RAW file."""
    header = header_lines(path)
    version = evt_version(header)
    if version not in EVENT_BYTES:
        raise RecordingError(f"its header says EVT version {version!r}, expected one of {', '.join(EVENT_BYTES)}")
    left_over = (path.stat().st_size - sum(map(len, header))) % EVENT_BYTES[version]
    return _decoded(path, "evt", {"bytes of an incomplete last event dropped": left_over})


def read_dat(path: Path) -> RawEvents:
    """The change events of a Prophesee DAT file."""
    header = header_lines(path)
    with _decoding() as faery, faery.dat.Decoder(path, UNSTATED, "dat2") as decoder:
        kind = decoder.event_type
    if kind != "cd":
        raise RecordingError(f"its events are of type {kind!r}, expected cd")
    left_over = (path.stat().st_size - sum(map(len, header)) - 2) % 8
    return _decoded(path, "dat", {"bytes of an incomplete last event dropped": left_over})


def header_lines(path: Path) -> list[bytes]:
    """The leading lines that begin with `% `, newlines included, up to `% end` where there is one."""
    lines: list[bytes] = []
    with path.open("rb") as file:
        while file.peek(2)[:2] == b"% " and (not lines or lines[-1].strip() != b"% end"):
            lines.append(file.readline())
    return lines


def evt_version(header: list[bytes]) -> str | None:
    """The version ("2.0", "2.1", "3.0") by the line `% evt 3.0` or `% format EVT3;...`, None where neither is there."""
    for line in header:
        words = line[2:].decode("latin-1").lower().replace(";", " ").split()
        if words[:1] == ["evt"] and len(words) > 1:
            return words[1]
        if words[:1] == ["format"] and len(words) > 1 and words[1].startswith("evt"):
            return words[1][3:] if "." in words[1] else words[1][3:] + ".0"
    return None


def _decoded(path: Path, kind: Literal["aedat", "es", "evt", "dat"], repairs: dict[str, int]) -> RawEvents:
    packets: list[np.ndarray] = []
    with _decoding() as faery:
        stream = faery.events_stream_from_file(path, dimensions_fallback=UNSTATED, file_type=kind)
    try:
        with _decoding():
            packets.extend(stream)
    except RecordingError as error:
        if not packets or CUT_SHORT not in str(error):
            raise
        repairs["incomplete last packet dropped"] = 1
    if not packets:
        raise RecordingError("the recording holds no event")
    events, (width, height) = np.concatenate(packets), stream.dimensions()
    size = None if (width, height) == UNSTATED else (height, width)
    t = events["t"].astype(np.int64)
    return RawEvents(events["x"], events["y"], t, events["on"], size, first_pixel=0, time_unit="us", repairs=repairs)


@contextmanager
def _decoding() -> Iterator[Any]:
    """The library, with what it raises (RuntimeError) told as RecordingError."""
    try:
        import faery
    except ImportError as error:
        raise RecordingError("this format needs the package faery: `pip install faery`") from error
    try:
        yield faery
    except RuntimeError as error:
        cut = " (the file is truncated)" if CUT_SHORT in str(error) else ""
        raise RecordingError(f"{error}{cut}") from error
