"""Which neuron of a pool's window won: what max-unpooling needs to send a spike back where it came from.

As `max_pool2d(return_indices=True)` of one step's 0/1 spikes: the first spike of the window in row-major order, and
the window's first neuron where the whole window was silent.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import PoolLayer, Shape

CAUSAL = "causal"
LAST_STEP = "last-step"
POOL_WINNERS = (CAUSAL, LAST_STEP)


def pool_winners(pool: PoolLayer, below: Shape, spikes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Winner of every window in one step.

    Args:
        pool: kernel and stride of the pool.
        below: shape (C, H, W) of the layer below it.
        spikes: Int[N, 3] of (c, y, x), the spikes of that layer in the step.

    Returns:
        Int64[C, h, w], `row * W + column` of the winner in the layer below.
    """
    channels, height, width = pool.output_shape(below)
    corners = np.arange(height)[:, None] * pool.stride[0] * below[2] + np.arange(width) * pool.stride[1]
    winners = np.repeat(corners[None].astype(np.int64), channels, axis=0)
    offsets = list(itertools.product(range(pool.kernel[0]), range(pool.kernel[1])))
    for dy, dx in reversed(offsets):  # the first neuron of a window is written last, so it wins
        c, window_y, window_x, neuron = _windows_seen(pool, spikes, (dy, dx), (height, width), below[2])
        winners[c, window_y, window_x] = neuron
    return winners


def _windows_seen(
    pool: PoolLayer, spikes: NDArray[np.integer], offset: tuple[int, int], windows: tuple[int, int], width: int
) -> tuple[NDArray[np.integer], ...]:
    """Channel, window row, window column and index of the spikes that sit at `offset` of a window."""
    c, y, x = spikes[:, 0], spikes[:, 1] - offset[0], spikes[:, 2] - offset[1]
    window_y, window_x = y // pool.stride[0], x // pool.stride[1]
    fits = (y >= 0) & (x >= 0) & (y % pool.stride[0] == 0) & (x % pool.stride[1] == 0)
    fits &= (window_y < windows[0]) & (window_x < windows[1])
    index = spikes[:, 1].astype(np.int64) * width + spikes[:, 2]
    return c[fits], window_y[fits], window_x[fits], index[fits]


def unpool(neurons: NDArray[np.integer], winners: NDArray[np.int64], below: Shape) -> NDArray[np.int64]:
    """Int64[M, 3] of (c, y, x) in the layer below, of shape `below`, that pooled neurons (N, 3) stand for; in order.

    Overlapping windows may share a winner: it is active when any of them is, and counts once. (PyTorch's
    `max_unpool2d` lets the window written last decide and warns that its result is then not deterministic.)
    """
    c, y, x = neurons.T
    area = below[1] * below[2]
    index = np.unique(c * area + winners[c, y, x])
    return np.stack([index // area, index % area // below[2], index % below[2]], axis=1)
