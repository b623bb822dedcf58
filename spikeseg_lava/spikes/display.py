"""How networks, records and results show themselves: one short line, a table of text, and HTML for a notebook."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 40
PICTURE_PIXELS = 160  # of the longer side, in a notebook


def short(kind: object, *facts: object) -> str:
    """`Kind(fact, fact)`: a repr of one line, however much the object holds."""
    return f"{type(kind).__name__}({', '.join(str(fact) for fact in facts if fact is not None)})"


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns side by side under their names; numbers to the right, None as a dash, trailing columns of dashes out."""
    cells = [list(columns), *([cell(value) for value in row] for row in rows)]
    table = [column for column in zip(*cells, strict=True) if len(column) == 1 or set(column[1:]) != {"-"}]
    return "\n".join("  ".join(line).rstrip() for line in zip(*map(_aligned, table), strict=True))


def _aligned(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    numbers = all(value == "-" or value[:1].isdigit() for value in column[1:])
    return [value.rjust(width) if numbers else value.ljust(width) for value in column]


def html_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], picture: NDArray[Any] | None = None
) -> str:
    """A heading, a small picture of `picture` [H, W] where there is one, and a table; all text is escaped."""
    rows = list(rows)
    body = "".join(_row("td", row) for row in rows[:MOST_ROWS])
    more = f"<p>{len(rows) - MOST_ROWS:,} more</p>" if len(rows) > MOST_ROWS else ""
    image = "" if picture is None else f"{_image(picture)}<br>"
    return f"<b>{html.escape(title)}</b><br>{image}<table>{_row('th', columns)}{body}</table>{more}"


def _row(tag: str, values: Iterable[Any]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell(value))}</{tag}>' for value in values)}</tr>"


def cell(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def span(low: float, high: float) -> str:
    """One number, or the smallest and the largest of several."""
    return cell(low) if low == high else f"{cell(low)} to {cell(high)}"


def _image(values: NDArray[Any]) -> str:
    """An `<img>` of Float[H, W], the square root of its values from dark to bright."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    shown = np.sqrt(np.maximum(np.nan_to_num(np.asarray(values, np.float64)), 0))
    imsave(file, shown, cmap="magma", vmin=0, vmax=max(float(shown.max(initial=0)), 1e-12), format="png")
    height, width = shown.shape
    factor = PICTURE_PIXELS / max(height, width)
    size = f'width="{round(width * factor)}" height="{round(height * factor)}"'
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img {size} style="image-rendering: pixelated" src="data:image/png;base64,{data}">'
