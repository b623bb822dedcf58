"""Memory shared with the processes of a graph that has no name: nothing is left behind, whoever dies.

Lava takes named segments from a manager process; a killed run leaves them in /dev/shm. As Lava forks its processes, an
anonymous mapping is inherited by all of them and vanishes with the last.
"""

from __future__ import annotations

import math
import mmap
from typing import Any

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
