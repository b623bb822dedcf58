"""What the commands print: results to standard output, warnings, errors and progress to standard error."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

FILE_WIDTH = 200  # columns where the output is no terminal, which would say how wide it is
output = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else FILE_WIDTH)
notes = Console(stderr=True, highlight=False, soft_wrap=True, width=None if sys.stderr.isatty() else FILE_WIDTH)


def say(line: str) -> None:
    """One line of result; on standard output, never wrapped."""
    output.print(Text(line))


def note(line: str) -> None:
    """One line about what is going on; on standard error."""
    notes.print(Text(line, style="dim"))


def fail(error: BaseException | str) -> None:
    """One line that says what was wrong."""
    notes.print(Text.assemble(("error: ", "bold red"), str(error)))


def say_json(value: Any) -> None:
    """JSON and nothing else on standard output."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; numbers to the right, None as a dash."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    rows = [[_cell(value) for value in row] for row in rows]
    for k, name in enumerate(columns):
        table.add_column(name, justify="right" if _numeric(rows, k) else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    output.print(table)


def progress() -> Progress:
    """A progress bar on standard error, silent where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=notes, transient=True, disable=not sys.stdout.isatty())


def tell_warnings() -> None:
    """Warnings and log messages as one line each, without file and line number of this package."""
    warnings.showwarning = lambda message, *_, **__: notes.print(Text.assemble(("warning: ", "yellow"), str(message)))
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("spikeseg_lava").setLevel(logging.INFO)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] != "-"]
    return bool(values) and all(value.replace(",", "").lstrip("-")[:1].isdigit() for value in values)
