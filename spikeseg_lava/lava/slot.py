"""Message buffers of our channel: a dense message, or its non-zero elements, in the same bytes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
