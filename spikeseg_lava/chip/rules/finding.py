"""What a design rule says when it is broken."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    Attributes:
        rule: name of the rule.
        layer: name of the layer, or "network".
        severity: "error": the integers would not behave as computed, or do not fit. "warning": they may not, or cost
            more than expected. "info": the stock parts of the chip's software cannot do it, or a fact worth knowing.
        value, limit: what was found and what was allowed, in `unit`.
        message: what is wrong, in words.
        remedy: what to do about it.
    """

    rule: str
    layer: str
    severity: Severity
    value: int
    limit: int
    unit: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
