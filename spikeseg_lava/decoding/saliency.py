"""The spiking decoder of SpikeSEG: classification spikes sent back through the tied weights to the pixels.

Every stage but the last is a transposed convolution with spiking neurons of threshold 1 and no leak, then the
max-unpooling; the last stage is linear::

    V = max(V + conv_transpose2d(x, W), 0) ;  S = V >= 1 ;  V = 0 where S ;  next x = max_unpool2d(S)

Source: Kirkland et al. 2020, "SpikeSEG: Spiking segmentation via STDP saliency mapping".
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled
from spikeseg_lava.decoding.projection import (
    HEIGHT,
    KERNEL_Y,
    MAPS_IN,
    PADDING_X,
    PADDING_Y,
    RUN,
    STRIDE_X,
    STRIDE_Y,
    WEIGHT_SHIFT,
    WEIGHTS,
    WIDTH,
    add_kernels,
    list_marks,
    mark,
    marked_span,
    window_of,
)

THRESHOLD = 1.0


@compiled
def send_back(spikes, path, where, potentials, firsts, pitches):
    """Send spikes Int32[N, 3] of (c, y, x), listed by falling column, through all stages; one twice counts twice.

    Args:
        where: UInt64[M], scratch.
        potentials: Float32[D], membranes of every stage's input; kernels that overhang its borders add to a margin that
            is never read.
        firsts, pitches: Int64[S], where each stage's potentials begin and how long a row is.
    """
    span, stage, last = np.empty(4, np.int64), path.stages[0], len(path.stages) - 1
    span[0], span[1], span[2], span[3] = spikes[0, 1], spikes[0, 1], spikes[0, 2], spikes[0, 2]
    for n in range(len(spikes)):
        channel, y, x = np.int64(spikes[n, 0]), np.int64(spikes[n, 1]), np.int64(spikes[n, 2])
        span[0], span[1], span[2], span[3] = min(span[0], y), max(span[1], y), min(span[2], x), max(span[3], x)
        at = y * stage[STRIDE_Y] * pitches[0] + x * stage[STRIDE_X] * stage[MAPS_IN]
        weight = stage[WEIGHTS] + channel * stage[KERNEL_Y] * stage[RUN]
        where[n] = np.uint64(at) + (np.uint64(weight) << WEIGHT_SHIFT)
    count = len(spikes)
    for s in range(len(path.stages)):
        potential = potentials[firsts[s] :]
        if s:
            count = list_marks(path, path.stages[s - 1], path.stages[s], span, (0, 0), pitches[s], where)
            if not count:
                return
        add_kernels(path, path.stages[s], where, count, pitches[s], potential)
        if s < last:
            fire(path, path.stages[s], potential, pitches[s], span)


@compiled
def fire(path, stage, potential, pitch, span):
    """Floor, spike and reset where kernels of outputs within `span` were added; mark the neurons that fired."""
    inputs, (top, left, rows, columns) = stage[MAPS_IN], window_of(stage, span)
    for y in range(max(top, 0), min(top + rows, stage[HEIGHT])):
        for x in range(max(left, 0), min(left + columns, stage[WIDTH])):
            at = (y + stage[PADDING_Y]) * pitch + (x + stage[PADDING_X]) * inputs
            for channel in range(inputs):
                value = max(potential[np.uint64(at + channel)], np.float32(0))
                if value >= THRESHOLD:
                    value = np.float32(0)
                    mark(path, stage, y, x, channel)
                potential[np.uint64(at + channel)] = value
    marked_span(path, stage, top, left, rows, columns, span)
