"""`.txt`/`.csv`: one event a line, `t x y p` or in the order a header line names.

Columns are split by blanks, commas or semicolons. Lines before the first event that begin with `#`, `%`
or `//` are comments; one of two numbers is `width height`.
"""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import in_order, named_columns
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents

ENCODING = "utf-8-sig"
HEADER_LINES = 200
COMMENTS = ("#", "%", "//")
ORDER = {"t": 0, "x": 1, "y": 2, "p": 3}


@dataclass(frozen=True)
class Layout:
    """What the head of the file tells: lines before the first event, separator, column positions, sensor size."""

    skip: int
    separator: str | None
    order: dict[str, int]
    size: Size | None


def read_text(path: Path) -> RawEvents:
    """The events of a text file; an incomplete last line is dropped and counted."""
    layout, repairs = layout_of(path), {}
    try:
        rows = _load(path, layout)
    except ValueError as error:
        rows = _load(path, layout, rows_before_broken_end(path, layout, error))
        repairs["incomplete last line dropped"] = 1
    columns = {column: rows[:, k] for k, column in enumerate(layout.order)}
    return RawEvents(*in_order(columns), size=layout.size, repairs=repairs)


def layout_of(path: Path) -> Layout:
    """Where the events begin and how their columns are ordered; RecordingError where there is no event."""
    order, size = ORDER, None
    with path.open(encoding=ENCODING, errors="replace") as file:
        for number, line in enumerate(itertools.islice(file, HEADER_LINES)):
            words = split(line.lstrip("#%/ "))
            if named_columns(words):
                order = _positions(words)
            elif words and not line.lstrip().startswith(COMMENTS):
                numbers = all(map(is_number, words))
                if numbers and len(words) >= len(ORDER):
                    return Layout(number, separator_of(line), order, size)
                size = (int(words[1]), int(words[0])) if [w.isdigit() for w in words] == [True, True] else size
    raise RecordingError(f"none of its first lines holds an event, expected four numbers: {', '.join(order)}")


def split(line: str) -> list[str]:
    """The words of a line, whatever separates them."""
    return [word for word in re.split(r"[,;\s]+", line.strip()) if word]


def separator_of(line: str) -> str | None:
    """The comma or semicolon between the numbers of `line`, or None for blanks."""
    return next((mark for mark in ",;" if mark in line), None)


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _positions(words: list[str]) -> dict[str, int]:
    return {column: words.index(name) for column, name in (named_columns(words) or {}).items()}


def rows_before_broken_end(path: Path, layout: Layout, error: ValueError) -> int:
    """Number of events before an unreadable last line; RecordingError when it is another line, or the only one."""
    rows = 0
    with path.open(encoding=ENCODING, errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text = line.partition("#")[0].strip()
            if number <= layout.skip or not text:
                continue
            if not _holds_event(text, layout):
                if rows and not any(rest.strip() for rest in file):
                    return rows
                raise RecordingError(f"line {number} is {text[:60]!r}, expected numbers {', '.join(layout.order)}")
            rows += 1
    raise RecordingError(f"its lines cannot be read ({error})") from error


def _holds_event(text: str, layout: Layout) -> bool:
    words = text.split(layout.separator)
    return len(words) > max(layout.order.values()) and all(is_number(words[k]) for k in layout.order.values())


def _load(path: Path, layout: Layout, rows: int | None = None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*max_rows", category=UserWarning)
        return np.loadtxt(
            path,
            delimiter=layout.separator,
            skiprows=layout.skip,
            usecols=tuple(layout.order.values()),
            max_rows=rows,
            ndmin=2,
            encoding=ENCODING,
        )
