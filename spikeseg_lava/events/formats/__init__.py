"""One reader per family of file formats; each yields the events block by block, as they stand in the file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
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

BEGINNINGS: Mapping[bytes, str] = {
    b"MATLAB ": "mat",
    b"\x89HDF\r\n\x1a\n": "h5",
    b"#!AER-DAT4": "aedat4",
    b"#!AER-DAT": "aedat",
    b"Event Stream": "es",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gz",
}
"""First bytes of a file -> its format."""
LOOKED_AT = 4096  # bytes


def reader_of(file_format: str) -> Callable[..., Iterator[RawEvents]]:
    """The generator function (path) -> blocks of a format; those of HDF5 also take `group`."""
    module, name = READERS[file_format]
    reader: Any = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return reader


def format_of_content(path: Path) -> str | None:
    """The format that the beginning of a file tells, for one of another name; None where it tells none."""
    try:
        with path.open("rb") as file:
            begin = file.read(LOOKED_AT)
    except OSError:
        return None
    for first, name in BEGINNINGS.items():
        if begin.startswith(first):
            return "npz" if name == "zip" and b".npy" in begin else name
    if begin.startswith(b"%"):  # Prophesee's header; that of `.dat` files names no encoding of EVT
        return "raw" if b"evt" in begin.lower() else "dat"
    return "txt" if _reads_as_events(begin) else None


def _reads_as_events(begin: bytes) -> bool:
    """Whether the first whole lines are text, and one of them holds four numbers or more."""
    try:
        text = begin.decode("ascii")
    except UnicodeDecodeError:
        return False
    return any(_four_numbers(line) for line in text.splitlines()[:20])


def _four_numbers(line: str) -> bool:
    try:
        return len([float(word) for word in line.replace(",", " ").split()]) >= 4
    except ValueError:
        return False
