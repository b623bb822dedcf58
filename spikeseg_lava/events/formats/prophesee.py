"""Prophesee `.raw` (EVT 2, 2.1 and 3) and `.dat`, decoded here, block by block.

The decoding library trusts every word; cameras and cables do not deserve that. What these decoders add to the
published formats (docs.prophesee.ai, "Data encoding formats"; clock rules after OpenEB's decoders):

* no event has a time before the first clock word, nor a row before the first row word: dropped and counted;
* the clock is followed by its differences, so that it may step back, wrap, or wrap while words are lost;
* a clock word that leaps and is taken back by the next one is a flipped bit: skipped and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats import evt
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents
from spikeseg_lava.events.sensor import size_from_name

WORDS = 2**18  # of a block
LONGEST_HEADER = 2**16  # bytes
CHANGE_EVENTS = (0, 12)  # event types of .dat: "2d" and "CD", of the same bits
Decoder = Callable[[NDArray[Any], evt.State, bool], evt.Decoded]
DECODERS: dict[str, tuple[str, Decoder]] = {
    "2.0": ("<u4", evt.decode_evt2),
    "2.1": ("<u8", evt.decode_evt21),
    "3.0": ("<u2", evt.decode_evt3),
}


def read_raw(path: Path) -> Iterator[RawEvents]:
    """The events of a Prophesee RAW file."""
    with path.open("rb") as file:
        header = header_lines(file)
        version = evt_version(header)
        if version not in DECODERS:
            raise RecordingError(f"its header says EVT version {version!r}, expected one of {', '.join(DECODERS)}")
        dtype, decode = DECODERS[version]
        state, left = evt.State(), b""
        words = np.zeros(0, dtype)
        size, start = stated_size(header), stated_start(header)
        while True:
            data = left + file.read(WORDS * np.dtype(dtype).itemsize)
            final = not len(data) - len(left)
            fresh = np.frombuffer(data, dtype, len(data) // np.dtype(dtype).itemsize)
            left = data[fresh.nbytes :]
            words = np.concatenate([words, fresh])
            if version == "2.1":
                state.head_first = _is_legacy(words, header) if state.head_first is None else state.head_first
            decoded = decode(words, state, final)
            words = words[decoded.used :]
            if 2 * decoded.repairs["unknown words skipped"] > len(fresh) + 100:
                raise RecordingError(
                    f"most of its words are unknown in EVT {version}: it is damaged or of another kind"
                )
            repairs = {**decoded.repairs, "bytes of an incomplete last event dropped": len(left) if final else 0}
            x, y, t, p = decoded.columns
            yield RawEvents(x, y, t + start, p, size, first_pixel=0, time_unit="us", repairs=repairs)
            if final:
                return


def _is_legacy(words: NDArray[np.uint64], header: Sequence[str]) -> bool:
    """Whether the half of an EVT 2.1 word that tells its type comes first in the file.

    The header seldom says so. A clock word has type 8 in one half and nothing in the other.
    """
    for line in header:
        if match := re.search(r"endianness[ =]+(\w+)", line):
            return match[1].lower() == "legacy"
    first, second = words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)
    clock = [int(np.count_nonzero((a >> np.uint64(28) == 8) & (b == 0))) for a, b in ((first, second), (second, first))]
    return clock[0] > clock[1]


def read_dat(path: Path) -> Iterator[RawEvents]:
    """The change events of a Prophesee DAT file."""
    with path.open("rb") as file:
        header = header_lines(file)
        kind, length = _dat_type(file)
        if kind not in CHANGE_EVENTS or length != 8:
            raise RecordingError(f"its events are of type {kind} and {length} bytes, expected 0 (2d) or 12 (CD) and 8")
        old = any(re.search(r"^version\s+1\b", line, re.IGNORECASE) for line in header)
        size, start = stated_size(header), stated_start(header)
        while data := file.read(WORDS * 8):
            rows = np.frombuffer(data, "<u4", len(data) // 8 * 2).reshape(-1, 2)
            repairs = {"bytes of an incomplete last event dropped": len(data) % 8}
            rows, repairs["words of padding dropped"] = _unpadded(rows)
            x, y, p = dat_columns(rows[:, 1], old)
            yield RawEvents(x, y, rows[:, 0].astype(np.int64) + start, p, size, 0, "us", repairs=repairs)


def _dat_type(file: IO[bytes]) -> tuple[int, int]:
    code = file.read(2)
    if len(code) < 2:
        raise RecordingError("it is truncated: its header is not followed by the type of its events")
    return code[0], code[1]


def dat_columns(word: NDArray[np.uint32], old: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """x, y, p of the second word of an event: 14, 14 and 4 bits; 9, 8 and 1 in version 1."""
    if old:
        return word & 0x1FF, (word >> 9) & 0xFF, (word >> 17) & 1
    return word & 0x3FFF, (word >> 14) & 0x3FFF, ((word >> 28) & 0xF != 0).astype(np.uint8)


def _unpadded(rows: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], int]:
    """Without rows of zeros that follow one another: no pixel gives two events at one time."""
    zero = np.concatenate([[False], ~rows.any(axis=1), [False]])
    padding = zero[1:-1] & (zero[:-2] | zero[2:])
    count = int(np.count_nonzero(padding))
    return (rows[~padding], 2 * count) if count else (rows, 0)


def header_lines(file: IO[bytes]) -> list[str]:
    """The leading lines that begin with `%`, without it, up to `% end` where there is one; any encoding."""
    lines: list[str] = []
    while lines[-1:] != ["end"]:
        place = file.tell()
        if file.read(1) != b"%" or place > LONGEST_HEADER:
            file.seek(place)
            break
        lines.append(file.readline(LONGEST_HEADER).decode("latin-1").strip())
    return lines


def evt_version(header: Sequence[str]) -> str | None:
    """The version ("2.0", "2.1", "3.0") by the line `evt 3.0` or `format EVT3;...`, None where neither is there."""
    for line in header:
        if match := re.match(r"evt\s+(\S+)", line, re.IGNORECASE):
            return match[1]
        if match := re.match(r"format\s+evt(\d)\.?(\d?)", line, re.IGNORECASE):
            return f"{match[1]}.{match[2] or 0}"
    return None


def stated_size(header: Sequence[str]) -> Size | None:
    """(height, width) by the geometry, the options of the format, the lines height and width, or the plug-in's name."""
    text = "\n".join(header)
    if match := re.search(r"^geometry\D*(\d+)\s*[x, ]\s*(\d+)", text, re.MULTILINE | re.IGNORECASE):
        return _checked(match[2], match[1])
    height, width = (re.search(rf"(?:^|;|\s){name}[ =]+(\d+)", text, re.MULTILINE | re.IGNORECASE) for name in SIDES)
    if height and width:
        return _checked(height[1], width[1])
    names = re.findall(r"^(?:plugin_name|sensor_name|generation|system)\s+(.*)$", text, re.MULTILINE | re.IGNORECASE)
    return next((size for name in names if (size := _camera_of(name))), None)


def stated_start(header: Sequence[str]) -> int:
    """The time in microseconds from which the file counts, by the line `t0` that faery writes; else 0."""
    return next((int(match[1]) for line in header if (match := re.fullmatch(r"t0\s+(\d{1,18})", line.lower()))), 0)


SIDES = ("height", "width")


def _camera_of(name: str) -> Size | None:
    """By a plug-in such as `hal_plugin_imx636_evk4`, or a generation such as `4.2`."""
    words = [name.lower(), *re.split(r"[_\W]+", name.lower()), f"gen{name.strip().lower()}"]
    return next((size for word in words if (size := size_from_name(word))), None)


def _checked(height: str, width: str) -> Size | None:
    size = int(height[:6]), int(width[:6])
    return size if min(size) > 0 and max(size) <= 2**14 else None
