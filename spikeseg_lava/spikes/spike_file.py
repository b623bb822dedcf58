"""Spikes of many samples in one HDF5 file that grows while they come, and is renamed when complete.

Per layer: `<layer>/rows` Int32[N, 4] of (t, c, y, x), t counted from the start of its sample, and `<layer>/ends`
Int64[samples], the rows up to the end of each sample. `steps`, `starts` Int64[samples]. Attribute `meta`: JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import RecordError
from spikeseg_lava.spikes.record import SpikeRecord

FORMAT = "spikeseg_lava.spike_stream"
VERSION = 1
ROWS_PER_WRITE = 2**19  # 8 MB of rows are held back
NO_START = -(2**63)


class SpikeWriter:
    """Appends samples to `path` with the ending `.partial`; `finish` renames it. A context manager that only closes.

    Opened again with the same `meta` (and `resume`), it continues after the last complete sample.
    """

    def __init__(self, path: str | os.PathLike[str], meta: Mapping[str, Any], resume: bool = True) -> None:
        self.path, self.partial = Path(path), Path(f"{os.fspath(path)}.partial")
        self.meta = {"format": FORMAT, "version": VERSION, **meta}
        self._file: Any = (self._continued() if resume else None) or self._begun()
        self.samples: int = len(self._file["steps"])
        self._pending: list[tuple[dict[str, NDArray[np.int32]], int, int]] = []
        self._rows = 0

    def __enter__(self) -> SpikeWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self.flush()
            self._file.close()

    def append(self, spikes: Mapping[str, NDArray[np.int32]], steps: int, start: int | None = None) -> None:
        """Add one sample."""
        self._pending.append((dict(spikes), steps, NO_START if start is None else start))
        self._rows += sum(map(len, spikes.values()))
        self.samples += 1
        if self._rows >= ROWS_PER_WRITE:
            self.flush()

    def flush(self) -> None:
        """Write what is held back; the file is complete up to here."""
        if not self._pending:
            return
        for layer in self.meta["layers"]:
            parts = [spikes[layer] for spikes, _, _ in self._pending]
            before = len(self._file[layer]["rows"])
            _extend(self._file[layer]["rows"], np.concatenate(parts))
            _extend(self._file[layer]["ends"], before + np.cumsum([len(part) for part in parts]))
        _extend(self._file["starts"], np.array([start for *_, start in self._pending], np.int64))
        _extend(self._file["steps"], np.array([steps for _, steps, _ in self._pending], np.int64))
        self._file.flush()
        self._pending, self._rows = [], 0

    def finish(self) -> None:
        """All samples are there: close and rename."""
        self.flush()
        self._file.close()
        os.replace(self.partial, self.path)

    def _begun(self) -> Any:
        import h5py

        file: Any = h5py.File(self.partial, "w")
        file.attrs["meta"] = json.dumps(self.meta)
        for layer in self.meta["layers"]:
            group = file.create_group(layer)
            group.create_dataset("rows", (0, 4), np.int32, maxshape=(None, 4), chunks=(2**14, 4), compression="lzf")
            group.create_dataset("ends", (0,), np.int64, maxshape=(None,), chunks=(2**10,))
        for name in ("steps", "starts"):
            file.create_dataset(name, (0,), np.int64, maxshape=(None,), chunks=(2**10,))
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
        except (KeyError, ValueError, OSError):
            pass
        file.close()
        return None


class SpikeFile:
    """Reads what SpikeWriter wrote; a context manager. `samples`, `meta`, `record(k)`, and iteration over records."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import h5py

        try:
            self._file: Any = h5py.File(path, "r")
            self.meta: dict[str, Any] = json.loads(str(self._file.attrs["meta"]))
            self.samples: int = len(self._file["steps"])
        except (OSError, KeyError, ValueError) as error:
            raise RecordError(f"`{path}` is no spike file: {error}") from error
        if (self.meta.get("format"), self.meta.get("version")) != (FORMAT, VERSION):
            raise RecordError(f"`{path}` is of format {self.meta.get('format')} {self.meta.get('version')}")

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
        spikes = {layer: self._rows(layer, sample) for layer in self.meta["layers"]}
        start = int(self._file["starts"][sample])
        facts = {"sample": sample, "steps": int(self._file["steps"][sample])}
        return SpikeRecord(spikes, {}, {**self.meta, **facts, "start": None if start == NO_START else start})

    def _rows(self, layer: str, sample: int) -> NDArray[np.int32]:
        ends = self._file[layer]["ends"]
        return self._file[layer]["rows"][(ends[sample - 1] if sample else 0) : ends[sample]]


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
