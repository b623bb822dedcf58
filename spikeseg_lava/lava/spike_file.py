"""The way of spikes out of a graph: an unlinked temporary file that a child appends to and the parent reads.

`Var.get()` moves 28 microseconds an element; this moves whole steps at once, keeps nothing dense, and has no name, so
nothing is left behind. A row is two Int32: step from 0, and the flat place in the port.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np
from numpy.typing import NDArray

ROW_BYTES = 8


class SpikeFile:
    """Rows (step, place) appended by one process and read by another that shares the file through a fork."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="spikeseg-lava-")  # noqa: SIM115 - closed by `close`
        self._taken = 0

    def append(self, step: int, index: NDArray[np.integer]) -> None:
        """Write the spikes of one step; called in the child."""
        rows = np.empty((len(index), 2), np.int32)
        rows[:, 0], rows[:, 1] = step, index
        self._write(rows.tobytes())

    def take(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Steps and places of the spikes written since the last `take`; called in the parent."""
        complete = (os.fstat(self._file.fileno()).st_size - self._taken) // ROW_BYTES * ROW_BYTES
        data = bytearray()
        while len(data) < complete:
            data += os.pread(self._file.fileno(), complete - len(data), self._taken + len(data))
        self._taken += complete
        rows = np.frombuffer(bytes(data), np.int32).reshape(-1, 2)
        return rows[:, 0], rows[:, 1]

    def close(self) -> None:
        """Give the file back; its contents are gone."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file.fileno(), view) :]
