"""A number that explains itself."""

from __future__ import annotations

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
