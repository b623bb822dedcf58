"""`.mat`: the struct `TD` (x, y, ts in microseconds, p; pixels from 1) and, where labelled, `Obj` (x, y, ts, id).

MAT v5 is read by scipy, v7.3 (HDF5) by h5py. The layout is that of EBSSA (Afshar et al., IEEE Sensors Journal 20,
2020) and of the Matlab_AER_vision_functions.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import in_order, named_columns
from spikeseg_lava.events.raw_events import RawEvents, RawLabels, flat

Struct = Mapping[str, np.ndarray]
DAMAGED = (ValueError, TypeError, OSError, EOFError, KeyError, IndexError, NotImplementedError, OverflowError)


def read_mat(path: Path) -> RawEvents:
    """Events and labels of a MATLAB file, v5 or v7.3."""
    import h5py

    structs = _read_v73(path) if h5py.is_hdf5(path) else _read_v5(path)
    if "TD" not in structs:
        raise RecordingError("it holds no struct `TD` with x, y, ts, p")
    events = structs["TD"]
    names = named_columns(events)
    if names is None:
        raise RecordingError(f"`TD` has the fields {', '.join(events) or '(none)'}, expected x, y, ts, p")
    columns = {column: events[name] for column, name in names.items()}
    return RawEvents(*in_order(columns), first_pixel=1, time_unit="us", labels=_labels(structs.get("Obj")))


def _read_v5(path: Path) -> dict[str, Struct]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        variables = loadmat(path, variable_names=["TD", "Obj"])
    except (MatReadError, zlib.error, struct.error, MemoryError, *DAMAGED) as error:
        raise RecordingError(f"it is truncated or no MATLAB file ({error})") from error
    return {name: _fields(value) for name, value in variables.items() if name in ("TD", "Obj")}


def _fields(value: Any) -> Struct:
    names = getattr(value, "dtype", np.dtype(float)).names or ()
    return {name: flat(value[name]) for name in names}


def _read_v73(path: Path) -> dict[str, Struct]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            groups = {name: file[name] for name in ("TD", "Obj") if name in file}
            return {name: _datasets(group) for name, group in groups.items() if isinstance(group, h5py.Group)}
    except (RuntimeError, *DAMAGED) as error:
        raise RecordingError(f"it is truncated or damaged ({error})") from error


def _datasets(group: Any) -> Struct:
    return {name: flat(dataset[()]) for name, dataset in group.items() if hasattr(dataset, "dtype")}


def _labels(found: Struct | None) -> RawLabels | None:
    if not found:
        return None
    lower = {name.lower(): value for name, value in found.items()}
    t = lower.get("ts", lower.get("t"))
    if t is None or "x" not in lower or "y" not in lower:
        raise RecordingError(f"the labels `Obj` have the fields {', '.join(found)}, expected x, y, ts, id")
    return RawLabels(x=lower["x"], y=lower["y"], t=t, id=lower.get("id", np.zeros(len(t), np.int64)))
