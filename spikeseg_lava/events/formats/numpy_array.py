"""`.npy` and `.npz`: a structured array with named fields, (N, 4) of t, x, y, p, or an array a column. Never unpickled.

Read, not mapped, and never more than a block: a header that claims more than the file holds costs nothing.
"""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import raw_events
from spikeseg_lava.events.formats.columns import Names, column_order, named_columns, order_guess
from spikeseg_lava.events.raw_events import RawEvents

DAMAGED = (ValueError, EOFError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError)
BROKEN_ARCHIVE = (  # what Python's readers of archives raise on damaged ones
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, IndexError, NotImplementedError),
    *(OSError, OverflowError, RuntimeError, ValueError),
)


@dataclass
class StoredArray:
    """An array in an open file: header read, values still to come."""

    file: IO[bytes]
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype
    start: int

    @classmethod
    def of(cls, file: IO[bytes], size: int) -> StoredArray:
        """The array whose header begins here, in a file of `size` bytes; RecordingError where it is not all there."""
        shape, by_columns, dtype = _header(file)
        start = file.tell()
        claimed = dtype.itemsize
        for length in shape:
            claimed *= length
        if dtype.hasobject:
            raise RecordingError("it holds pickled objects, which are never loaded")
        if claimed > size - start:
            raise RecordingError(f"it is truncated: its header claims {claimed} bytes, {size - start} are there")
        return cls(file, shape, by_columns, dtype, start)

    def next(self, count: int) -> NDArray[Any]:
        """The next `count` values in file order."""
        data = self.file.read(count * self.dtype.itemsize)
        if len(data) < count * self.dtype.itemsize:
            raise RecordingError("it is truncated")
        return np.frombuffer(data, self.dtype, count)

    def whole(self) -> NDArray[Any]:
        """All values, in their shape."""
        count = int(np.prod(self.shape, dtype=object))
        return self.next(count).reshape(self.shape, order="F" if self.by_columns else "C")

    def rows(self, first: int, count: int) -> NDArray[Any]:
        """[count, width]: rows of a table from number `first`."""
        width = self.shape[1]
        if not self.by_columns:
            return self.next(count * width).reshape(count, width)
        columns = []
        for k in range(width):
            self.file.seek(self.start + (k * self.shape[0] + first) * self.dtype.itemsize)
            columns.append(self.next(count))
        return np.stack(columns, axis=1)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except DAMAGED as error:
        raise RecordingError(f"no array could be loaded ({error})") from error
    if any(length < 0 for length in shape) or not dtype.itemsize:
        raise RecordingError(f"no array could be loaded (shape {shape} of {dtype})")
    return shape, by_columns, dtype


def read_npy(path: Path) -> Iterator[RawEvents]:
    """The events of a NumPy array file."""
    with path.open("rb") as file:
        yield from _events_of(StoredArray.of(file, os.fstat(file.fileno()).st_size))


def read_npz(path: Path) -> Iterator[RawEvents]:
    """The events of an archive: an array for each of t, x, y, p, or a single array as in `.npy`."""
    with _archive(path) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        names = named_columns(members)
        if names is None and len(members) == 1:
            ((_, member),) = members.items()
            with archive.open(member) as file:
                yield from _events_of(StoredArray.of(file, archive.getinfo(member).file_size))
            return
        if names is None:
            what = "a clip of frames" if "frames" in members else f"an archive of {', '.join(members) or 'nothing'}"
            raise RecordingError(f"it is {what}, expected arrays t, x, y, p")
        files = {column: archive.open(members[names[column]]) for column in "txyp"}
        try:
            sizes = {column: archive.getinfo(members[names[column]]).file_size for column in "txyp"}
            yield from _side_by_side({column: StoredArray.of(files[column], sizes[column]) for column in "txyp"}, names)
        finally:
            for file in files.values():
                file.close()


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except RecordingError:
        raise
    except BROKEN_ARCHIVE as error:
        raise RecordingError(f"it is a damaged archive ({error})") from error


def _events_of(array: StoredArray) -> Iterator[RawEvents]:
    names = named_columns(array.dtype.names or ())
    if array.dtype.names and names is None:
        raise RecordingError(f"its fields are {', '.join(array.dtype.names)}, expected t, x, y, p")
    if names is not None:
        yield from _from_fields(array, names)
    elif len(array.shape) == 2 and array.shape[1] == 4:
        yield from _from_rows(array)
    else:
        raise RecordingError(f"its shape is {array.shape}, expected (N, 4) of t, x, y, p or named fields")


def _from_fields(array: StoredArray, names: Names) -> Iterator[RawEvents]:
    for _, count in spans(int(np.prod(array.shape, dtype=object))):
        block = array.next(count)
        columns = {column: np.ascontiguousarray(block[names[column]]).reshape(count, -1) for column in "txyp"}
        if any(column.shape[1] != 1 for column in columns.values()):
            raise RecordingError("its fields hold several values an event, expected one number each")
        yield block_of({column: values[:, 0] for column, values in columns.items()}, names)


def _from_rows(array: StoredArray) -> Iterator[RawEvents]:
    order = ""
    for first, count in spans(array.shape[0]):
        rows = array.rows(first, count)
        if rows.dtype.kind not in "buif":
            raise RecordingError(f"its values are of type {rows.dtype}, expected numbers")
        order = order or column_order(rows)
        columns = {column: rows[:, order.index(column)] for column in "txyp"}
        yield RawEvents.of(columns, guesses=order_guess(order))


def _side_by_side(arrays: Mapping[str, StoredArray], names: Names) -> Iterator[RawEvents]:
    lengths = {column: int(np.prod(array.shape, dtype=object)) for column, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise RecordingError(f"the columns differ in length ({lengths})")
    for _, count in spans(lengths["t"]):
        yield block_of({column: array.next(count) for column, array in arrays.items()}, names)


def spans(count: int) -> Iterator[tuple[int, int]]:
    """(first, length) of the blocks of `count` events."""
    for first in range(0, count, raw_events.BLOCK):
        yield first, min(raw_events.BLOCK, count - first)


def block_of(columns: Mapping[str, NDArray[Any]], names: Names, **facts: Any) -> RawEvents:
    """A block of named columns, with the unit that the name of the time column carries."""
    return RawEvents.of(columns, time_unit=names.unit, unit_from=f"column name `{names.t}`", **facts)
