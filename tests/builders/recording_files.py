"""Every format of recordings that is read, as a small file written from known events."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def evt2_bytes(events: Any, header: str = "% evt 2.0\n% geometry 40x30\n% end\n") -> bytes:
    """Prophesee EVT 2: a clock word whenever the upper bits of the time change, then a word an event."""
    words, high = [], -1
    for x, y, t, p in zip(events.x, events.y, events.t, events.p, strict=True):
        if int(t) >> 6 != high:
            high = int(t) >> 6
            words.append(8 << 28 | high & 0xFFFFFFF)
        words.append(int(p) << 28 | (int(t) & 63) << 22 | int(x) << 11 | int(y))
    return header.encode("latin-1") + np.array(words, "<u4").tobytes()


def evt21_bytes(events: Any, legacy: bool = False, header: str = "% evt 2.1\n% geometry 40x30\n% end\n") -> bytes:
    """EVT 2.1: as EVT 2, with a mask of one pixel; `legacy` has the half with the type first."""
    heads = np.frombuffer(evt2_bytes(events, ""), "<u4")
    masks = np.where(heads >> 28 == 8, 0, 1).astype("<u4")
    pairs = (heads, masks) if legacy else (masks, heads)
    return header.encode() + np.stack(pairs, axis=1).tobytes()


def evt3_bytes(events: Any, header: str = "% evt 3.0\n% geometry 40x30\n% end\n") -> bytes:
    """EVT 3: high and low time, row, then column and polarity of every event."""
    words = []
    for x, y, t, p in zip(events.x, events.y, events.t, events.p, strict=True):
        words += [0x8000 | int(t) >> 12 & 0xFFF, 0x6000 | int(t) & 0xFFF, int(y), 0x2000 | int(p) << 11 | int(x)]
    return header.encode("latin-1") + np.array(words, "<u2").tobytes()


def dat_bytes(events: Any, kind: int = 12, header: str = "% Version 2\n% Height 30\n% Width 40\n") -> bytes:
    """Prophesee DAT: time, then x, y and polarity in one word."""
    place = np.asarray(events.x) | np.asarray(events.y) << 14 | np.asarray(events.p) << 28
    return header.encode() + bytes([kind, 8]) + np.stack([events.t, place], axis=1).astype("<u4").tobytes()


def nmnist_bytes(events: Any) -> bytes:
    """N-MNIST: x, y, polarity and 23 bits of time."""
    t = np.asarray(events.t)
    columns = [events.x, events.y, np.asarray(events.p) << 7 | t >> 16, t >> 8 & 255, t & 255]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()


def aedat2_bytes(events: Any) -> bytes:
    """AEDAT 2 of a DAVIS240, whose x is counted from the right and y from below."""
    address = (179 - np.asarray(events.y)) << 22 | (239 - np.asarray(events.x)) << 12 | np.asarray(events.p) << 11
    header = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    return header + np.stack([address, events.t], axis=1).astype(">u4").tobytes()


def aedat31_bytes(events: Any, packet: int = 100) -> bytes:
    """AEDAT 3.1: packets of polarity events."""
    word = np.asarray(events.x) << 17 | np.asarray(events.y) << 2 | np.asarray(events.p) << 1 | 1
    rows = np.stack([word, events.t], axis=1).astype("<u4")
    data = b"#!AER-DAT3.1\r\nFormat: RAW\r\n#!END-HEADER\r\n".replace(b"Format", b"#Format")
    for first in range(0, len(rows), packet):
        part = rows[first : first + packet]
        head = np.array([8, 4, 0, len(part), len(part), len(part)], "<i4").tobytes()
        data += np.array([1, 0], "<i2").tobytes() + head + part.tobytes()
    return data


def text_bytes(events: Any, header: str = "", delimiter: str = " ") -> bytes:
    """t, x, y, p in microseconds, a line an event."""
    rows = zip(events.t, events.x, events.y, events.p, strict=True)
    return (header + "".join(delimiter.join(map(str, row)) + "\n" for row in rows)).encode()


def write_hdf5(path: Path, events: Any, group: str = "events") -> None:
    """A group with a dataset a column."""
    import h5py

    with h5py.File(path, "w") as file:
        for name in "xytp":
            file.create_dataset(f"{group}/{name}", data=getattr(events, name), chunks=(100,), compression="gzip")
        file.attrs["geometry"] = "40x30"


def write_matlab(path: Path, events: Any, compressed: bool = False) -> None:
    """The struct TD of MATLAB v5, pixels counted from 1."""
    from scipy.io import savemat

    td = {"x": events.x + 1, "y": events.y + 1, "ts": events.t, "p": events.p}
    savemat(path, {"TD": {name: np.asarray(value)[:, None] for name, value in td.items()}}, do_compression=compressed)


def write_matlab73(path: Path, events: Any) -> None:
    """The struct TD of MATLAB v7.3: HDF5, columns of doubles as rows."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in {"x": events.x + 1, "y": events.y + 1, "ts": events.t, "p": events.p}.items():
            file[f"TD/{name}"] = np.atleast_2d(value).astype(np.float64)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def write_by_faery(path: Path, events: Any) -> None:
    """`.aedat4` or `.es` by the library that reads them, in packets of 100 events."""
    from faery import EVENTS_DTYPE, file_encoder

    rows = np.zeros(len(events.t), EVENTS_DTYPE)
    rows["t"], rows["x"], rows["y"], rows["on"] = events.t, events.x, events.y, events.p
    packets = (rows[k : k + 100].copy() for k in range(0, len(rows), 100))
    file_encoder.events_to_file(packets, path, (40, 30), None, zero_t0=path.suffix != ".es")


def write_table(path: Path, events: Any) -> None:
    """A structured array, or for `.npz` an array a column."""
    columns = {name: np.asarray(getattr(events, name)) for name in "txyp"}
    if path.suffix == ".npz":
        np.savez(path, t=columns["t"], x=columns["x"], y=columns["y"], p=columns["p"])
        return
    table = np.zeros(len(events.t), [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
    for name, column in columns.items():
        table[name] = column
    np.save(path, table)


def write_zipped_text(path: Path, events: Any) -> None:
    """As e2vid has it: one text in an archive, its first line width and height."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.txt", text_bytes(events, "40 30\n"))


def _bytes(make: Callable[[Any], bytes]) -> Callable[[Path, Any], None]:
    def write(path: Path, events: Any) -> None:
        path.write_bytes(make(events))

    return write


# Every format that is read, as a small file: name -> what writes events into it.
RECORDING_FILES: Mapping[str, Callable[[Path, Any], None]] = {
    "evt2.raw": _bytes(evt2_bytes),
    "evt21.raw": _bytes(evt21_bytes),
    "evt21legacy.raw": _bytes(lambda events: evt21_bytes(events, legacy=True)),
    "evt3.raw": _bytes(evt3_bytes),
    "cd.dat": _bytes(dat_bytes),
    "nmnist.bin": _bytes(nmnist_bytes),
    "jaer.aedat": _bytes(aedat2_bytes),
    "caer.aedat": _bytes(aedat31_bytes),
    "plain.txt": _bytes(text_bytes),
    "named.csv": _bytes(lambda events: text_bytes(events, "time (us),x,y,polarity\n", ",")),
    "packed.gz": _bytes(lambda events: gzip.compress(text_bytes(events), mtime=0)),
    "e2vid.zip": write_zipped_text,
    "table.npy": write_table,
    "columns.npz": write_table,
    "v5.mat": write_matlab,
    "v7.mat": lambda path, events: write_matlab(path, events, compressed=True),
    "v73.mat": write_matlab73,
    "group.h5": write_hdf5,
    "dv.aedat4": write_by_faery,
    "stream.es": write_by_faery,
}
