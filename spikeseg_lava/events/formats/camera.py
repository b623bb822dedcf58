"""Files of other cameras: `.aedat4` and `.es` by faery, `.aedat` (AEDAT 2 and 3.1) and N-MNIST's `.bin` read here.

faery runs in a child process: on damaged files its code panics or asks for memory until the process is ended. It
undoes clock overflows and never lets time fall: an event stamped earlier than the one before it gets that one's time.
It turns `.es` upside up (row 0 on top). A stream cut between two events cannot be told from a complete one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import raw_events
from spikeseg_lava.events.raw_events import RawEvents, as_tree, from_tree
from spikeseg_lava.isolation import read_apart

UNSTATED = (65535, 65535)  # stands for a size that the header leaves out
CUT_SHORT = "failed to fill whole buffer"
AEDAT = re.compile(rb"#!AER-DAT(\d\.\d)")
LONGEST_HEADER = 2**20  # bytes
POLARITY_PACKET = 1  # event type of AEDAT 3.1
PACKET_HEADER = np.dtype(
    [("type", "<i2"), ("source", "<i2"), ("size", "<i4"), ("offset", "<i4"), ("overflow", "<i4")]
    + [(name, "<i4") for name in ("capacity", "number", "valid")]
)
NMNIST_SIDE = 34


def read_aedat4(path: Path) -> Iterator[RawEvents]:
    """The first event stream of an AEDAT 4 file; further ones are counted as ignored."""
    return _by_faery(path, "aedat")


def read_es(path: Path) -> Iterator[RawEvents]:
    """The change events of an Event Stream file of type dvs or atis."""
    return _by_faery(path, "es")


def _by_faery(path: Path, kind: Literal["aedat", "es"]) -> Iterator[RawEvents]:
    for tree in read_apart(faery_blocks, path, kind, raw_events.BLOCK, error=RecordingError):
        yield from_tree(tree)


def faery_blocks(path: str, kind: Literal["aedat", "es"], length: int) -> Iterator[dict[str, Any]]:
    """Blocks of at least `length` events, as trees: the part of the child process."""
    try:
        import faery
    except ImportError as error:
        raise RecordingError("this format needs the package faery: `pip install faery`") from error
    try:
        further = _check_tracks(faery, path, kind)
        stream = faery.events_stream_from_file(path, dimensions_fallback=UNSTATED, file_type=kind)
        width, height = stream.dimensions()
        size = None if (width, height) == UNSTATED else (height, width)
        repairs = {"further event streams ignored": further}
        for events in _gathered(stream, length, repairs):
            t = events["t"].astype(np.int64)
            columns = (events["x"], events["y"], t, events["on"])
            yield as_tree(RawEvents(*columns, size, first_pixel=0, time_unit="us", repairs=repairs))
            repairs.clear()
    except RecordingError:
        raise
    except BaseException as error:  # what Rust panics with is no Exception
        told = str(error).encode("ascii", "backslashreplace").decode().strip().splitlines() or [type(error).__name__]
        cut = " (the file is truncated)" if CUT_SHORT in str(error) else ""
        raise RecordingError(f"its decoder stopped: {told[0][:200]}{cut}") from error


def _check_tracks(faery: Any, path: str, kind: str) -> int:
    """The number of event streams behind the first; RecordingError where there is none."""
    if kind == "es":
        with faery.es.Decoder(path, 0) as decoder:
            if decoder.event_type not in ("dvs", "atis"):
                raise RecordingError(f"its events are of type {decoder.event_type!r}, expected dvs or atis")
        return 0
    with faery.aedat.Decoder(path) as decoder:
        streams = [track for track in decoder.tracks() if track.data_type == "events"]
    if not streams:
        raise RecordingError("it holds no stream of events")
    return len(streams) - 1


def _gathered(stream: Any, length: int, repairs: dict[str, int]) -> Iterator[NDArray[Any]]:
    """Packets of the library, gathered to blocks; of a file that is cut off, what came before the cut."""
    packets: list[NDArray[Any]] = []
    yielded = False
    try:
        for packet in stream:
            packets.append(packet)
            if sum(map(len, packets)) >= length:
                yield np.concatenate(packets)
                packets, yielded = [], True
    except RuntimeError as error:
        if CUT_SHORT not in str(error) or not (packets or yielded):
            raise
        repairs["incomplete last packet dropped"] = 1
    if packets or "incomplete last packet dropped" in repairs:
        yield np.concatenate(packets) if packets else np.zeros(0, [("t", "u8"), ("x", "u2"), ("y", "u2"), ("on", "?")])


def read_nmnist(path: Path) -> Iterator[RawEvents]:
    """N-MNIST and N-Caltech101 (`.bin`): 5 bytes an event, x, y, polarity (1 bit) and microseconds (23 bits)."""
    with path.open("rb") as file:
        while data := file.read(5 * raw_events.BLOCK):
            rows = np.frombuffer(data, np.uint8, len(data) // 5 * 5).reshape(-1, 5).astype(np.int64)
            t = ((rows[:, 2] & 0x7F) << 16) | (rows[:, 3] << 8) | rows[:, 4]
            repairs = {"bytes of an incomplete last event dropped": len(data) % 5}
            yield RawEvents(rows[:, 0], rows[:, 1], t, rows[:, 2] >> 7, first_pixel=0, time_unit="us", repairs=repairs)


def read_aedat(path: Path) -> Iterator[RawEvents]:
    """AEDAT 2 of a DVS128 or DAVIS (jAER), and AEDAT 3.1 (cAER)."""
    with path.open("rb") as file:
        header = _aedat_header(file)
        version = AEDAT.match(header[0]) if header else None
        if version is None or version[1] not in (b"2.0", b"3.1"):
            said = header[0][:40].decode("latin-1").strip() if header else "no header"
            raise RecordingError(
                f"it begins with {said!r}, expected `#!AER-DAT2.0` or `#!AER-DAT3.1`; `dv` converts it"
            )
        yield from _aedat2(file, b"".join(header)) if version[1] == b"2.0" else _aedat31(file)


def _aedat_header(file: IO[bytes]) -> Sequence[bytes]:
    lines: list[bytes] = []
    while lines[-1:] != [b"#!END-HEADER\r\n"]:
        place = file.tell()
        if file.read(1) != b"#" or place > LONGEST_HEADER:
            file.seek(place)
            break
        lines.append(b"#" + file.readline(LONGEST_HEADER))
    return lines


def _aedat2(file: IO[bytes], header: bytes) -> Iterator[RawEvents]:
    """Big-endian pairs of address and microseconds; jAER counts x from the right and y from below."""
    davis = re.search(rb"davis\w*?(346|240|208|128)?", header, re.IGNORECASE)
    if davis is None and not re.search(rb"dvs128", header, re.IGNORECASE):
        raise RecordingError("its header names neither a DVS128 nor a DAVIS, whose addresses are known here")
    height, width = {b"346": (260, 346), b"208": (192, 208), b"128": (128, 128)}.get(
        davis[1] if davis else b"128", (180, 240)
    )
    while data := file.read(8 * raw_events.BLOCK):
        rows = np.frombuffer(data, ">u4", len(data) // 8 * 2).reshape(-1, 2).astype(np.int64)
        address = rows[:, 0]
        if davis:
            change = address >> 31 == 0  # not of frames and motion sensors
            change &= (address >> 10) & 1 == 0  # nor external signals
            x, y, p = (address >> 12) & 0x3FF, (address >> 22) & 0x1FF, (address >> 11) & 1
        else:
            change = address >> 15 == 0
            x, y, p = (address >> 1) & 0x7F, (address >> 8) & 0x7F, 1 - (address & 1)
        columns = {"x": width - 1 - x, "y": height - 1 - y, "t": rows[:, 1], "p": p}
        repairs = {"bytes of an incomplete last event dropped": len(data) % 8}
        facts = {"size": (height, width), "first_pixel": 0, "time_unit": "us", "repairs": repairs}
        yield RawEvents.of({name: values[change] for name, values in columns.items()}, **facts)


def _aedat31(file: IO[bytes]) -> Iterator[RawEvents]:
    """Packets of events; those of polarity packets that are valid."""
    while head := file.read(PACKET_HEADER.itemsize):
        cut = len(head) < PACKET_HEADER.itemsize
        packet = np.frombuffer(head.ljust(PACKET_HEADER.itemsize, b"\0"), PACKET_HEADER)[0]
        length = int(packet["size"]) * int(packet["number"])
        if not cut and (length < 0 or int(packet["size"]) < 1 or length > 2**30):
            raise RecordingError(f"it is damaged: a packet of {packet['number']} events of {packet['size']} bytes")
        data = b"" if cut else file.read(length)
        cut |= len(data) < length
        count = len(data) // 8 if packet["type"] == POLARITY_PACKET and packet["size"] == 8 else 0
        rows = np.frombuffer(data, "<u4", 2 * count).reshape(-1, 2).astype(np.int64)
        word, t = rows[:, 0], rows[:, 1] + (int(packet["overflow"]) << 31)
        valid = word & 1 == 1
        columns = {"x": word >> 17, "y": (word >> 2) & 0x7FFF, "t": t, "p": (word >> 1) & 1}
        repairs = {"invalid events dropped": int(np.count_nonzero(~valid)), "incomplete last packet dropped": int(cut)}
        facts = {"first_pixel": 0, "time_unit": "us", "repairs": repairs}
        yield RawEvents.of({name: values[valid] for name, values in columns.items()}, **facts)
