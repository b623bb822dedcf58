"""The names under which files keep the four columns of an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

ALIASES: Mapping[str, tuple[str, ...]] = {
    "t": ("t", "ts", "timestamp", "timestamps", "time", "times"),
    "x": ("x", "xs", "x_pos"),
    "y": ("y", "ys", "y_pos"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on"),
}


def named_columns(names: Iterable[str]) -> dict[str, str] | None:
    """Column t, x, y, p -> the name it goes by among `names`, or None unless all four are there."""
    lower = {name.strip().lower(): name for name in names}
    found = {column: next((lower[a] for a in aliases if a in lower), None) for column, aliases in ALIASES.items()}
    complete = {column: name for column, name in found.items() if name is not None}
    return complete if len(complete) == len(ALIASES) else None


def in_order(columns: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The columns x, y, t, p, as RawEvents takes them."""
    return columns["x"], columns["y"], columns["t"], columns["p"]
