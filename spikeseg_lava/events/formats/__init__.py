"""One reader per family of file formats; each hands over the events as they stand in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from spikeseg_lava.events.formats.camera import read_aedat4, read_dat, read_es, read_raw
from spikeseg_lava.events.formats.hdf5 import read_hdf5
from spikeseg_lava.events.formats.matlab import read_mat
from spikeseg_lava.events.formats.numpy_array import read_npy
from spikeseg_lava.events.formats.text import read_text
from spikeseg_lava.events.raw_events import RawEvents

READERS: Mapping[str, Callable[[Path], RawEvents]] = {
    "mat": read_mat,
    "aedat4": read_aedat4,
    "es": read_es,
    "raw": read_raw,
    "dat": read_dat,
    "h5": read_hdf5,
    "hdf5": read_hdf5,
    "npy": read_npy,
    "txt": read_text,
    "csv": read_text,
}
