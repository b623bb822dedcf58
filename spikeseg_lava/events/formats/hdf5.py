"""`.h5`/`.hdf5`: a group with x, y, t (or ts), p, one compound dataset of them (`CD/events` of Prophesee), or (N, 4).

The file is read in a child process: damaged ones make the HDF5 library crash or loop. What would read other files
(external links, external storage, virtual datasets) is refused, and so are datasets that claim rows nobody stored.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events import raw_events
from spikeseg_lava.events.formats.columns import Names, column_order, named_columns, order_guess
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, RawLabels, as_tree, from_tree
from spikeseg_lava.isolation import read_apart

FILTERS = {32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd", 32026: "blosc2"}
PLAIN_FILTERS = (1, 2, 3, 4, 5, 6, 32000)  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf
DEEPEST = 32  # levels of groups
MATLAB_STRUCTS = ("TD", "Obj")


@dataclass(frozen=True, eq=False)
class Place:
    """Where events lie: a dataset of rows (fields or four columns), or a group with one dataset a column."""

    path: str
    node: Any
    names: Names | None = None

    @property
    def datasets(self) -> list[Any]:
        """The datasets that hold its columns."""
        if self.names is None or hasattr(self.node, "dtype"):
            return [self.node]
        return [self.node[self.names[column]] for column in "txyp"]


def read_hdf5(path: Path, group: str | None = None) -> Iterator[RawEvents]:
    """The events of the only camera of an HDF5 file, or of that at `group`; RecordingError where it is not clear."""
    for tree in read_apart(hdf5_blocks, path, group, raw_events.BLOCK, error=RecordingError):
        yield from_tree(tree)


def read_mat73(path: Path) -> Iterator[RawEvents]:
    """The events and labels of a MATLAB file v7.3."""
    for tree in read_apart(mat73_blocks, path, raw_events.BLOCK, error=RecordingError):
        yield from_tree(tree)


def hdf5_blocks(path: str, group: str | None, length: int) -> Iterator[dict[str, Any]]:
    """Blocks of `length` events, as trees: the part of the child process."""
    with _opened(path) as file:
        place = _chosen(file, group)
        size = stated_size(file, place.node, place.node.parent)
        offset = _time_offset(place.node)
        for raw in _blocks(place, length):
            t = (raw.t if raw.t.dtype.kind == "f" else raw.t.astype(np.int64)) + offset if offset else raw.t
            yield as_tree(RawEvents(**{**vars(raw), "t": t, "size": size}))


def mat73_blocks(path: str, length: int) -> Iterator[dict[str, Any]]:
    """Blocks of the struct `TD`, as trees: the part of the child process."""
    with _opened(path) as file:
        structs = {
            name: node for name, node in _children(file) if name in MATLAB_STRUCTS and not hasattr(node, "dtype")
        }
        if "TD" not in structs:
            raise RecordingError("it holds no struct `TD` with x, y, ts, p")
        fields = {name: node for name, node in _children(structs["TD"]) if hasattr(node, "dtype")}
        names = named_columns(fields)
        if names is None:
            raise RecordingError(f"`TD` has the fields {', '.join(fields) or '(none)'}, expected x, y, ts, p")
        labels = (
            mat_labels({name: _whole(node) for name, node in _children(structs["Obj"])}) if "Obj" in structs else None
        )
        for raw in _blocks(Place("TD", structs["TD"], names), length):
            yield as_tree(RawEvents(raw.x, raw.y, raw.t, raw.p, first_pixel=1, time_unit="us", labels=labels))


def mat_labels(fields: Mapping[str, NDArray[Any]]) -> RawLabels | None:
    """The labels of a struct `Obj`."""
    if not fields:
        return None
    lower = {name.lower(): raw_events.flat(value) for name, value in fields.items()}
    t = lower.get("ts", lower.get("t"))
    if t is None or "x" not in lower or "y" not in lower:
        raise RecordingError(f"the labels `Obj` have the fields {', '.join(fields)}, expected x, y, ts, id")
    return RawLabels(x=lower["x"], y=lower["y"], t=t, id=lower.get("id", np.zeros(len(t), np.int64)))


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import h5py

    with suppress(ImportError):
        importlib.import_module("hdf5plugin")  # registers its filters
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise RecordingError(f"it is truncated or damaged ({error})") from error


def _children(group: Any) -> Iterator[tuple[str, Any]]:
    """Name and node of what lies in the group itself: links are not followed, those into other files refused."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise RecordingError(f"`{group.name}` has a link `{name}` into another file, which is never followed")
        if isinstance(link, h5py.HardLink):
            node = group[name]
            if isinstance(node, (h5py.Group, h5py.Dataset)):
                yield str(name), node


def _places(group: Any, seen: set[Any], deep: int = 0) -> Iterator[Place]:
    """All places of events in the group and below; a group that lies at several places is gone through once."""
    if group in seen:
        return
    seen.add(group)
    if deep > DEEPEST:
        raise RecordingError(f"its groups are nested more than {DEEPEST} deep")
    children = dict(_children(group))
    columns = {name: node for name, node in children.items() if getattr(node, "shape", None)}
    names = named_columns(columns)
    if names is not None:
        yield Place(group.name, group, names)
    for node in children.values():
        if not hasattr(node, "dtype"):
            yield from _places(node, seen, deep + 1)
        elif fields := named_columns(node.dtype.names or ()):
            yield Place(node.name, node, fields)
        elif node.ndim == 2 and node.shape[1] == 4 and node.dtype.kind in "iuf" and "events" in node.name.lower():
            yield Place(node.name, node)


def _chosen(file: Any, group: str | None) -> Place:
    places = sorted(_places(file, set()), key=lambda place: place.path)
    if group is not None:
        wanted = group.strip("/")
        chosen = [place for place in places if place.path.strip("/") == wanted] or [
            place for place in places if place.path.strip("/").startswith(f"{wanted}/")
        ]
    else:
        chosen = places
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(place.path.lstrip("/") or "/" for place in (chosen or places)) or "none"
    if group is not None and not chosen:
        raise RecordingError(f"`group` {group!r} holds no events (x, y, t, p); found {listed}")
    if not places:
        raise RecordingError("expected one set of events (x, y, t, p) in the file, found none")
    raise RecordingError(f"expected one set of events (x, y, t, p), found several: {listed}; choose one with `group`")


def _blocks(place: Place, length: int) -> Iterator[RawEvents]:
    for dataset in place.datasets:
        _check_stored(dataset)
    counts = {dataset.name: _rows(dataset, place.names is None) for dataset in place.datasets}
    if len(set(counts.values())) > 1:
        raise RecordingError(f"the columns differ in length ({counts}): the file is truncated or of another kind")
    order = ""
    for first in range(0, next(iter(counts.values())), length):
        if place.names is None:
            rows = place.node[first : first + length]
            order = order or column_order(rows)
            yield RawEvents.of({c: rows[:, order.index(c)] for c in "txyp"}, guesses=order_guess(order))
            continue
        if hasattr(place.node, "dtype"):
            table = place.node[first : first + length]
            columns = {column: table[place.names[column]] for column in "txyp"}
        else:
            columns = {c: _span(place.node[place.names[c]], first, length) for c in "txyp"}
        yield RawEvents.of(columns, time_unit=place.names.unit, unit_from=f"column name `{place.names.t}`")


def _rows(dataset: Any, table: bool) -> int:
    return int(dataset.shape[0] if table else dataset.size)


def _span(dataset: Any, first: int, length: int) -> NDArray[Any]:
    """`length` values of a dataset (N,), (N, 1) or (1, N) from number `first`."""
    if dataset.ndim == 1:
        return dataset[first : first + length]
    if dataset.ndim == 2 and 1 in dataset.shape:
        return np.ravel(
            dataset[first : first + length] if dataset.shape[1] == 1 else dataset[:, first : first + length]
        )
    raise RecordingError(f"`{dataset.name}` has the shape {dataset.shape}, expected one column")


def _whole(dataset: Any) -> NDArray[Any]:
    _check_stored(dataset)
    return np.asarray(dataset[()]) if dataset.size < 2**24 else np.zeros(0)


def _check_stored(dataset: Any) -> None:
    """RecordingError unless every value lies in this very file, by filters that are installed."""
    if dataset.external or dataset.is_virtual:
        raise RecordingError(f"`{dataset.name}` keeps its values in other files, which are never read")
    if dataset.shape is None or dataset.dtype.hasobject:
        raise RecordingError(f"`{dataset.name}` holds no numbers")
    _check_filters(dataset)
    if not dataset.size:
        return
    if dataset.chunks is None:
        stored = dataset.id.get_storage_size() >= dataset.size * dataset.id.get_type().get_size()
    else:
        chunks = [-(-length // part) for length, part in zip(dataset.shape, dataset.chunks, strict=True)]
        stored = dataset.id.get_num_chunks() >= int(np.prod(chunks, dtype=object))
    if not stored:
        raise RecordingError(f"`{dataset.name}` claims {dataset.shape[0]} rows that are not stored in the file")


def _check_filters(dataset: Any) -> None:
    import h5py

    settings = dataset.id.get_create_plist()
    for k in range(settings.get_nfilters()):
        code, _, _, name = settings.get_filter(k)
        if not h5py.h5z.filter_avail(code):
            called = FILTERS.get(code) or name.decode("ascii", "replace")[:40] or f"filter {code}"
            remedy = "install hdf5plugin (`pip install spikeseg-lava[hdf5]`)"
            if code not in FILTERS:
                remedy = "write it anew with gzip, for instance by h5repack where that filter is installed"
            raise RecordingError(f"`{dataset.name}` is compressed with {called}: {remedy}")


def _time_offset(node: Any) -> int:
    """DSEC counts times from `t_offset`, beside the group of events or in it: a number or an array of one."""
    for group in (node, node.parent):
        for name, offset in [] if hasattr(group, "dtype") else _children(group):
            if name == "t_offset":
                if not hasattr(offset, "dtype") or offset.dtype.kind not in "iuf" or offset.size != 1:
                    raise RecordingError(f"`{offset.name}` is no single number, as the offset of times must be")
                _check_stored(offset)
                return int(np.ravel(offset[()])[0])
    return 0


def stated_size(*nodes: Any) -> Size | None:
    """(height, width) from the attributes `geometry` ("1280x720"), `height` and `width`, or `sensor_resolution`.

    M3ED has a dataset `calib/resolution` of width and height beside the events instead.
    """
    for node in nodes:
        if not hasattr(node, "dtype") and (size := _calibrated_size(node)):
            return size
        attributes = {str(name).lower(): name for name in node.attrs}
        values = {name: node.attrs[attributes[name]] for name in SIZE_ATTRIBUTES if name in attributes}
        try:
            if size := _size_of(values):
                return size
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordingError(f"its attributes {', '.join(values)} tell no sensor size ({error})") from error
    return None


SIZE_ATTRIBUTES = ("height", "width", "geometry", "sensor_resolution")


def _size_of(values: Mapping[str, Any]) -> Size | None:
    if "height" in values and "width" in values:
        height, width = int(values["height"]), int(values["width"])
    elif "geometry" in values:
        text = values["geometry"]
        width, height = map(int, (text.decode() if isinstance(text, bytes) else str(text)).lower().split("x"))
    elif "sensor_resolution" in values:
        height, width = map(int, np.ravel(values["sensor_resolution"])[:2])
    else:
        return None
    if min(height, width) < 1 or max(height, width) > 2**15:
        raise ValueError(f"{height}x{width}")
    return height, width


def _calibrated_size(group: Any) -> Size | None:
    calib = dict(_children(group)).get("calib")
    found = None if calib is None or hasattr(calib, "dtype") else dict(_children(calib)).get("resolution")
    if found is None or getattr(found, "shape", None) != (2,) or found.dtype.kind not in "iu":
        return None
    width, height = (int(length) for length in _whole(found))
    return _size_of({"height": height, "width": width})
