"""Which column of a file is which: by the names in use, or by the values where there are no names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.events.raw_events import TimeUnit, named_unit

ALIASES: Mapping[str, tuple[str, ...]] = {
    "t": ("t", "ts", "timestamp", "timestamps", "time_stamp", "time", "times"),
    "x": ("x", "xs", "x_pos", "xpos", "x_addr", "xaddr", "column", "col"),
    "y": ("y", "ys", "y_pos", "ypos", "y_addr", "yaddr", "row"),
    "p": ("p", "ps", "pol", "pols", "polarity", "polarities", "on"),
}
SECONDS, NANOSECONDS = ("secs", "sec"), ("nsecs", "nsec", "nanosec")  # of a ROS time stamp
ORDERS = ("txyp", "xytp", "xypt")  # in use for columns without names, the usual one first
CODES = ({0, 1}, {-1, 1}, {1, 2})
UNIT = re.compile(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]")
SUFFIX = re.compile(r"(.*)_(s|ms|us|ns|px)")


@dataclass(frozen=True)
class Names:
    """The names under which the four columns go, and the unit of time that a name carries (`time (us)`, `t_ns`).

    `nanoseconds` is the further column of a time stamp whose `t` holds whole seconds.
    """

    t: str
    x: str
    y: str
    p: str
    unit: TimeUnit | None = None
    nanoseconds: str | None = None

    def __getitem__(self, column: str) -> str:
        return str(getattr(self, column))


def named_columns(names: Iterable[str]) -> Names | None:
    """Which of `names` is t, x, y, p, or None unless all four are there."""
    plain: dict[str, tuple[str, TimeUnit | None]] = {}
    for name in names:
        word, unit = _plain(name)
        plain.setdefault(word, (name, unit))
    found = {column: _first(plain, aliases) for column, aliases in ALIASES.items()}
    seconds, nanoseconds = _first(plain, SECONDS), _first(plain, NANOSECONDS)
    if found["t"] is None and nanoseconds:
        found["t"] = seconds
    if any(name is None for name in found.values()):
        return None
    columns = {column: name[0] for column, name in found.items() if name}
    if found["t"] is seconds and seconds and nanoseconds:
        return Names(**columns, unit="ns", nanoseconds=nanoseconds[0])
    return Names(**columns, unit=found["t"][1] if found["t"] else None)


def _first(
    plain: Mapping[str, tuple[str, TimeUnit | None]], words: Sequence[str]
) -> tuple[str, TimeUnit | None] | None:
    return next((plain[word] for word in words if word in plain), None)


def _plain(name: str) -> tuple[str, TimeUnit | None]:
    """`Events.Time [us]` -> "time" and "us"."""
    word = name.strip().strip("\"'").strip().lower()
    unit = None
    if match := UNIT.fullmatch(word):
        word, unit = match[1].strip(), named_unit(match[2].split()[-1]) if match[2].split() else None
    elif (match := SUFFIX.fullmatch(word)) and match[1] in {"x", "y", *ALIASES["t"]}:
        word, unit = match[1], named_unit(match[2])
    return word.rpartition(".")[2], unit


def column_order(rows: NDArray[Any]) -> str:
    """The order of columns without names, "txyp" unless the values of `rows` [N, 4] tell another.

    An order is possible if its polarities are of one known code; of those, the one whose times fall least often is
    taken, and the usual one where the others are not clearly better.
    """
    possible = [order for order in ORDERS if _is_polarity(rows[:, order.index("p")])]
    if not possible or len(rows) < 2:
        return ORDERS[0]
    rising = {order: float(np.mean(np.diff(rows[:, order.index("t")]) >= 0)) for order in possible}
    best = max(possible, key=lambda order: rising[order])
    usual = ORDERS[0] in possible and rising[ORDERS[0]] >= min(0.9, rising[best])
    return ORDERS[0] if usual else best


def order_guess(order: str) -> tuple[str, ...]:
    """The sentence that tells an unusual order."""
    if order == ORDERS[0]:
        return ()
    return (f"columns without names are taken as {', '.join(order)}, by their values; name them if they are not",)


def _is_polarity(column: NDArray[Any]) -> bool:
    found = set(np.unique(column)[:4].tolist())
    return any(found <= codes for codes in CODES)
