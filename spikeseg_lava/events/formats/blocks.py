"""The events of a file block by block, as they stand in it, in bounded memory: `.npy`, `.h5`/`.hdf5`, `.txt`/`.csv`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import in_order, named_columns
from spikeseg_lava.events.formats.hdf5 import stated_size
from spikeseg_lava.events.formats.text import ENCODING, layout_of
from spikeseg_lava.events.raw_events import RawEvents

BLOCK = 2**18  # events; a block of four 8-byte columns takes 8 MB


def numpy_blocks(path: Path) -> Iterator[RawEvents]:
    """Blocks of a structured array, or of (N, 4) of t, x, y, p; read, not mapped, so that memory stays bounded."""
    with path.open("rb") as file:
        shape, by_columns, dtype = _numpy_header(file)
        names = named_columns(dtype.names or ())
        rows = len(shape) == 1 if names else dtype.names is None and shape[1:] == (4,)
        if by_columns or not rows:
            raise RecordingError(f"it is an array {shape} of {dtype}; a stream needs rows t, x, y, p, or named fields")
        width = 1 if names else 4
        for first in range(0, shape[0], BLOCK):
            count = min(BLOCK, shape[0] - first) * width
            block = np.fromfile(file, dtype, count)
            if len(block) < count:
                raise RecordingError(f"it is truncated: {first + len(block) // width} of {shape[0]} events are there")
            if names:
                columns = {column: block[name] for column, name in names.items()}
            else:
                columns = dict(zip("txyp", block.reshape(-1, 4).T, strict=True))
            yield RawEvents(*in_order(columns))


def _numpy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(file)
    except (ValueError, OSError) as error:
        raise RecordingError(f"no array could be found ({error})") from error
    if dtype.hasobject:
        raise RecordingError("it holds pickled objects, which are never loaded")
    return shape, by_columns, dtype


def hdf5_blocks(path: Path) -> Iterator[RawEvents]:
    """Blocks of the only set of events of an HDF5 file."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            node, names = _only_events(file)
            compound = isinstance(node, h5py.Dataset)
            offset = 0 if compound else _time_offset(node)
            size = stated_size(file, node, node.parent)
            count = len(node) if compound else min(len(node[name]) for name in names.values())
            for first in range(0, count, BLOCK):
                span = slice(first, min(first + BLOCK, count))
                source = node[span] if compound else {name: node[name][span] for name in names.values()}
                columns = {column: np.ravel(source[name]) for column, name in names.items()}
                columns["t"] = columns["t"] + offset if offset else columns["t"]
                yield RawEvents(*in_order(columns), size=size)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise RecordingError(f"it is truncated, damaged or compressed with an unknown filter ({error})") from error


def _only_events(file: Any) -> tuple[Any, Mapping[str, str]]:
    nodes: dict[str, Any] = {"/": file}
    file.visititems(lambda name, node: nodes.__setitem__(name, node))
    found = [(node, names) for node in nodes.values() if (names := _columns_of(node))]
    if len(found) != 1:
        raise RecordingError(f"expected one set of events (x, y, t, p) in the file, found {len(found)}")
    return found[0]


def _columns_of(node: Any) -> Mapping[str, str] | None:
    if isinstance(node, Mapping):
        return named_columns(name for name, child in node.items() if getattr(child, "ndim", 0) >= 1)
    return named_columns(node.dtype.names or ())


def _time_offset(group: Any) -> int:
    offset = group.parent.get("t_offset") if group.parent != group else None
    return 0 if offset is None or offset.ndim else int(offset[()])


def text_blocks(path: Path) -> Iterator[RawEvents]:
    """Blocks of lines; every line must hold an event."""
    layout = layout_of(path)
    with path.open(encoding=ENCODING, errors="replace") as file:
        lines = itertools.islice(file, layout.skip, None)
        while block := [line for line in itertools.islice(lines, BLOCK) if line.strip()]:
            try:
                rows = np.loadtxt(block, delimiter=layout.separator, usecols=tuple(layout.order.values()), ndmin=2)
            except (ValueError, IndexError) as error:
                raise RecordingError(f"a line is no event ({error})") from error
            columns = {column: rows[:, k] for k, column in enumerate(layout.order)}
            yield RawEvents(*in_order(columns), size=layout.size)


BLOCK_READERS: Mapping[str, Callable[[Path], Iterator[RawEvents]]] = {
    "npy": numpy_blocks,
    "h5": hdf5_blocks,
    "hdf5": hdf5_blocks,
    "txt": text_blocks,
    "csv": text_blocks,
}
