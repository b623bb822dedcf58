"""Spikes of many samples in one HDF5 file that grows while they come, and is renamed when complete.

Per layer: `<layer>/rows` Int32[N, 4] of (t, c, y, x), t counted from the start of its sample, and `<layer>/ends`
Int64[samples], the rows up to the end of each sample. `steps`, `starts` Int64[samples]. Attribute `meta`: JSON.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError, RecordError
from spikeseg_lava.files import check_target
from spikeseg_lava.spikes.record import SpikeRecord

FORMAT = "spikeseg_lava.spike_stream"
VERSION = 1
ROWS_PER_WRITE = 2**19  # 8 MB of rows are held back,
SAMPLES_PER_WRITE = 2**10  # or so many samples, which need not hold a row,
SECONDS_PER_WRITE = 10.0  # or what came in so many seconds
ROWS_CHUNK, SAMPLES_CHUNK = 2**14, 2**10
NO_START = -(2**63)
CANNOT_RESERVE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # this file system has no such call


class SpikeWriter:
    """Appends samples to `path` with the ending `.partial`; `finish` renames it. A context manager that only closes.

    Opened again with the same `meta` (and `resume`), it continues after the last complete sample. The space for what
    is written is reserved before: HDF5 cannot be closed without a crash once a write has failed.

    Raises:
        ArgumentError: `path` cannot be written. RecordError: the disk is full; what was written before is kept.
    """

    def __init__(self, path: str | os.PathLike[str], meta: Mapping[str, Any], resume: bool = True) -> None:
        check_target(path)
        self.path = Path(os.path.realpath(path))
        self.partial = self.path.with_name(f"{self.path.name}.partial")
        if self.partial.is_symlink() or any(x.exists() and not x.is_file() for x in (self.path, self.partial)):
            raise ArgumentError(f"`{path}` cannot be written: a spike file and its `.partial` must be ordinary files")
        self.meta = {"format": FORMAT, "version": VERSION, **meta}
        self._file: Any = (self._continued() if resume else None) or self._begun()
        self.samples: int = len(self._file["steps"])
        self._samples_kept = self.samples
        self._pending: list[tuple[dict[str, NDArray[np.int32]], int, int]] = []
        self._rows = 0
        self._written = time.monotonic()

    def __enter__(self) -> SpikeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what can be kept: the complete samples, or nothing where there is none."""
        if not self._file:
            return
        with contextlib.suppress(RecordError):
            self.flush()
        self._close()
        if not self._samples_kept:
            self.partial.unlink(missing_ok=True)

    def append(self, spikes: Mapping[str, NDArray[np.int32]], steps: int, start: int | None = None) -> None:
        """Add one sample."""
        self._pending.append((dict(spikes), steps, NO_START if start is None else start))
        self._rows += sum(map(len, spikes.values()))
        self.samples += 1
        waited = time.monotonic() - self._written > SECONDS_PER_WRITE
        if waited or self._rows >= ROWS_PER_WRITE or len(self._pending) >= SAMPLES_PER_WRITE:
            self.flush()

    def flush(self) -> None:
        """Write what is held back; the file is complete up to here."""
        if not self._pending:
            return
        self._reserve(self._file.id.get_vfd_handle(), self._file.id.get_filesize(), self._rows)
        for layer in self.meta["layers"]:
            parts = [spikes[layer] for spikes, _, _ in self._pending]
            before = len(self._file[layer]["rows"])
            _extend(self._file[layer]["rows"], np.concatenate(parts))
            _extend(self._file[layer]["ends"], before + np.cumsum([len(part) for part in parts]))
        _extend(self._file["starts"], np.array([start for *_, start in self._pending], np.int64))
        _extend(self._file["steps"], np.array([steps for _, steps, _ in self._pending], np.int64))
        self._file.flush()
        self._samples_kept = self.samples
        self._pending, self._rows, self._written = [], 0, time.monotonic()

    def finish(self) -> None:
        """All samples are there: close and rename."""
        self.flush()
        self._close()
        os.replace(self.partial, self.path)

    def _close(self) -> None:
        """Close the file, and give back what was reserved and not used."""
        self._file.flush()
        end = self._file.id.get_filesize()
        self._file.close()
        os.truncate(self.partial, end)

    def _begun(self) -> Any:
        import h5py

        self._samples_kept = 0
        try:
            with open(os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666), "wb") as new:
                self._reserve(new.fileno(), 0, 0)
        except RecordError:
            self.partial.unlink()
            raise
        file: Any = h5py.File(self.partial, "w")
        file.attrs["meta"] = json.dumps(self.meta)
        for layer in self.meta["layers"]:
            group = file.create_group(layer)
            chunks = (ROWS_CHUNK, 4)
            group.create_dataset("rows", (0, 4), np.int32, maxshape=(None, 4), chunks=chunks, compression="lzf")
            group.create_dataset("ends", (0,), np.int64, maxshape=(None,), chunks=(SAMPLES_CHUNK,))
        for name in ("steps", "starts"):
            file.create_dataset(name, (0,), np.int64, maxshape=(None,), chunks=(SAMPLES_CHUNK,))
        return file

    def _continued(self) -> Any:
        """The unfinished file of the same run, cut to its complete samples; None where there is none."""
        import h5py

        try:
            file: Any = h5py.File(self.partial, "r+")
        except OSError:
            return None
        try:
            if json.loads(str(file.attrs["meta"])) == json.loads(json.dumps(self.meta)):
                _cut_to_complete(file, self.meta["layers"])
                return file
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, OSError):
            pass  # damaged: begun anew
        file.close()
        return None

    def _reserve(self, handle: int, end: int, rows: int) -> None:
        """Allocate on disk, behind `end`, what writing `rows` rows can take; RecordError where it is not there."""
        layers = len(self.meta["layers"])
        chunks = layers * 2 * 16 * ROWS_CHUNK + (layers + 2) * 4 * 8 * SAMPLES_CHUNK
        needed = 17 * rows + chunks + 2**16
        try:
            os.posix_fallocate(handle, end, needed)
        except OSError as error:
            if error.errno in CANNOT_RESERVE:
                return
            kept = f"the first {self._samples_kept} sample(s) are kept, and the same command goes on from there"
            raise RecordError(
                f"`{self.path}` cannot be written: {error.strerror} ({needed / 2**20:.1f} MiB more are needed); "
                f"{kept if self._samples_kept else 'nothing was written'}"
            ) from error


def discard_empty(path: str | os.PathLike[str]) -> None:
    """Remove what a killed writer of `path` left, if nobody can go on from there: it holds no complete sample."""
    import h5py

    partial = Path(f"{os.fspath(path)}.partial")
    try:
        with h5py.File(partial, "r") as file:
            samples = len(_dataset(file, "steps", np.int64, 1))
    except (OSError, KeyError, RuntimeError, RecordError):
        samples = 0
    if not samples and partial.is_file() and not partial.is_symlink():
        partial.unlink()


class SpikeFile:
    """Reads what SpikeWriter wrote; a context manager. `samples`, `meta`, `record(k)`, and iteration over records.

    Raises RecordError for a file of another kind or version, or one whose parts do not fit each other.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import h5py

        if not Path(path).is_file():
            raise RecordError(f"`{path}` is no spike file: there is no such file")
        try:
            self._file: Any = h5py.File(path, "r")
        except OSError as error:
            raise RecordError(f"`{path}` is no spike file: {error}") from error
        try:
            self.meta: dict[str, Any] = json.loads(str(self._file.attrs["meta"]))
            self.samples = _checked_samples(self._file, self.meta)
        except Exception as error:  # HDF5 reports a damaged file by nearly every type there is
            self._file.close()
            reason = error if isinstance(error, RecordError) else f"{type(error).__name__}: {error}"
            raise RecordError(f"`{path}` is no spike file, or is damaged: {reason}") from error

    def __enter__(self) -> SpikeFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self.samples

    def __iter__(self) -> Iterator[SpikeRecord]:
        return map(self.record, range(self.samples))

    def record(self, sample: int) -> SpikeRecord:
        """Spikes of one sample; membranes are not kept in a stream."""
        if not 0 <= sample < self.samples:
            raise RecordError(f"`sample` must be 0 to {self.samples - 1}, got {sample}")
        try:
            spikes = {layer: self._rows(layer, sample) for layer in self.meta["layers"]}
            start, steps = int(self._file["starts"][sample]), int(self._file["steps"][sample])
        except (OSError, RuntimeError, KeyError, ValueError) as error:  # HDF5 finds damage when it gets there
            raise RecordError(f"sample {sample} of this spike file is damaged: {error}") from error
        facts = {"sample": sample, "steps": steps}
        return SpikeRecord(spikes, {}, {**self.meta, **facts, "start": None if start == NO_START else start})

    def _rows(self, layer: str, sample: int) -> NDArray[np.int32]:
        ends = self._file[layer]["ends"]
        return self._file[layer]["rows"][(ends[sample - 1] if sample else 0) : ends[sample]]


def _checked_samples(file: Any, meta: Any) -> int:
    """The number of samples; RecordError where the file is not laid out as its description says."""
    kind = (meta.get("format"), meta.get("version")) if isinstance(meta, dict) else None
    if kind != (FORMAT, VERSION):
        raise RecordError(f"its format is {kind}, expected {(FORMAT, VERSION)}")
    samples, layers = len(_dataset(file, "steps", np.int64, 1)), meta["layers"]
    if not isinstance(layers, list) or len(_dataset(file, "starts", np.int64, 1)) != samples:
        raise RecordError("`layers` is no list, or `steps` and `starts` are not of one length")
    for layer in layers:
        ends, rows = _dataset(file, f"{layer}/ends", np.int64, 1)[:], _dataset(file, f"{layer}/rows", np.int32, 2)
        if len(ends) != samples or rows.shape[1] != 4:
            raise RecordError(f"`{layer}` has {len(ends)} ends of {samples} samples, and rows of {rows.shape}")
        if samples and (ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] > len(rows)):
            raise RecordError(f"the ends of `{layer}` do not rise from 0 to its {len(rows)} rows")
    return samples


def _dataset(file: Any, name: str, dtype: Any, axes: int) -> Any:
    """A dataset whose values are in this very file: links and outside storage could show any file of this machine."""
    import h5py

    for part in (name, name.rpartition("/")[0]):
        if part and not isinstance(file.get(part, getlink=True), h5py.HardLink):
            raise RecordError(f"`{part}` is missing or a link")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.dtype != dtype or found.ndim != axes:
        raise RecordError(f"`{name}` is not {axes}-dimensional of {np.dtype(dtype)}")
    if found.external or found.is_virtual or found.chunks is None:
        raise RecordError(f"`{name}` is stored in another file")
    return found


def _extend(dataset: Any, values: NDArray[Any]) -> None:
    before = len(dataset)
    dataset.resize(before + len(values), axis=0)
    dataset[before:] = values


def _cut_to_complete(file: Any, layers: list[str]) -> None:
    samples = min(len(file["steps"]), len(file["starts"]), *(len(file[layer]["ends"]) for layer in layers))
    for name in ("steps", "starts", *(f"{layer}/ends" for layer in layers)):
        file[name].resize(samples, axis=0)
    for layer in layers:
        file[layer]["rows"].resize(int(file[layer]["ends"][-1]) if samples else 0, axis=0)
