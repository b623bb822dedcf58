"""The transposed convolution of a few active neurons, and what carries its result down: marks, pools and lists.

A difference-of-Gaussians kernel cancels itself, so whether a pixel's sum is above 0 can hang on the rounding of
float32. Sums are therefore taken in the order of PyTorch's `conv_transpose2d` on a CPU (oneDNN): float32, over the
kernel's places row by row, at each place over the channels. (PyTorch has a second implementation for one small image
and a kernel side of at most 3, which sums the channels of a place first. It may differ in pixels whose sum is rounding
alone; the original program's kernels of 5 and 7 never take it.)

A pixel sees the places of one kernel row from neurons of one row: place rising means column falling. So a list of
neurons by falling column, any row, rising channel, added kernel row by kernel row, keeps that order for every pixel,
while neurons next to each other in the list add to different rows and need not wait for each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.engine.kernels.vectors import VECTOR, add_listed, lowest_bit

BITS = 64  # maps a word of marks holds
ONE, NONE = np.uint64(1), np.uint64(0)
WEIGHT_SHIFT = np.uint64(32)
LIST_END = np.uint64(2**64 - 1)  # no place of a window
ROW_SHIFT, COLUMN_MASK = 16, 2**16 - 1  # of a winner

# Columns of the table of stages, one row a convolution from the top down.
MAPS_OUT, MAPS_IN, KERNEL_Y, KERNEL_X, STRIDE_Y, STRIDE_X, PADDING_Y, PADDING_X = range(8)
HEIGHT, WIDTH = 8, 9  # of the input, where the transposed convolution ends
WEIGHTS, RUN = 10, 11  # where its weights begin, and how long a kernel row of them is in whole vectors
FEATURES = 12  # row of the hash of the first input map
POOLS, POOLS_END = 13, 14  # rows of the table of pools between its input and the convolution below
MARKS, MARKS_HEIGHT, WORDS = 15, 16, 17  # marks of the convolution below: first word, rows, words a pixel

# Columns of the table of pools: first winner, windows a row; window and stride; size of the layer below.
WINNERS, WINDOWS_X, WINDOW_Y, WINDOW_X, STEP_Y, STEP_X, BELOW_Y, BELOW_X = range(8)
POOL_COLUMNS = 8


class Path(NamedTuple):
    """The way from the classes down to the pixels, as flat arrays that compiled code reads.

    Attributes:
        stages: Int64[S, 18], one row a convolution, the classes first.
        pools: Int64[P, POOL_COLUMNS], from the top down.
        weights: Float32[N], of every stage `[O, kh, run]`; a run is `[kw, I]` filled up with zeros to whole vectors.
        winners: Int32[M], of every pool `[h, w, C]`: `row << 16 | column` of the winner in the layer below; for a
            silent window the bitwise complement of that of its first neuron.
        marks: UInt64[K], of the output of every convolution but the topmost `[W, H, words]`, a bit each map; 0 between
            calls.
        causes: Int32[L, 3], (row, column, map) of the weights of the topmost convolution that exceed HULK's threshold.
        cause_ends: Int64[O + 1], where those of each class end.
    """

    stages: NDArray[np.int64]
    pools: NDArray[np.int64]
    weights: NDArray[np.float32]
    winners: NDArray[np.int32]
    marks: NDArray[np.uint64]
    causes: NDArray[np.int32]
    cause_ends: NDArray[np.int64]


@inlined
def mark(path, stage, y, x, channel):
    """Send an input neuron of a stage down through the pools and mark the one of the convolution below it ends at."""
    for p in range(stage[POOLS], stage[POOLS_END]):
        at = path.pools[p, WINNERS] + (y * path.pools[p, WINDOWS_X] + x) * stage[MAPS_IN] + channel
        winner = np.int64(path.winners[np.uint64(at)])
        winner ^= winner >> 63  # the complement of a negative number, which stands for a silent window
        y, x = winner >> ROW_SHIFT, winner & COLUMN_MASK
    word = np.uint64(stage[MARKS] + (x * stage[MARKS_HEIGHT] + y) * stage[WORDS] + (channel >> 6))
    path.marks[word] |= ONE << np.uint64(channel & (BITS - 1))


@inlined
def marked_span(path, stage, top, left, rows, columns, span):
    """First and last row and column that marks of an input window can lie in; none where first > last."""
    span[0], span[1] = max(top, 0), min(top + rows, stage[HEIGHT]) - 1
    span[2], span[3] = max(left, 0), min(left + columns, stage[WIDTH]) - 1
    for p in range(stage[POOLS], stage[POOLS_END]):
        pool = path.pools[p]
        span[0], span[1] = span[0] * pool[STEP_Y], min(span[1] * pool[STEP_Y] + pool[WINDOW_Y], pool[BELOW_Y]) - 1
        span[2], span[3] = span[2] * pool[STEP_X], min(span[3] * pool[STEP_X] + pool[WINDOW_X], pool[BELOW_X]) - 1


@compiled
def list_marks(path, above, stage, span, origin, pitch, where):
    """List where the marked neurons below stage `above` add their kernels, and erase the marks.

    They come by falling column, row, channel. `where` UInt64[N]: place in a window of the input of `stage` whose first
    output is `origin` (row, column) and whose rows are `pitch` values long; in the upper 32 bits where the neuron's
    weights begin. Returns their number.
    """
    count, weights = np.uint64(0), stage[KERNEL_Y] * stage[RUN]
    for x in range(span[3], span[2] - 1, -1):
        for y in range(span[0], span[1] + 1):
            first = above[MARKS] + (x * above[MARKS_HEIGHT] + y) * above[WORDS]
            for word in range(above[WORDS]):
                bits = path.marks[np.uint64(first + word)]
                if bits:
                    path.marks[np.uint64(first + word)] = NONE
                    at = np.uint64(
                        (y - origin[0]) * stage[STRIDE_Y] * pitch + (x - origin[1]) * stage[STRIDE_X] * stage[MAPS_IN]
                    )
                    while bits:
                        channel = word * BITS + np.int64(lowest_bit(bits))
                        where[count] = at + (np.uint64(stage[WEIGHTS] + channel * weights) << WEIGHT_SHIFT)
                        bits &= bits - ONE
                        count += ONE
    return np.int64(count)


@inlined
def add_1(drive, weights, where, n, row, run, vectors):
    return add_listed(drive, weights, where, n, row, run, 1)


@inlined
def add_2(drive, weights, where, n, row, run, vectors):
    return add_listed(drive, weights, where, n, row, run, 2)


@inlined
def add_3(drive, weights, where, n, row, run, vectors):
    return add_listed(drive, weights, where, n, row, run, 3)


@inlined
def add_any(drive, weights, where, n, row, run, vectors):
    following = n
    for k in range(np.uint64(0), np.uint64(vectors * VECTOR), np.uint64(VECTOR)):
        following = add_listed(drive, weights, where, n, row + k, run + k, 1)
    return following


@inlined
def add_runs(add, path, stage, where, count, pitch, drive):
    """Add the kernels listed in `where`, kernel row by kernel row, the runs of one place at once by `add`."""
    vectors = stage[RUN] // VECTOR
    for row in range(stage[KERNEL_Y]):
        n = np.uint64(0)
        while n < np.uint64(count):
            n = add(drive, path.weights, where, n, np.uint64(row * pitch), np.uint64(row * stage[RUN]), vectors)


@compiled
def add_kernels(path, stage, where, count, pitch, drive):
    """Add the kernels of `where[:count]` (see `list_marks`) to a window of the stage's input.

    The window must hold every kernel as a whole, with VECTOR more values at its end, and `where` one entry more than
    `count`, which is overwritten. The commonest lengths of a run have code of their own.
    """
    where[count] = LIST_END
    vectors = stage[RUN] // VECTOR
    if vectors == 1:
        add_runs(add_1, path, stage, where, count, pitch, drive)
    elif vectors == 2:
        add_runs(add_2, path, stage, where, count, pitch, drive)
    elif vectors == 3:
        add_runs(add_3, path, stage, where, count, pitch, drive)
    else:
        add_runs(add_any, path, stage, where, count, pitch, drive)


@inlined
def window_of(stage, span):
    """First row and column, rows and columns of the input window that outputs within `span` see, borders ignored."""
    top = span[0] * stage[STRIDE_Y] - stage[PADDING_Y]
    left = span[2] * stage[STRIDE_X] - stage[PADDING_X]
    rows = (span[1] - span[0]) * stage[STRIDE_Y] + stage[KERNEL_Y]
    columns = (span[3] - span[2]) * stage[STRIDE_X] + stage[KERNEL_X]
    return top, left, rows, columns
