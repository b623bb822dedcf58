"""Script: runs one step with every array of pixels in memory that may not be touched. Argument: number of events."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

import numpy as np
from builders.models import integer_conv, model_of

from spikeseg_lava.engine.conv import EventConv, State
from spikeseg_lava.engine.engine import EventEngine
from spikeseg_lava.engine.kernels.record import place_of
from spikeseg_lava.engine.layers import EventPool
from spikeseg_lava.engine.payloads import SparseSteps
from spikeseg_lava.network.floats import PoolLayer

NO_ACCESS = 0


def guarded(array: np.ndarray) -> np.ndarray:
    """A copy in pages of its own; reading or writing it ends the process with a segmentation fault."""
    memory = mmap.mmap(-1, max(array.nbytes, 1))
    copy = np.frombuffer(memory, array.dtype, array.size)
    copy[:] = array
    length = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(copy.ctypes.data), length, NO_ACCESS):
        raise OSError(ctypes.get_errno(), "mprotect")
    return copy


def main(events: int) -> None:
    layers = integer_conv("conv1", [(np.ones((2, 1, 3, 3)), 0)], 5, padding=(1, 1)), PoolLayer("pool1", (2, 2), (2, 2))
    engine = EventEngine(model_of(*layers), (40, 40))
    engine.run(SparseSteps(np.array([0, 1]), np.array([40], np.int32), np.array([9], np.int32)))  # compiles
    kept = [
        (layer, name, guarded(layer._arrays[name])) for layer in engine.layers.values() for name in guarded_of(layer)
    ]
    for layer, name, array in kept:
        layer.record[name] = place_of(array)
    engine.clear()
    engine.run(SparseSteps.silent(100))
    offsets = np.array([0] * 50 + [events])  # the event is there in any case, else the kernels would not even look
    engine.run(SparseSteps(offsets, np.array([40], np.int32), np.array([9], np.int32)))
    os._exit(0)


def guarded_of(layer: EventConv | EventPool) -> tuple[str, ...]:
    """Names of the arrays that are as long as the frame, or a side of it."""
    return State._fields if isinstance(layer, EventConv) else ("marked",)


if __name__ == "__main__":
    main(int(sys.argv[1]))
