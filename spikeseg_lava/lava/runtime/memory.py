"""Memory shared with the processes of a graph that has no name: nothing is left behind, whoever dies.

Lava takes named segments from a manager process; a killed run leaves them in /dev/shm. As Lava forks its processes, an
anonymous mapping is inherited by all of them and vanishes with the last.

Message buffers of our channel: a dense message, or its non-zero elements, in the same bytes.
"""

from __future__ import annotations

import math
import mmap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


def shared_array(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros whose contents are shared with processes forked later."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(size, 1)), dtype, math.prod(shape)).reshape(shape)


class AnonymousBlock:
    """What Lava's channels ask of a shared memory segment: its bytes as `buf`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.buf = memoryview(mmap.mmap(-1, max(size, 1)))


class AnonymousMemory:
    """Takes the place of Lava's SharedMemoryManager; the blocks live as long as someone holds them."""

    def start(self) -> None:
        """Nothing to start."""

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def create_shared_memory(self, size: int) -> AnonymousBlock:
        return AnonymousBlock(size)


Events = tuple[NDArray[np.int32], NDArray[Any]]
SMALL = 256  # elements: below, messages are never split into events
DENSE = -1


class Slot(NamedTuple):
    """Views of one message buffer: number of events or `DENSE`, and the two forms of content, in the same bytes."""

    count: NDArray[np.int64]
    dense: NDArray[Any]
    index: NDArray[np.int32]
    payload: NDArray[Any]


class SlotLayout:
    """Bytes of a slot for messages of `shape` and `dtype`: never more than a dense message, and 16."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.elements = math.prod(shape)
        dense = self.elements * self.dtype.itemsize
        self.capacity = 0 if self.elements < SMALL else dense // (4 + self.dtype.itemsize) // 4 * 4
        self.bytes = 8 + -(-dense // 8) * 8

    def slots(self, buffer: memoryview, size: int) -> list[Slot]:
        return [self._slot(buffer[i * self.bytes : (i + 1) * self.bytes]) for i in range(size)]

    def _slot(self, buffer: memoryview) -> Slot:
        payload = self.capacity * self.dtype.itemsize
        return Slot(
            np.frombuffer(buffer, np.int64, 1),
            np.frombuffer(buffer, self.dtype, self.elements, 8).reshape(self.shape),
            np.frombuffer(buffer, np.int32, self.capacity, 8 + payload),
            np.frombuffer(buffer, self.dtype, self.capacity, 8),
        )


def slot_events(slot: Slot) -> Events:
    count = int(slot.count[0])
    if count == DENSE:
        index = np.flatnonzero(slot.dense != 0)
        return index.astype(np.int32), slot.dense.reshape(-1)[index]
    return slot.index[:count].copy(), slot.payload[:count].copy()
