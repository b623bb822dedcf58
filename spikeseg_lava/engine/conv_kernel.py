"""The spiking convolution executed per event: compiled, exact, and idle neurons cost nothing.

Spatial layout is (rows, columns, channels), so one event adds to `kernel rows` contiguous runs of memory. A neuron's
membrane is leaked only when its pixel is next touched: for leak >= 0 and threshold > 0 an idle neuron cannot fire, and

    n idle steps, subtractive     V = max(V - n L, lower bound)            lower bound 0 with a floor, else -2**23
    n idle steps, multiplicative  V = sign(V) * ((|V| (4096 - D)) >> 12)   n times, until it is 0

are exactly what n steps of DESIGN section 2 do.
"""

from __future__ import annotations

import numpy as np
from numba import njit  # type: ignore[import-untyped]

from spikeseg_lava.fixed_point import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN


@njit(cache=True, nogil=True)
def scatter(drive, kernel, stride, origin, row, column, channel, payload):
    """Add `payload * kernel[channel]` to the drive (rows, columns, O) of every neuron that sees this input pixel.

    `kernel` is (I, kh, kw, O), flipped so that it runs with the output; `origin` = padding - kernel size + 1.
    """
    rows, columns = drive.shape[0], drive.shape[1]
    height, width = kernel.shape[1], kernel.shape[2]
    top, left = row + origin[0], column + origin[1]
    for ky in range(max(0, -top), height):
        y = top + ky
        if y % stride[0] != 0:
            continue
        y //= stride[0]
        if y >= rows:
            break
        if stride[1] == 1:
            first, last = max(0, -left), min(width, columns - left)
            if first < last:
                weights = kernel[channel, ky, first:last].ravel()
                target = drive[y, left + first : left + last].ravel()
                for k in range(weights.size):
                    target[k] += payload * weights[k]
        else:
            for kx in range(max(0, -left), width):
                x = left + kx
                if x % stride[1] == 0 and x // stride[1] < columns:
                    for o in range(kernel.shape[3]):
                        drive[y, x // stride[1], o] += payload * kernel[channel, ky, kx, o]


@njit(cache=True, nogil=True)
def touch(marked, pixels, count, step, kernel, stride, origin, row, column):
    """List every output pixel that sees the input pixel, once per step; returns the new length of the list."""
    rows, columns = marked.shape
    top, left = row + origin[0], column + origin[1]
    for y in range(max(0, top), min(top + kernel.shape[1], rows * stride[0])):
        if y % stride[0] != 0:
            continue
        for x in range(max(0, left), min(left + kernel.shape[2], columns * stride[1])):
            if x % stride[1] == 0 and marked[y // stride[0], x // stride[1]] != step:
                marked[y // stride[0], x // stride[1]] = step
                pixels[count] = y // stride[0] * columns + x // stride[1]
                count += 1
    return count


@njit(cache=True, nogil=True)
def idle(membrane, steps, leak, decay, multiplicative, floor):
    """The membrane after `steps` steps without input (int64 arithmetic, no overflow)."""
    if multiplicative:
        magnitude = abs(membrane)
        if decay > 0:
            while steps > 0 and magnitude > 0:
                magnitude = (magnitude * (DECAY_UNIT - decay)) >> DECAY_BITS
                steps -= 1
        membrane = magnitude if membrane > 0 else -magnitude
    else:
        membrane = max(membrane - steps * leak, STATE_MIN)
    return max(membrane, 0) if floor else membrane


@njit(cache=True, nogil=True)
def integrate(membrane, drive, leak, decay, multiplicative, floor):
    """The membrane after one step with input, before the spike."""
    drive = min(max(drive, STATE_MIN), STATE_MAX)
    if multiplicative:
        kept = (abs(membrane) * (DECAY_UNIT - decay)) >> DECAY_BITS
        membrane = (kept if membrane > 0 else -kept) + drive
    else:
        membrane = membrane + drive - leak
    membrane = min(max(membrane, STATE_MIN), STATE_MAX)
    return max(membrane, 0) if floor else membrane


@njit(cache=True, nogil=True)
def update_pixel(pixel, step, since, drive, membrane, fired, updated, threshold, leak, decay, mode, spikes, count):
    """Bring one pixel's neurons to `step`, fire, reset; returns the new number of spikes. `mode`: 3 flags."""
    multiplicative, floor, fire_once = mode
    cleared = updated[pixel] < since
    steps = np.int64(step - 1 - (since - 1 if cleared else updated[pixel]))
    updated[pixel] = step
    channels = membrane.shape[1]
    for o in range(channels):
        before = np.int64(0) if cleared else np.int64(membrane[pixel, o])
        if cleared:
            fired[pixel, o] = 0
        if steps > 0 and before != 0 or not floor:
            before = idle(before, steps, np.int64(leak[o]), np.int64(decay[o]), multiplicative, floor)
        value = integrate(before, np.int64(drive[pixel, o]), np.int64(leak[o]), np.int64(decay[o]), multiplicative, floor)
        drive[pixel, o] = 0
        if value >= threshold[o] and not (fire_once and fired[pixel, o]):
            value = np.int64(0)
            fired[pixel, o] = 1
            spikes[count] = pixel * channels + o
            count += 1
        membrane[pixel, o] = value
    return count


@njit(cache=True, nogil=True)
def conv_steps(
    offsets, index, payload, first_step, since, columns_in, kernel, stride, origin, drive, marked, pixels,
    membrane, fired, updated, threshold, leak, decay, mode,
):  # fmt: skip
    """Run consecutive steps of one layer; input events of step s are `index[offsets[s]:offsets[s + 1]]`.

    `index` = (row * columns + column) * I + channel of the input. Returns the same for the output: offsets, index.
    """
    steps, channels_in = offsets.size - 1, kernel.shape[0]
    flat_drive = drive.reshape(membrane.shape)
    out_offsets = np.zeros(steps + 1, np.int64)
    spikes = np.empty(1024, np.int32)
    count = 0
    for s in range(steps):
        step, touched = first_step + s, 0
        for e in range(offsets[s], offsets[s + 1]):
            place, channel = index[e] // channels_in, index[e] % channels_in
            row, column = place // columns_in, place % columns_in
            scatter(drive, kernel, stride, origin, row, column, channel, payload[e])
            touched = touch(marked, pixels, touched, step, kernel, stride, origin, row, column)
        if spikes.size < count + touched * membrane.shape[1]:
            larger = np.empty(2 * (count + touched * membrane.shape[1]), np.int32)
            larger[:count] = spikes[:count]
            spikes = larger
        for k in range(touched):
            count = update_pixel(
                pixels[k], step, since, flat_drive, membrane, fired, updated, threshold, leak, decay, mode, spikes, count
            )
        out_offsets[s + 1] = count
    return out_offsets, spikes[:count].copy()


@njit(cache=True, nogil=True)
def settle(step, since, membrane, fired, updated, leak, decay, mode):
    """Leak every neuron up to and including `step`: after this, `membrane` is what a per-step simulation holds."""
    multiplicative, floor, _ = mode
    for pixel in range(membrane.shape[0]):
        cleared = updated[pixel] < since
        steps = np.int64(step - (since - 1 if cleared else updated[pixel]))
        for o in range(membrane.shape[1]):
            before = np.int64(0) if cleared else np.int64(membrane[pixel, o])
            if cleared:
                fired[pixel, o] = 0
            membrane[pixel, o] = idle(before, steps, np.int64(leak[o]), np.int64(decay[o]), multiplicative, floor)
        updated[pixel] = step
