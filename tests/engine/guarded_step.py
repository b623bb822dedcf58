"""Script: runs one step with every array of pixels in memory that may not be touched. Argument: number of events."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

import numpy as np
from engine_models import conv, model_of

from spikeseg_lava.engine import EventConv, EventEngine, EventPool, SparseSteps
from spikeseg_lava.engine.conv_arrays import State
from spikeseg_lava.engine.conv_kernel import conv_steps
from spikeseg_lava.engine.pool_kernel import pool_steps
from spikeseg_lava.network import PoolLayer

NO_ACCESS = 0
PER_TILE = {"spiked"}  # as long as one tile, not as the frame


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
    layers = conv("conv1", [(np.ones((2, 1, 3, 3)), 0)], 5, padding=(1, 1)), PoolLayer("pool1", (2, 2), (2, 2))
    engine = EventEngine(model_of(*layers), (40, 40))
    engine.run(SparseSteps(np.array([0, 1]), np.array([40], np.int32), np.array([9], np.int32)))  # compiles
    for layer in engine.layers.values():
        if isinstance(layer, EventConv):
            fields = layer._state._asdict().items()
            layer._state = State(**{name: array if name in PER_TILE else guarded(array) for name, array in fields})
        elif isinstance(layer, EventPool):
            layer._marked = guarded(layer._marked)
    engine.clear()
    engine.run(SparseSteps.silent(100))
    kernels(engine, events)
    os._exit(0)


def kernels(engine: EventEngine, events: int) -> None:
    """The compiled kernels themselves: the engine does not even call them where a whole chunk is empty."""
    conv1, pool1 = engine.layers["conv1"], engine.layers["pool1"]
    assert isinstance(conv1, EventConv)
    assert isinstance(pool1, EventPool)
    steps = SparseSteps(np.array([0] * 50 + [events]), np.full(events, 40, np.int32), np.full(events, 9, np.int32))
    conv_steps(
        steps.offsets, steps.index, steps.payload, 200, 0, conv1._layout, conv1._synapses, conv1._neuron, conv1._state
    )
    pool_steps(steps.offsets, steps.index, 200, pool1._layout, pool1._windows, pool1._marked)


if __name__ == "__main__":
    main(int(sys.argv[1]))
