"""`.txt`/`.csv`: one event a line, `t x y p` or in the order a header line names; also inside `.zip` or `.gz`.

One delimiter separates the columns: that of the header line, else the comma, semicolon or tab of the first event,
else blanks. Lines before the first event may be comments (`#`, `%`, `//`), prose, or `width height`. A header line
names the four columns, possibly with units (`time (us)`, `x [px]`); further columns (an index, a label) are left out.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import ORDERS, Names, column_order, named_columns, order_guess
from spikeseg_lava.events.formats.numpy_array import BROKEN_ARCHIVE
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, TimeUnit, named_unit

ENCODING = "utf-8-sig"
HEADER_LINES = 200
LONGEST_LINE = 2**16  # characters; an event takes a hundred
CHUNK = 2**23  # characters, some 300,000 events
COMMENTS = ("#", "%", "//")
MARKS = (",", ";", "\t")

SIZE = re.compile(r"(?:geometry|resolution|sensor size)\D*?(\d+)\D+?(\d+)", re.IGNORECASE)  # width and height
TIME_IN_PROSE = re.compile(r"\b(?:time|timestamp|t)s?\b[\s:]*[\[(]\s*(?:float|int)?\s*(\w+)\s*[\])]", re.IGNORECASE)
TRUTHS = ("true", "false")


@dataclass(frozen=True)
class Layout:
    """What the head of the file tells.

    Attributes:
        skip: lines before the first event.
        delimiter: None for blanks.
        places: numbers of the columns t, x, y, p, and of the nanoseconds of a ROS time stamp, if any.
        truths: polarities are written True and False.
        whole_times: the first time has no fraction.
    """

    skip: int
    delimiter: str | None
    places: tuple[int, ...]
    size: Size | None
    unit: TimeUnit | None = None
    unit_from: str = ""
    truths: bool = False
    whole_times: bool = False
    guesses: tuple[str, ...] = ()


def read_text(path: Path) -> Iterator[RawEvents]:
    """The events of a text file; an incomplete last line is dropped and counted."""
    with _opened(path) as file:
        layout, rest = _layout(file)
        number = layout.skip + 1
        while chunk := file.read(CHUNK):
            text, rest = _complete(rest + chunk)
            lines = text.split("\n")
            if any(lines):
                yield _block(lines, layout, number, is_last=False)
            number += len(lines) - 1
        text, last = _complete(rest)
        if text.strip():
            yield _block(text.split("\n"), layout, number, is_last=False)
        yield _block([last], layout, number, is_last=True)


def _complete(text: str) -> tuple[str, str]:
    """All but the last line that is not blank, and the rest: whether the last line is cut off is known at the end."""
    tail = text[-LONGEST_LINE:]
    end = len(text) - len(tail) + len(tail.rstrip()) if tail.strip() else len(text.rstrip())
    cut = text.rfind("\n", 0, end)
    if len(text) - cut > LONGEST_LINE and len(text[cut:].strip()) > LONGEST_LINE:
        raise RecordingError(f"it has a line of more than {LONGEST_LINE} characters, {text[cut + 1 :][:40]!r}...")
    return (text[: cut + 1], text[cut + 1 :])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The text in the file, or in the archive that the file is."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        try:
            with _unpacked(file, start) as content, io.TextIOWrapper(content, _encoding(start), "replace") as text:
                yield text
        except BROKEN_ARCHIVE as error:
            raise RecordingError(f"it is a damaged archive ({error})") from error


@contextlib.contextmanager
def _unpacked(file: IO[bytes], start: bytes) -> Iterator[IO[bytes]]:
    if start[:2] == b"\x1f\x8b":
        with gzip.open(file) as content:
            yield cast(IO[bytes], content)
    elif start == b"PK\x03\x04":
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith((".txt", ".csv"))]
            if len(names) != 1:
                raise RecordingError(f"it holds {len(names)} files .txt or .csv, expected one: unpack it")
            with archive.open(names[0]) as content:
                yield content
    else:
        yield file


def _encoding(start: bytes) -> str:
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODING


def _layout(file: IO[str]) -> tuple[Layout, str]:
    """The layout, and the text from the first event on that had to be read for it; RecordingError without an event."""
    header: list[str] = []
    for number in range(HEADER_LINES):
        line = file.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise RecordingError(f"line {number + 1} has more than {LONGEST_LINE} characters, it is no text of events")
        if not line:
            break
        if _is_event(line):
            head = [line, *itertools.islice(iter(lambda: file.readline(LONGEST_LINE), ""), 50)]
            return _layout_of(header, head), "".join(head)
        header.append(line)
    raise RecordingError("none of its first lines holds an event, expected four numbers: t, x, y, p")


def _is_event(line: str) -> bool:
    if line.lstrip().startswith(COMMENTS):
        return False
    line = line.partition("#")[0]
    words = split(line, delimiter_of(line))
    numbers = sum(map(is_number, words))
    return numbers >= 4 or (numbers == 3 and any(word.lower() in TRUTHS for word in words))


def _layout_of(header: Sequence[str], head: Sequence[str]) -> Layout:
    first = head[0].partition("#")[0]
    names, delimiter = _named(header, first)
    words = split(first, delimiter)
    layout = Layout(len(header), delimiter, (0, 1, 2, 3), _stated_size(header))
    if names is not None:
        found, places = names
        unit_from = f"column name `{found.t}`" if found.unit else ""
        layout = replace(layout, places=places, unit=found.unit, unit_from=unit_from)
    else:
        order = _order_without_names([split(line, delimiter) for line in head], len(words))
        layout = replace(layout, places=tuple(order.index(c) for c in "txyp"), guesses=order_guess(order))
    if layout.unit is None and (unit := _unit_in_prose(header)):
        layout = replace(layout, unit=unit, unit_from="comment")
    time, polarity = words[layout.places[0]], words[layout.places[3]]
    return replace(layout, truths=polarity.lower() in TRUTHS, whole_times=time.lstrip("+-").isdecimal())


def _named(header: Sequence[str], first: str) -> tuple[tuple[Names, tuple[int, ...]] | None, str | None]:
    """Names and places of the columns by the last line that names as many as the first event has; the delimiter."""
    for line in reversed(header):
        text = line.strip("\r\n ").lstrip("#%/ ") if line.lstrip().startswith(COMMENTS) else line.strip("\r\n")
        mark = delimiter_of(text)
        words = split(text, mark)
        if words and words[0].endswith(":"):
            words = words[1:]
        delimiter = mark if mark and mark in first else delimiter_of(first)
        shift = len(_filled(split(first, delimiter))) - len(_filled(words))
        names = named_columns(words)
        if names is not None and shift in (0, 1):  # a further first column is an index without a name
            columns = [names[c] for c in "txyp"] + ([names.nanoseconds] if names.nanoseconds else [])
            return (names, tuple(words.index(name) + shift for name in columns)), delimiter
    return None, delimiter_of(first)


def _filled(words: list[str]) -> list[str]:
    return words[:-1] if words and not words[-1] else words  # a delimiter may also end the line


def _order_without_names(lines: Sequence[Sequence[str]], width: int) -> str:
    if width > len(ORDERS[0]):
        return ORDERS[0]
    rows = [[float(word) for word in words] for words in lines if len(words) == width and all(map(is_number, words))]
    return column_order(np.array(rows)) if rows else ORDERS[0]


def _stated_size(header: Sequence[str]) -> Size | None:
    for line in header:
        words = split(line, None)
        match = SIZE.search(line) if line.lstrip().startswith(COMMENTS) else None
        width_height = list(match.groups()) if match else words
        if len(width_height) == 2 and all(word.isascii() and word.isdigit() for word in width_height):
            width, height = map(int, width_height)
            if 0 < width < 2**15 and 0 < height < 2**15:
                return height, width
    return None


def _unit_in_prose(header: Sequence[str]) -> TimeUnit | None:
    for match in TIME_IN_PROSE.finditer("\n".join(header)):
        if unit := named_unit(match[1]):
            return unit
    return None


def delimiter_of(line: str) -> str | None:
    """The comma, semicolon or tab between the columns of `line`, or None for blanks."""
    return next((mark for mark in MARKS if mark in line), None)


def split(line: str, delimiter: str | None) -> list[str]:
    """The columns of a line, without quotes around them."""
    line = line.strip("\r\n") if delimiter else line.strip()
    return [word.strip().strip('"') for word in line.split(delimiter)]


def is_number(word: str) -> bool:
    """Whether `word` is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return word.isascii() and "_" not in word


def _block(lines: list[str], layout: Layout, number: int, is_last: bool) -> RawEvents:
    """The events in `lines`, the first of which is line `number` of the file."""
    repairs = {}
    try:
        columns = _parsed(lines, layout)
    except (ValueError, IndexError) as error:
        if not is_last:
            raise RecordingError(_first_bad(lines, layout, number) or f"its lines cannot be read ({error})") from error
        columns, repairs = [np.zeros(0)] * len(layout.places), {"incomplete last line dropped": 1}
    t, x, y, p, *nanoseconds = columns
    if nanoseconds:
        t = t.astype(np.int64) * 1_000_000_000 + nanoseconds[0].astype(np.int64)
    facts: dict[str, Any] = {"time_unit": layout.unit, "unit_from": layout.unit_from, "guesses": layout.guesses}
    return RawEvents(x, y, t, p, layout.size, repairs=repairs, **facts)


def _parsed(lines: list[str], layout: Layout) -> list[NDArray[Any]]:
    """The columns t, x, y, p (and nanoseconds); whole times keep all their digits."""
    if layout.truths:
        lines = [line.lower().replace("true", "1").replace("false", "0") for line in lines]
    if layout.whole_times:
        with contextlib.suppress(ValueError, DeprecationWarning):
            return _loaded(lines, layout, "i8")
    return _loaded(lines, layout, "f8")


def _loaded(lines: list[str], layout: Layout, time: str) -> list[NDArray[Any]]:
    fields = [(name, time if name in "tn" else "f8") for name in "txypn"[: len(layout.places)]]
    quote = '"' if '"' in lines[0] else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input contained no data", category=UserWarning)
        warnings.filterwarnings("error", category=DeprecationWarning)  # NumPy would cut fractions off whole numbers
        table = np.loadtxt(lines, fields, delimiter=layout.delimiter, usecols=layout.places, quotechar=quote, ndmin=1)
    return [np.ascontiguousarray(table[name]) for name, _ in fields]


def _first_bad(lines: Sequence[str], layout: Layout, number: int) -> str | None:
    for k, line in enumerate(lines, start=number):
        event = line.partition("#")[0].strip()
        words = split(event, layout.delimiter)
        wanted = [words[place] if place < len(words) else "" for place in layout.places]
        if event and not all(is_number(word) or word.lower() in TRUTHS for word in wanted):
            return f"line {k} is {event[:60]!r}, expected numbers t, x, y, p"
    return None
