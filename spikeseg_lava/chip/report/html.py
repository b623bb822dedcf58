"""The report as one self-contained HTML page: no script, no link, nothing loaded from anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikeseg_lava.chip.report import drawings as diagram
from spikeseg_lava.chip.report.drawings import BITS_DRAWN, spike_picture, word_bars
from spikeseg_lava.chip.report.report import Report
from spikeseg_lava.chip.report.table import Figure, cell_text, number
from spikeseg_lava.chip.report.tables import SEVERITY_TITLES, reconciled, times_table
from spikeseg_lava.chip.rules.check import RULES
from spikeseg_lava.chip.rules.finding import Finding
from spikeseg_lava.files import writing

TEMPLATES = Path(__file__).parent / "templates"
CARDS = ("neurons", "synapses", "cores", "chips", "spikes", "operations", "updates")
ABBREVIATED = 300  # characters of one provenance value before it is folded away


def save_html(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the page to `path`; ArgumentError where its folder does not exist."""
    page = render_html(report).encode()
    with writing(path) as file:
        file.write(page)


def render_html(report: Report) -> str:
    """The page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "sentence": _sentence, "cell": cell_text}
    drawn = diagram.stacks(report)
    broken = {finding.rule for finding in report.findings}
    return environment.get_template("report.html.j2").render(
        report=report,
        cards=_cards(report),
        energy=_energy(report),
        stacks=drawn,
        arrows=diagram.arrows(report, drawn),
        canvas=(diagram.canvas_width(report), diagram.HEIGHT, diagram.MIDDLE),
        findings=_by_severity(report.findings),
        kept=[rule.__name__ for rule in RULES if rule.__name__ not in broken],
        bars=word_bars(report),
        bits_drawn=BITS_DRAWN,
        picture=spike_picture(report),
        charts=diagram.core_charts(report),
        chart_width=diagram.CORES_A_ROW * (diagram.CORE + diagram.CORE_GAP),
        core=diagram.CORE,
        times=times_table(report),
        reconciled=reconciled(report),
        provenance=_flat(report.provenance),
    )


def _by_severity(findings: Sequence[Finding]) -> list[tuple[str, str, list[list[Finding]]]]:
    """(severity, heading, findings that belong together) of every severity that occurs, errors first."""
    found = []
    for severity, title in SEVERITY_TITLES.items():
        of_it = [finding for finding in findings if finding.severity == severity]
        if of_it:
            found.append((severity, title, _grouped(of_it)))
    return found


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings that differ in nothing but layer and value, together."""
    groups: dict[tuple[Any, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.rule, finding.limit, finding.message, finding.remedy)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _sentence(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def _cards(report: Report) -> list[Figure]:
    keys = [f"network.{name}" for name in CARDS]
    return [report.figures[key] for key in keys if key in report.figures]


def _energy(report: Report) -> list[dict[str, Any]]:
    """Bars of the energy of every layer: name, low, high, and both in percent of the largest."""
    if report.energy is None:
        return []
    largest = max(e.high for e in report.energy.layers.values()) or 1.0
    return [
        {"name": name, "low": e.low, "high": e.high, "from": 100 * e.low / largest, "to": 100 * e.high / largest}
        for name, e in report.energy.layers.items()
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str, bool]]:
    """(key, value, is long) of nested provenance, keys joined by a colon: every value in words and numbers."""
    rows: list[tuple[str, str, bool]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}: ")
            continue
        text = _in_words(value)
        rows.append((name, text, len(text) > ABBREVIATED))
    return rows


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_in_words(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        nested = any(isinstance(inner, (Mapping, list, tuple)) for inner in value)
        return (" | " if nested else ", ").join(map(_in_words, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "not given", True: "yes", False: "no"}[value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
