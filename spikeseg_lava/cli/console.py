"""What the commands print: results to standard output, warnings, errors and progress to standard error."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from spikeseg_lava.errors import printable

LINE_CHARACTERS = 1000
TRACEBACK = "\n\nTraceback (most recent call last)"

FILE_WIDTH = 200  # columns where the output is no terminal, which would say how wide it is
CELL_CHARACTERS = 100
MOST_ROWS = 100  # of a table


def _console(error: bool) -> Console:
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else FILE_WIDTH
    return Console(stderr=error, highlight=False, soft_wrap=True, width=width)


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


def say_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], drop: Sequence[str] = (), more: str = "--json"
) -> None:
    """A table; numbers to the right and never broken, None as a dash.

    Where it is too wide, columns are left out instead of breaking numbers: those of `drop` in their order, then the
    last ones. A line below says which, and that the option `more` shows them; so it does of rows beyond MOST_ROWS. A
    column of dashes is not shown either.
    """
    rows = list(rows)
    cells = [[printable(_cell(value), CELL_CHARACTERS) for value in row] for row in rows[:MOST_ROWS]]
    least = {name: _least_width(name, [row[k] for row in cells]) for k, name in enumerate(columns)}
    if cells:
        least = {name: width for k, (name, width) in enumerate(least.items()) if {row[k] for row in cells} != {"-"}}
    left_out: list[str] = []
    for name in [*drop, *reversed(columns[1:])]:
        if _table_width(least) <= output.width:
            break
        if least.pop(name, None) is not None:
            left_out.append(name)
    output.print(_table(title, columns, cells, least))
    if len(rows) > MOST_ROWS:
        say(f"shown: the first {MOST_ROWS} of {len(rows)} rows (see {more})")
    if left_out:
        say(f"left out, too wide for {output.width} columns: {', '.join(left_out)} (see {more})")


def _table(title: str, columns: Sequence[str], cells: list[list[str]], least: Mapping[str, int]) -> Table:
    table = Table(title=Text(printable(title)), title_justify="left", title_style="bold", header_style="bold")
    chosen = [k for k, name in enumerate(columns) if name in least]
    full = {columns[k]: max(len(columns[k]), *(len(row[k]) for row in cells), 0) for k in chosen}
    tight = _table_width(full) > output.width
    for k in chosen:
        number = _numeric([row[k] for row in cells])
        width = least[columns[k]]
        heading = fill(columns[k], width) if number and tight else columns[k]
        table.add_column(
            heading, justify="right" if number else "left", no_wrap=number, min_width=width, overflow="fold"
        )
    for row in cells:
        table.add_row(*(Text(row[k]) for k in chosen))
    return table


def _least_width(name: str, values: list[str]) -> int:
    """Columns a column needs: a number in full; of words the longest one, which may be folded beyond 30."""
    heading = max(map(len, name.split()), default=1)
    if _numeric(values):
        return max(heading, *map(len, values))
    return max(heading, min(30, max((len(word) for value in values for word in value.split()), default=1)))


def _table_width(least: Mapping[str, int]) -> int:
    return sum(least.values()) + 3 * len(least) + 1


@contextmanager
def working(what: str) -> Iterator[None]:
    """Shows what is going on, and for how long, while the block runs; the package's log messages say at which step.

    On a terminal one line that changes, elsewhere a line for each step.
    """
    console = notes if sys.stderr.isatty() else None
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=console is None) as bar:
        task = bar.add_task(what)
        handler = _Steps(note if console is None else lambda text: bar.update(task, description=text))
        handler.tell(what)
        logger = logging.getLogger("spikeseg_lava")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _Steps(logging.Handler):
    """Hands on the package's messages about its progress (level INFO)."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            self.tell(record.getMessage())


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
    handler.setLevel(logging.WARNING)  # messages about progress are for `working`
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("spikeseg_lava").setLevel(logging.INFO)


class OneLine(logging.Formatter):
    """A log record as one line that a terminal can be given."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(_in_words(record.getMessage()), LINE_CHARACTERS)


def _warn(message: Warning | str) -> None:
    notes.print(Text.assemble(("warning: ", "yellow"), printable(_in_words(str(message)), LINE_CHARACTERS)))


_wordings: list[Callable[[str], str]] = []


@contextmanager
def wording(change: Callable[[str], str]) -> Iterator[None]:
    """Warnings and log messages pass through `change` while the block runs."""
    _wordings.append(change)
    try:
        yield
    finally:
        _wordings.remove(change)


def _in_words(message: str) -> str:
    for change in _wordings:
        message = change(message)
    return message


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _numeric(values: Iterable[str]) -> bool:
    given = [value for value in values if value != "-"]
    return bool(given) and all(value.lstrip("-")[:1].isdecimal() for value in given)
