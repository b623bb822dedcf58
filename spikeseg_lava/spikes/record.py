"""What a run returns: the spikes of every layer, the membranes after the last step, and how it was run.

Beside the record stands what networks, records and results are displayed with: one short line, a table of text, and
HTML for a notebook.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordError, printable
from spikeseg_lava.files import writing

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
    numbers = all(value == "-" or value[:1].isdecimal() for value in column[1:])
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


MEMBRANE = "_membrane"
MOST_BYTES = 2**33  # of an unpacked record


@dataclass(frozen=True, eq=False)
class SpikeRecord:
    """Spikes and final membranes of one run.

    Attributes:
        spikes: layer name -> Int32[N, 4] of (t, c, y, x) in lexicographic order.
        membranes: name of a convolution -> [C, H, W] after the last step (float, or integers of a fixed-point run).
        meta: JSON-compatible facts: backend, steps, fire_once, layer shapes.
    """

    spikes: Mapping[str, NDArray[np.int32]]
    membranes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return short(self, *self._run(), *(f"{name} {count}" for name, count in self.counts.items()))

    def _run(self) -> list[str]:
        steps = [f"{self.meta['steps']} steps"] if "steps" in self.meta else []
        return [str(self.meta[key]) for key in ("backend",) if key in self.meta] + steps

    def _repr_html_(self) -> str:
        shapes = self.meta.get("shapes", {})
        rows = [(name, "x".join(map(str, shapes.get(name, ()))), count) for name, count in self.counts.items()]
        return html_table(short(self, *self._run()), ("layer", "neurons", "spikes"), rows, self._last_map())

    def _last_map(self) -> NDArray[np.int64] | None:
        """Int64[H, W]: spikes of the last layer at each place, all maps and steps together; None without its shape."""
        name, shapes = next(reversed(list(self.spikes)), ""), self.meta.get("shapes", {})
        if name not in shapes:
            return None
        image = np.zeros(shapes[name][1:], np.int64)
        np.add.at(image, (self.spikes[name][:, 2], self.spikes[name][:, 3]), 1)
        return image

    @property
    def counts(self) -> dict[str, int]:
        """Number of spikes of each layer."""
        return {name: len(rows) for name, rows in self.spikes.items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` without pickles: per layer `<name>` and `<name>_membrane`, and `meta` as a JSON string."""
        arrays: dict[str, Any] = {name: np.asarray(rows, np.int32) for name, rows in self.spikes.items()}
        arrays |= {name + MEMBRANE: membrane for name, membrane in self.membranes.items()}
        with writing(path) as file:
            np.savez_compressed(file, **arrays, meta=np.array(json.dumps(dict(self.meta))))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SpikeRecord:
        """Read a record; raises RecordError when the file is missing or is none."""
        if not Path(path).is_file():
            raise RecordError(f"`{path}` is not a spike record: there is no such file")
        try:
            with Path(path).open("rb") as file:  # opened here: NumPy leaves a damaged file open
                arrays = _arrays_of(np.load(file, allow_pickle=False))
            meta = json.loads(str(arrays.pop("meta", "{}")))
        except Exception as error:  # a damaged archive can raise nearly everything
            raise RecordError(f"`{path}` is not a spike record: {_reason(error)}") from error
        if not isinstance(meta, dict):
            raise RecordError(f"`{path}`: its `meta` is a {type(meta).__name__}, expected a JSON object")
        return cls(_spikes_of(arrays, path), _membranes_of(arrays), meta)


def rows_in_order(rows: NDArray[np.integer]) -> NDArray[np.int32]:
    """Int32[N, 4] rows (t, c, y, x) sorted lexicographically."""
    rows = np.asarray(rows, np.int32).reshape(-1, 4)
    return rows[np.lexsort(rows.T[::-1])]


def _reason(error: Exception) -> str:
    """The message of a library in one line; NumPy's own would advise to unpickle the file, which executes it."""
    return "it holds pickled objects" if "pickle" in str(error) else printable(error)


def _arrays_of(archive: Any) -> dict[str, Any]:
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array, expected an `.npz`")
    if sum(entry.file_size for entry in archive.zip.infolist()) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES} bytes")
    return {name: archive[name] for name in archive.files if name != "frames"}


def _spikes_of(arrays: dict[str, Any], path: Any) -> dict[str, NDArray[np.int32]]:
    spikes = {name: rows for name, rows in arrays.items() if not name.endswith(MEMBRANE)}
    if not spikes:
        raise RecordError(f"`{path}` is not a spike record: it holds no layer")
    for name, rows in spikes.items():
        if rows.ndim != 2 or rows.shape[1] != 4 or rows.dtype.kind not in "iu":
            raise RecordError(
                f"`{path}`: layer `{name}` has {rows.dtype} {rows.shape}, expected (N, 4) integers t, c, y, x"
            )
    return spikes


def _membranes_of(arrays: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {name.removesuffix(MEMBRANE): value for name, value in arrays.items() if name.endswith(MEMBRANE)}
