"""What the Conv processes of a stock network deliver in one chip step, event by event."""

from __future__ import annotations

import numpy as np
from numba import njit  # type: ignore[import-untyped]
from numpy.typing import NDArray

from spikeseg_lava.lowering.parts import KernelSynapse
from spikeseg_lava.network import Shape


@njit(cache=True, nogil=True)
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
