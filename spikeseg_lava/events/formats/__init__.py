"""One reader per family of file formats; each yields the events block by block, as they stand in the file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spikeseg_lava.events.raw_events import RawEvents

# Suffix -> module and function. Modules are imported when a file needs them: some bring large libraries.
READERS: Mapping[str, tuple[str, str]] = {
    "mat": ("matlab", "read_mat"),
    "aedat4": ("camera", "read_aedat4"),
    "aedat": ("camera", "read_aedat"),
    "es": ("camera", "read_es"),
    "raw": ("prophesee", "read_raw"),
    "dat": ("prophesee", "read_dat"),
    "h5": ("hdf5", "read_hdf5"),
    "hdf5": ("hdf5", "read_hdf5"),
    "npy": ("numpy_array", "read_npy"),
    "npz": ("numpy_array", "read_npz"),
    "bin": ("camera", "read_nmnist"),
    "txt": ("text", "read_text"),
    "csv": ("text", "read_text"),
    "zip": ("text", "read_text"),
    "gz": ("text", "read_text"),
}
GROUPED = ("h5", "hdf5")


def reader_of(file_format: str) -> Callable[..., Iterator[RawEvents]]:
    """The generator function (path) -> blocks of a format; those of HDF5 also take `group`."""
    module, name = READERS[file_format]
    reader: Any = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return reader
