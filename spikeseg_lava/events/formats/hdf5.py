"""`.h5`/`.hdf5`: a group with x, y, t (or ts), p, or one compound dataset of them (`CD/events` of Prophesee)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import in_order, named_columns
from spikeseg_lava.events.frames import Size
from spikeseg_lava.events.raw_events import RawEvents, flat


def read_hdf5(path: Path) -> RawEvents:
    """The events of the only camera of an HDF5 file; RecordingError where there is none, or several."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            places = event_places(file)
            if len(places) != 1:
                found = f"several: {', '.join(sorted(places))}" if places else "none"
                raise RecordingError(f"expected one set of events (x, y, t, p) in the file, found {found}")
            ((place, columns),) = places.items()
            size = stated_size(file, file[place], file[place].parent)
            return RawEvents(*in_order(columns), size=size)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise RecordingError(f"it is truncated, damaged or compressed with an unknown filter ({error})") from error


def event_places(file: Any) -> dict[str, dict[str, np.ndarray]]:
    """Path of a group or dataset -> its columns t, x, y, p, for all places of the file that hold events."""
    nodes: dict[str, Any] = {"/": file}
    file.visititems(lambda name, node: nodes.__setitem__(name, node))
    found = {place: _columns(node) for place, node in nodes.items()}
    return {place: columns for place, columns in found.items() if columns is not None}


def _columns(node: Any) -> dict[str, np.ndarray] | None:
    if isinstance(node, Mapping):
        names = named_columns(name for name, child in node.items() if getattr(child, "ndim", 0) >= 1)
        return _with_offset({column: flat(node[name][()]) for column, name in names.items()}, node) if names else None
    names = named_columns(node.dtype.names or ())
    if names is None:
        return None
    table = node[()]
    return {column: flat(table[name]) for column, name in names.items()}


def _with_offset(columns: dict[str, np.ndarray], group: Any) -> dict[str, np.ndarray]:
    """DSEC keeps times from `t_offset`, a scalar beside the group."""
    offset = group.parent.get("t_offset") if group.parent != group else None
    if offset is None or offset.ndim:
        return columns
    return {**columns, "t": columns["t"].astype(np.int64) + int(offset[()])}


def stated_size(*nodes: Any) -> Size | None:
    """(height, width) from the attributes `geometry` ("1280x720"), `height` and `width`, or `sensor_resolution`."""
    for node in nodes:
        attributes = {str(name).lower(): value for name, value in node.attrs.items()}
        if "height" in attributes and "width" in attributes:
            return int(attributes["height"]), int(attributes["width"])
        if "geometry" in attributes:
            text = attributes["geometry"]
            width, height = (text.decode() if isinstance(text, bytes) else str(text)).lower().split("x")
            return int(height), int(width)
        if "sensor_resolution" in attributes:
            height, width = np.ravel(attributes["sensor_resolution"])[:2]
            return int(height), int(width)
    return None
