"""The two things a report consists of: figures with formula and source, and tables that every form shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    Attributes:
        key: its name, `<layer>.<quantity>` or `network.<quantity>`.
        value: the number; None where nothing that could tell it was given.
        unit: what is counted.
        formula: how it came about, with the numbers put in.
        source: what the formula rests on: a definition of this package, a limit of the chip, a paper.
    """

    key: str
    value: int | float | None
    unit: str
    formula: str
    source: str

    @property
    def text(self) -> str:
        """Value and unit as one would write them."""
        return f"{number(self.value)} {self.unit}".strip()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def number(value: int | float | None) -> str:
    """Digits in groups; four significant ones of a fraction; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


@dataclass(frozen=True)
class Table:
    """Title (with units), column names, rows of text, numbers and None, and a note below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Per column: it holds no text."""
        return [not any(isinstance(row[k], str) for row in self.rows) for k in range(len(self.columns))]

    def to_json(self) -> dict[str, Any]:
        rows = [list(row) for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows, "note": self.note}

    def __str__(self) -> str:
        cells = [list(self.columns), *([cell_text(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = (_line(row, widths, self.numeric) for row in cells)
        return "\n".join([self.title, *lines, *([self.note] if self.note else [])])


def cell_text(cell: Any) -> str:
    """A cell as text: digits in groups, a dash for nothing."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else number(cell)


def _line(row: list[str], widths: list[int], numeric: list[bool]) -> str:
    cells = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True))
    return "  ".join(cells).rstrip()
