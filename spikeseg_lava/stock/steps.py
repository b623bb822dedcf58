"""One chip step of stock parts, saturation and wrap included: what Conv delivers, and what LIF makes of it.

The integers are those of Lava's bit_accurate_loihi models. The same sums tell how deep the windows of a staggered floor
must be: `needed_depth` measures it on the drives of a calibration clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.compilation import compiled
from spikeseg_lava.network.floats import Shape
from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, STATE_MAX, FixedPointConv
from spikeseg_lava.stock.parts import ACTIVATION_SHIFT, KernelSynapse, Population


@compiled
def add_events(activation, kernel, stride, padding, channels_out, events, payloads):
    """Add each event's kernel to `activation` Int64[H, W, O].

    `kernel` is Int64[I, kh, kw, O / groups]; `events` Int64[N, 3] of (y, x, input channel). With groups, input
    channel c reaches only output channels from `c // (I / groups) * (O / groups)`; `channels_out` holds both
    quotients, outputs first.
    """
    rows, columns = activation.shape[0], activation.shape[1]
    outputs, inputs = channels_out
    for n in range(events.shape[0]):
        y, x, c = events[n]
        first = c // inputs * outputs
        for ky in range(kernel.shape[1]):
            top = y + padding[0] - ky
            if top < 0 or top % stride[0] or top // stride[0] >= rows:
                continue
            for kx in range(kernel.shape[2]):
                left = x + padding[1] - kx
                if left < 0 or left % stride[1] or left // stride[1] >= columns:
                    continue
                for o in range(outputs):
                    activation[top // stride[0], left // stride[1], first + o] += payloads[n] * kernel[c, ky, kx, o]


class KernelState:
    """A Conv process ready to deliver; synapses of equal source and weight share one result a step."""

    def __init__(self, synapse: KernelSynapse, source: Shape, target: Shape) -> None:
        outputs, inputs = synapse.weight.shape[:2]
        self.shape = (target[1], target[2], target[0])
        self.channels = (outputs // synapse.groups, inputs)
        grouped = synapse.weight.reshape(synapse.groups, outputs // synapse.groups, *synapse.weight.shape[1:])
        self.kernel = np.ascontiguousarray(
            grouped.transpose(0, 2, 3, 4, 1).reshape(source[0], *synapse.weight.shape[2:], -1), np.int64
        )
        self.stride, self.padding = np.array(synapse.stride), np.array(synapse.padding)
        self.graded = synapse.message_bits > 0
        parts = (synapse.source, self.kernel.tobytes(), synapse.stride, synapse.padding, self.graded)
        self.key = hash(parts)

    def deliver(self, payload: NDArray[np.integer]) -> NDArray[np.int64]:
        """Int64[H, W, O] activations for payloads Int[H, W, I] of the step before."""
        activation = np.zeros(self.shape, np.int64)
        events = np.argwhere(payload)
        if len(events):
            values = payload[tuple(events.T)].astype(np.int64) if self.graded else np.ones(len(events), np.int64)
            add_events(activation, self.kernel, self.stride, self.padding, self.channels, events, values)
        return activation


WRAP = 2**24


class PopulationState:
    """u and v, Int64[H, W, C], of one population."""

    def __init__(self, population: Population) -> None:
        channels, height, width = population.shape
        self.population = population
        self.threshold = population.threshold << ACTIVATION_SHIFT
        self.u = np.zeros((height, width, channels), np.int64)
        self.v = np.zeros((height, width, channels), np.int64)

    def step(self, chip_step: int, activation: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Spikes Bool[H, W, C] of chip step `chip_step` (from 1) for what the synapses deliver."""
        reset = self.population.reset
        if reset is not None and reset.due(chip_step):
            self.u[:], self.v[:] = 0, 0
        kept = DECAY_UNIT - 1 - self.population.current_decay
        self.u = wrapped(decayed(self.u, kept) + (activation << ACTIVATION_SHIFT))
        self.v = decayed(self.v, DECAY_UNIT - self.population.voltage_decay) + self.u + self.population.bias
        np.clip(self.v, -STATE_MAX, STATE_MAX, out=self.v)
        spikes = self.v > self.threshold
        self.v[spikes] = 0
        return spikes


def decayed(state: NDArray[np.int64], kept: int) -> NDArray[np.int64]:
    """`state * kept / 4096`, rounded towards zero."""
    if kept in (0, DECAY_UNIT):
        return state * (kept // DECAY_UNIT)
    return np.sign(state) * ((np.abs(state) * kept) >> DECAY_BITS)


def wrapped(current: NDArray[np.int64]) -> NDArray[np.int64]:
    """The current as 24 bit hold it: beyond +2**23, or at or beyond -2**23, it comes in at the other end, once."""
    half = WRAP // 2
    return current - WRAP * (current > half) + WRAP * (current <= -half)


def drives(conv: FixedPointConv, payloads: NDArray[np.integer]) -> NDArray[np.int64]:
    """Int64[T, H, W, O]: the contract's A for payloads Int[T, I, H, W]."""
    source: Shape = payloads.shape[1:]  # type: ignore[assignment]
    synapse = KernelSynapse(conv.name, "", "", conv.kernel, conv.stride, conv.padding, message_bits=1)
    kernel = KernelState(synapse, source, conv.output_shape(source))
    return np.array([kernel.deliver(np.ascontiguousarray(x.transpose(1, 2, 0))) for x in payloads])


def window_spikes(conv: FixedPointConv, drive: NDArray[np.int64], depth: int, fire_once: bool) -> NDArray[np.bool_]:
    """Bool[T, H, W, O]: spikes of a layer whose floor is `depth` windows; `depth` = T is the floored neuron itself."""
    threshold, leak = conv.neuron.threshold.astype(np.int64), conv.neuron.pull
    kept = DECAY_UNIT - int(conv.neuron.decay[0])
    copies = np.zeros((depth, *drive.shape[1:]), np.int64)
    fired = np.zeros(drive.shape[1:], bool)
    spikes = np.zeros(drive.shape, bool)
    for t, step in enumerate(drive):
        copies[t % depth] = 0
        copies = decayed(copies, kept) + step - leak
        over = copies >= threshold
        spikes[t] = over.any(axis=0) & ~(fired & fire_once)
        fired |= spikes[t]
        copies[over] = 0
        if not fire_once:
            copies -= threshold * spikes[t]
    return spikes


def needed_depth(conv: FixedPointConv, payloads: NDArray[Any], fire_once: bool, fidelity: float) -> int:
    """Smallest depth whose spikes agree with the floored neuron's to an IoU of `fidelity` on the clip."""
    drive = drives(conv, payloads)
    exact = window_spikes(conv, drive, len(drive), fire_once)
    for depth in range(1, len(drive)):
        if agreement(exact, window_spikes(conv, drive, depth, fire_once)) >= fidelity:
            return depth
    return len(drive)


def agreement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """IoU of two sets of spikes; 1 where neither holds any."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
