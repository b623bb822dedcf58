"""What the processes of a graph share without a name: memory and a log of spikes, which vanish when a run is killed.

Lava takes named segments from a manager process, and a killed run leaves them in /dev/shm. As Lava forks its processes,
an anonymous mapping is inherited by all of them and vanishes with the last. Here are arrays for results, blocks for
Lava's channels, the message buffers of our channel, and the log that spikes leave a graph by.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PUBLISH_SECONDS = 1.0  # far longer than publishing takes; a process that ended or runs on is not waited for longer


class SharedArray(np.ndarray):
    """An array whose contents are shared with processes forked later; see `shared_array`.

    A pickled array would come back in private memory, and a graph that was saved and loaded would leave its membranes
    where the parent does not see them. So it comes back in shared memory.
    """

    def __reduce__(self) -> Any:
        return shared_copy, (np.array(self),)


def shared_array(shape: tuple[int, ...], dtype: Any) -> SharedArray:
    """An array of zeros whose contents are shared with processes forked later."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(size, 1)), dtype, math.prod(shape)).reshape(shape).view(SharedArray)


def shared_copy(values: NDArray[Any]) -> SharedArray:
    """A shared array with the contents of another array."""
    made = shared_array(values.shape, values.dtype)
    made[...] = values
    return made


class Published:
    """Results that a child leaves for its parent, in an array of `shape`.

    Lava's own runtime returns from `run` while the processes still are in the last phase of the last step, in which
    they publish. So a child announces what is to come before that, and a reader waits for it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, values: Any = 0) -> None:
        self.values = shared_array(shape, dtype)
        self.values[...] = values
        self._pending = shared_array((1,), np.uint8)

    def announce(self) -> None:
        """In the child: a step has begun, after which results will be published."""
        self._pending[0] = 1

    def done(self) -> None:
        """In the child: the values are those of the last step."""
        self._pending[0] = 0

    def publish(self, values: NDArray[Any]) -> None:
        """In the child: copy the results."""
        np.copyto(self.values, values, casting="same_kind")
        self.done()

    def read(self) -> NDArray[Any]:
        """In the parent: the values, as soon as announced ones are there; a run that goes on is not waited for."""
        limit = time.monotonic() + PUBLISH_SECONDS
        while self._pending[0] and time.monotonic() < limit:
            time.sleep(0.0002)
        return np.asarray(self.values)


class AnonymousBlock:
    """What Lava's channels ask of a shared memory segment: its bytes as `buf`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.buf = memoryview(mmap.mmap(-1, max(size, 1)))


class AnonymousMemory:
    """Takes the place of Lava's SharedMemoryManager; the blocks live as long as someone holds them."""

    def start(self) -> None:
        """Does nothing: there is no manager process to start."""

    def shutdown(self) -> None:
        """Does nothing: blocks vanish with the last process that holds them."""

    def create_shared_memory(self, size: int) -> AnonymousBlock:
        return AnonymousBlock(size)


Events = tuple[NDArray[np.int32], NDArray[Any]]
SMALL = 256  # elements: smaller messages are never split into events, which would save nothing
DENSE = -1


class MessageBuffer(NamedTuple):
    """Views of one message: number of events or `DENSE`, and the two forms of content, in the same bytes."""

    count: NDArray[np.int64]
    dense: NDArray[Any]
    index: NDArray[np.int32]
    payload: NDArray[Any]


class BufferLayout:
    """Bytes of a buffer for messages of `shape` and `dtype`: those of a dense message, and at most 16 more."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.elements = math.prod(shape)
        dense = self.elements * self.dtype.itemsize
        self.capacity = 0 if self.elements < SMALL else dense // (4 + self.dtype.itemsize) // 4 * 4
        self.bytes = 8 + -(-dense // 8) * 8

    def buffers(self, block: memoryview, number: int) -> list[MessageBuffer]:
        """The message buffers that lie one after another in a block of memory."""
        return [self._buffer(block[i * self.bytes : (i + 1) * self.bytes]) for i in range(number)]

    def _buffer(self, block: memoryview) -> MessageBuffer:
        payload = self.capacity * self.dtype.itemsize
        return MessageBuffer(
            np.frombuffer(block, np.int64, 1),
            np.frombuffer(block, self.dtype, self.elements, 8).reshape(self.shape),
            np.frombuffer(block, np.int32, self.capacity, 8 + payload),
            np.frombuffer(block, self.dtype, self.capacity, 8),
        )


def buffered_events(buffer: MessageBuffer) -> Events:
    """Places and values of the non-zero elements of a message, copied out of its buffer."""
    count = int(buffer.count[0])
    if count == DENSE:
        index = np.flatnonzero(buffer.dense != 0)
        return index.astype(np.int32), buffer.dense.reshape(-1)[index]
    return buffer.index[:count].copy(), buffer.payload[:count].copy()


ROW_BYTES = 8
MOST_WAITING = 2**15  # rows


class SpikeLog:
    """Rows (step, place) that a child appends and the parent reads, in a temporary file both share through a fork.

    `Var.get()` takes 28 microseconds an element; the log takes whole steps at once and nothing dense. A row is two
    Int32: the step from 0, and the flat place in the port. It can be pickled with the Process it belongs to, and comes
    back empty.
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
        log_rows([(0, np.zeros(1, np.int32))])
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
            self._write(log_rows(self._waiting))
            self._waiting, self._number = [], 0

    def take(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Steps and places of the spikes written since the last `take`; called in the parent."""
        complete = (os.fstat(self._file.fileno()).st_size - self._taken) // ROW_BYTES * ROW_BYTES
        rows, read = np.empty((complete // ROW_BYTES, 2), np.int32), 0
        while read < complete:
            read += os.preadv(self._file.fileno(), [rows.data.cast("B")[read:]], self._taken + read)
        self._taken += complete
        return rows[:, 0].copy(), rows[:, 1].copy()

    def close(self) -> None:
        """Give the file back; its contents are gone."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file.fileno(), view) :]


def log_rows(spikes: list[tuple[int, NDArray[np.integer]]]) -> bytes:
    """Rows (step, place) of the places of some steps."""
    steps, places = zip(*spikes, strict=True)
    lengths = [len(index) for index in places]
    rows = np.empty((sum(lengths), 2), np.int32)
    rows[:, 0], rows[:, 1] = np.repeat(steps, lengths), np.concatenate(places)
    return rows.tobytes()
