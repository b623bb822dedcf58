"""Which outputs of a sliding window see which input, one axis at a time, as tables of the length of a row or column.

Output y of a window of `kernel` inputs sees input n where `0 <= n + padding - y * stride < kernel`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import Pair, Shape


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The outputs that see each input position of one axis.

    Attributes:
        first, last: Int64[inputs], the outputs that see it, within the borders; none where first > last.
        start: Int64[inputs], the first of `taps` consecutive outputs, borders ignored: it may be negative.
        phase: Int64[inputs], (n + padding) mod stride: which of the kernel's elements those outputs use.
        taps: ceil(kernel / stride), the most outputs that see one input.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    start: NDArray[np.int64]
    phase: NDArray[np.int64]
    taps: int

    @property
    def count(self) -> NDArray[np.int64]:
        """Int64[inputs]: how many outputs see each input."""
        return np.maximum(self.last - self.first + 1, 0)


def receptive_field(inputs: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> ReceptiveField:
    """The tables of one axis."""
    shifted = np.arange(inputs, dtype=np.int64) + padding
    newest, phase = np.divmod(shifted, stride)
    taps = -(-kernel // stride)
    first = np.maximum(-((kernel - 1 - shifted) // stride), 0)
    return ReceptiveField(first, np.minimum(newest, outputs - 1), newest - taps + 1, phase, taps)


def receptive_fields(
    shape: Shape, output: Shape, kernel: Pair, stride: Pair, padding: Pair
) -> tuple[ReceptiveField, ReceptiveField]:
    """The tables of rows and of columns, for input `shape` and `output` (C, H, W)."""
    rows, columns = (
        receptive_field(n, m, k, s, p)
        for n, m, k, s, p in zip(shape[1:], output[1:], kernel, stride, padding, strict=True)
    )
    return rows, columns


def kernel_elements(kernel: int, stride: int) -> NDArray[np.int64]:
    """Int64[stride, taps]: kernel element that output `start + j` uses for an input of each phase; -1: none."""
    taps = -(-kernel // stride)
    element = np.arange(stride)[:, None] + stride * np.arange(taps)[::-1]
    return np.where(element < kernel, element, -1)
