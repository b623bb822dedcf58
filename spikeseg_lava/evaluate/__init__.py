"""How well labelled objects are found: volumes of space and time counted per recording, for networks side by side."""

from __future__ import annotations

from spikeseg_lava.evaluate.counts import Counts
from spikeseg_lava.evaluate.evaluation import evaluate
from spikeseg_lava.evaluate.report import COLUMNS, costs, csv_text, rows
from spikeseg_lava.evaluate.results import Result, Settings, Skipped
from spikeseg_lava.evaluate.sources import Source, find_sources, split, synthetic_sources
from spikeseg_lava.evaluate.volumes import DEFINITION, count_volumes

__all__ = [
    "COLUMNS",
    "DEFINITION",
    "Counts",
    "Result",
    "Settings",
    "Skipped",
    "Source",
    "costs",
    "count_volumes",
    "csv_text",
    "evaluate",
    "find_sources",
    "rows",
    "split",
    "synthetic_sources",
]
