"""The spiking decoder of SpikeSEG: classification spikes sent back through the tied weights to the pixels.

Every stage but the last is a transposed convolution with spiking neurons of threshold 1 and no leak, then the
max-unpooling; the last stage is linear::

    V = max(V + conv_transpose2d(x, W), 0) ;  S = V >= 1 ;  V = 0 where S ;  next x = max_unpool2d(S)

Source: Kirkland et al. 2020, "SpikeSEG: Spiking segmentation via STDP saliency mapping".

HULK: unravel every classification spike through the linked kernels down to the pixels that caused it.

    a = one-hot of the spike
    for every convolution but the first, from the top:   a = conv_transpose2d(a, W) > 0.5 ;   a = max_unpool2d(a)
    mask = (sum over input channels of conv_transpose2d(a, W1)) > 0

Source: Kirkland et al. 2022, "Unsupervised Spiking Instance Segmentation on Event Data using STDP Features".
"""

from __future__ import annotations

import numpy as np

from spikeseg_lava.compilation import compiled, inlined
from spikeseg_lava.decoding.projection import (
    FEATURES,
    HEIGHT,
    KERNEL_X,
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


CONTRIBUTES = 0.5
"""Summed weight above which HULK counts a neuron as a cause. It presupposes weights of 0 to 1, as STDP learns them."""


@compiled
def unravel(spikes, path, scratch, boxes, features, ends, patches):
    """Boxes, masks and hash rows of classification spikes Int32[N, 3] of (c, y, x).

    Args:
        scratch: (where UInt64[M], drive Float32[D], mask UInt8[H * W]).
        boxes: Int32[N, 4] to fill with (x0, y0, x1, y1), four times -1 for an empty mask.
        features: UInt8[N, F] to set the hash rows of the hidden layers in.
        ends: Int64[N + 1] to fill: the mask within box n is `patches[ends[n]:ends[n + 1]]`, row by row.
        patches: UInt8[P], replaced by a longer array where it is too short. ends[0] tells where to begin.

    Returns:
        `patches`.
    """
    where, drive, mask = scratch
    span, top, last = np.empty(4, np.int64), path.stages[0], len(path.stages) - 1
    for n in range(len(spikes)):
        channel, y, x = np.int64(spikes[n, 0]), np.int64(spikes[n, 1]), np.int64(spikes[n, 2])
        span[0], span[1], span[2], span[3] = y, y, x, x
        if last:
            mark_top(path, channel, y, x, features[n], span)
            for s in range(1, last):
                mark_causes(path, s, where, drive, features[n], span)
        window = window_of(path.stages[last], span)
        pitch, count = window[3] * path.stages[last, MAPS_IN], 1
        if last:
            origin = (span[0], span[2])
            count = list_marks(path, path.stages[last - 1], path.stages[last], span, origin, pitch, where)
        else:
            where[0] = np.uint64(top[WEIGHTS] + channel * top[KERNEL_Y] * top[RUN]) << WEIGHT_SHIFT
        drive[: max(window[2] * pitch, 0)] = 0
        add_kernels(path, path.stages[last], where, count, pitch, drive)
        positive_pixels(path.stages[last], drive, window, count, mask, boxes[n])
        patches = keep_patch(boxes[n], mask, path.stages[last, WIDTH], patches, ends, n)
    return patches


@compiled
def mark_top(path, class_id, y, x, features, span):
    """Mark what caused a class spike in the layer below: the projection of one neuron is its kernel itself."""
    stage = path.stages[0]
    top, left = y * stage[STRIDE_Y] - stage[PADDING_Y], x * stage[STRIDE_X] - stage[PADDING_X]
    for k in range(path.cause_ends[class_id], path.cause_ends[class_id + 1]):
        row, column = top + np.int64(path.causes[k, 0]), left + np.int64(path.causes[k, 1])
        channel = np.int64(path.causes[k, 2])
        if 0 <= row < stage[HEIGHT] and 0 <= column < stage[WIDTH]:
            features[stage[FEATURES] + channel] = 1
            mark(path, stage, row, column, channel)
    marked_span(path, stage, top, left, stage[KERNEL_Y], stage[KERNEL_X], span)


@compiled
def mark_causes(path, s, where, drive, features, span):
    """Project what is marked above stage `s`, and mark every input neuron whose drive exceeds CONTRIBUTES."""
    stage = path.stages[s]
    inputs, (top, left, rows, columns) = stage[MAPS_IN], window_of(stage, span)
    pitch = columns * inputs
    count = list_marks(path, path.stages[s - 1], stage, span, (span[0], span[2]), pitch, where)
    drive[: max(rows * pitch, 0)] = 0
    add_kernels(path, stage, where, count, pitch, drive)
    if count:
        for y in range(max(top, 0), min(top + rows, stage[HEIGHT])):
            for x in range(max(left, 0), min(left + columns, stage[WIDTH])):
                at = (y - top) * pitch + (x - left) * inputs
                for channel in range(inputs):
                    if drive[np.uint64(at + channel)] > CONTRIBUTES:
                        features[stage[FEATURES] + channel] = 1
                        mark(path, stage, y, x, channel)
    marked_span(path, stage, top, left, rows, columns, span)


@inlined
def positive_pixels(stage, drive, window, count, mask, box):
    """Mask of the pixels of a window whose drive, summed over the channels, is above 0, and the box around them."""
    top, left, rows, columns = window
    inputs, width = stage[MAPS_IN], stage[WIDTH]
    x0, y0, x1, y1 = width, stage[HEIGHT], np.int64(-1), np.int64(-1)
    if not count:
        rows = 0
    for y in range(max(top, 0), min(top + rows, stage[HEIGHT])):
        for x in range(max(left, 0), min(left + columns, width)):
            at, total = ((y - top) * columns + x - left) * inputs, np.float32(0)
            for channel in range(inputs):
                total += drive[np.uint64(at + channel)]
            positive = total > 0
            mask[np.uint64(y * width + x)] = positive
            if positive:
                y0, y1, x0, x1 = min(y0, y), y, min(x0, x), max(x1, x)
    box[0], box[1], box[2], box[3] = (x0, y0, x1, y1) if y1 >= 0 else (-1, -1, -1, -1)


@inlined
def keep_patch(box, mask, width, patches, ends, n):
    """Append the mask within the box to the patches."""
    x0, y0, x1, y1 = np.int64(box[0]), np.int64(box[1]), np.int64(box[2]), np.int64(box[3])
    to = ends[n]
    if y1 < 0:
        ends[n + 1] = to
        return patches
    ends[n + 1] = to + (y1 - y0 + 1) * (x1 - x0 + 1)
    if ends[n + 1] > len(patches):
        longer = np.empty(2 * ends[n + 1], np.uint8)
        longer[:to] = patches[:to]
        patches = longer
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            patches[np.uint64(to)] = mask[np.uint64(y * width + x)]
            to += 1
    return patches
