"""How well labelled objects are found: volumes of space and time counted per recording, for networks side by side."""

from __future__ import annotations

from spikeseg_lava.evaluation.evaluation import evaluate
from spikeseg_lava.evaluation.results import Result, Settings, Skipped
from spikeseg_lava.evaluation.scores import OBJECT_DEFINITION
from spikeseg_lava.evaluation.sources import Source, find_sources, split, synthetic_sources
from spikeseg_lava.evaluation.table import COLUMNS, OBJECT_COLUMNS, costs, csv_text, object_score_rows, rows
from spikeseg_lava.evaluation.volumes import DEFINITION, Counts, count_volumes

__all__ = [
    "COLUMNS",
    "DEFINITION",
    "OBJECT_COLUMNS",
    "OBJECT_DEFINITION",
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
    "object_score_rows",
    "rows",
    "split",
    "synthetic_sources",
]
