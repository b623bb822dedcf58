"""How spikes leave a graph: a temporary file without a name, which a child appends to and the parent reads.

`Var.get()` takes 28 microseconds an element. The file takes whole steps at once and nothing dense, and as it has no
name, nothing is left behind. A row is two Int32: the step from 0, and the flat place in the port.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROW_BYTES = 8
MOST_WAITING = 2**15  # rows


class SpikeFile:
    """Rows (step, place) appended by one process and read by another that shares the file through a fork.

    It can be pickled with the Process it belongs to, and comes back as an empty file.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="spikeseg-lava-")  # noqa: SIM115 - closed by `close`
        self._taken = 0
        self._waiting: list[tuple[int, NDArray[np.integer]]] = []
        self._number = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"contents": None}  # something to restore, or Python would not call `__setstate__`

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()

    def prepare(self) -> None:
        """Write nothing once, in the child before the first step, which then takes no longer than the others."""
        file_rows([(0, np.zeros(1, np.int32))])
        self._write(b"")

    def append(self, step: int, index: NDArray[np.integer], later: bool = False) -> None:
        """Keep the spikes of one step; called in the child.

        `later`: another call follows before anybody reads, so they may wait: a call of the system takes as long as a
        small step.
        """
        if len(index):
            self._waiting.append((step, index))
            self._number += len(index)
        if self._number and (not later or self._number > MOST_WAITING):
            self._write(file_rows(self._waiting))
            self._waiting, self._number = [], 0

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


def file_rows(spikes: list[tuple[int, NDArray[np.integer]]]) -> bytes:
    """Rows (step, place) of the places of some steps."""
    steps, places = zip(*spikes, strict=True)
    lengths = [len(index) for index in places]
    rows = np.empty((sum(lengths), 2), np.int32)
    rows[:, 0], rows[:, 1] = np.repeat(steps, lengths), np.concatenate(places)
    return rows.tobytes()
