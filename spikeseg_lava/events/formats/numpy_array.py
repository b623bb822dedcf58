"""`.npy`: a structured array with named fields, or (N, 4) of t, x, y, p. Never unpickled."""

from __future__ import annotations

import tokenize
from pathlib import Path

import numpy as np

from spikeseg_lava.errors import RecordingError
from spikeseg_lava.events.formats.columns import in_order, named_columns
from spikeseg_lava.events.raw_events import RawEvents, flat


def read_npy(path: Path) -> RawEvents:
    """The events of a NumPy array file."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise RecordingError(f"no array could be loaded ({error})") from error
    if not isinstance(array, np.ndarray):
        raise RecordingError("it is an archive of arrays (.npz), expected a single array")
    if array.dtype.names:
        return _from_fields(array)
    if array.ndim == 2 and array.shape[1] == 4:
        t, x, y, p = array.T
        return RawEvents(x=x, y=y, t=t, p=p)
    raise RecordingError(f"its shape is {array.shape}, expected (N, 4) of t, x, y, p or named fields")


def _from_fields(array: np.ndarray) -> RawEvents:
    names = named_columns(array.dtype.names or ())
    if names is None:
        raise RecordingError(f"its fields are {', '.join(array.dtype.names or ())}, expected t, x, y, p")
    return RawEvents(*in_order({column: flat(array[name]) for column, name in names.items()}))
