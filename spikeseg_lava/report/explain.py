"""Where a number of the report comes from."""

from __future__ import annotations

from difflib import get_close_matches

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.report.figure import Figure
from spikeseg_lava.report.report import Report


def explain_figure(report: Report, key: str) -> Figure:
    """The figure of that key, such as `conv2.synapses`; ArgumentError names near ones."""
    if key not in report.figures:
        near = get_close_matches(key, report.figures, n=3) or list(report.figures)[:3]
        raise ArgumentError(f"`key` must be a figure of the report such as {', '.join(near)}, got {key!r}")
    return report.figures[key]


def explanation(figure: Figure) -> str:
    """`key = value unit: formula [source]`, on one line."""
    return f"{figure.key} = {figure.text}: {figure.formula} [{figure.source}]"
