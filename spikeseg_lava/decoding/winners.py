"""Which neuron of a pool's window won: what max-unpooling needs to send a spike back where it came from.

As `max_pool2d(return_indices=True)` of one step's 0/1 spikes: the first spike of the window in row-major order, and
the window's first neuron where the whole window was silent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.projection import ROW_SHIFT
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import PoolLayer, Shape

CAUSAL = "causal"
LAST_STEP = "last-step"
POOL_WINNERS = (CAUSAL, LAST_STEP)
LONGEST = 2**15  # rows and columns of a layer; a winner is a row and a column in 32 bit


def silent_winners(pool: PoolLayer, below: Shape) -> NDArray[np.int32]:
    """Int32[h, w, C]: the complement `~(row << 16 | column)` of every window's first neuron, for `below` (C, H, W)."""
    channels, height, width = pool.output_shape(below)
    if max(below[1:]) >= LONGEST:
        raise ArgumentError(f"`size` is too large to be decoded: `{pool.name}` pools {below[1]}x{below[2]} neurons")
    first = (np.arange(height)[:, None] * pool.stride[0] << ROW_SHIFT) + np.arange(width) * pool.stride[1]
    return np.repeat(~first[:, :, None].astype(np.int32), channels, axis=2)


def note_winners(pool: PoolLayer, spikes: NDArray[np.int32], winners: NDArray[np.int32]) -> None:
    """Write the winners of a step into `winners`, which are those of silent windows.

    Args:
        pool: kernel and stride of the pool.
        spikes: Int32[N, 3] of (c, y, x), the spikes of the layer below it in the step.
    """
    _visit(spikes, winners, *pool.kernel, *pool.stride, True)


def forget_winners(pool: PoolLayer, spikes: NDArray[np.int32], winners: NDArray[np.int32]) -> None:
    """Undo `note_winners` of the same spikes."""
    _visit(spikes, winners, *pool.kernel, *pool.stride, False)


@compiled
def _visit(spikes, winners, kernel_y, kernel_x, stride_y, stride_x, spiked):
    """Every window that holds a spike: its first spike so far, or its first neuron again."""
    rows, columns, _ = winners.shape
    for n in range(len(spikes)):
        c, y, x = np.int64(spikes[n, 0]), np.int64(spikes[n, 1]), np.int64(spikes[n, 2])
        neuron = np.int32(y << ROW_SHIFT | x)
        top, left = max(-((kernel_y - 1 - y) // stride_y), 0), max(-((kernel_x - 1 - x) // stride_x), 0)
        for i in range(top, min(y // stride_y, rows - 1) + 1):
            for j in range(left, min(x // stride_x, columns - 1) + 1):
                if not spiked:
                    winners[i, j, c] = ~(i * stride_y << ROW_SHIFT | j * stride_x)
                elif winners[i, j, c] < 0 or winners[i, j, c] > neuron:
                    winners[i, j, c] = neuron
