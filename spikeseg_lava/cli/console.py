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

from spikeseg_lava.errors import printable

LINE_CHARACTERS = 1000
TRACEBACK = "\n\nTraceback (most recent call last)"

FILE_WIDTH = 200  # columns where the output is no terminal, which would say how wide it is
CELL_CHARACTERS = 100


def _console(error: bool) -> Console:
    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, highlight=False, soft_wrap=True, width=None if stream.isatty() else FILE_WIDTH)


output, notes = _console(error=False), _console(error=True)


def say(text: str) -> None:
    """Lines of result; on standard output, never wrapped."""
    for line in text.split("\n"):
        output.print(Text(printable(line, LINE_CHARACTERS)))


def note(line: str) -> None:
    """One line about what is going on; on standard error."""
    notes.print(Text(printable(line, LINE_CHARACTERS), style="dim"))


def fail(error: BaseException | str) -> None:
    """One line that says what was wrong; a traceback that the message carries (of a Lava process) is left out."""
    text = str(error).partition(TRACEBACK)[0].strip()
    notes.print(Text.assemble(("error: ", "bold red"), printable(text, LINE_CHARACTERS)))


def say_json(value: Any) -> None:
    """JSON and nothing else on standard output."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; numbers to the right, None as a dash."""
    table = Table(title=Text(printable(title)), title_justify="left", title_style="bold", header_style="bold")
    rows = [[printable(_cell(value), CELL_CHARACTERS) for value in row] for row in rows]
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
    warnings.showwarning = lambda message, *_, **__: _warn(message)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("spikeseg_lava").setLevel(logging.INFO)


class OneLine(logging.Formatter):
    """A log record as one line that a terminal can be given."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(record.getMessage(), LINE_CHARACTERS)


def _warn(message: Warning | str) -> None:
    notes.print(Text.assemble(("warning: ", "yellow"), printable(message, LINE_CHARACTERS)))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] != "-"]
    return bool(values) and all(value.replace(",", "").lstrip("-")[:1].isdigit() for value in values)
