"""What a network takes of a chip, what it does there on a clip, what that costs, and what it breaks."""

from spikeseg_lava.chip.report.activity import activity
from spikeseg_lava.chip.report.alternatives import savings_table, stock_table
from spikeseg_lava.chip.report.energy import estimate_energy
from spikeseg_lava.chip.report.html import render_html, save_html
from spikeseg_lava.chip.report.report import Report, build_report
from spikeseg_lava.chip.report.resources import resources
from spikeseg_lava.chip.report.table import Table
from spikeseg_lava.chip.report.text import explain_figure, explanation, render_text, tables

__all__ = [
    "Report",
    "Table",
    "activity",
    "build_report",
    "estimate_energy",
    "explain_figure",
    "explanation",
    "render_html",
    "render_text",
    "resources",
    "save_html",
    "savings_table",
    "stock_table",
    "tables",
]
