"""A dense simulation of one layer in plain NumPy, to compare the event engine with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from spikeseg_lava.network.integers import DECAY_BITS, DECAY_UNIT, STATE_MAX, STATE_MIN, FixedPointConv


def dense_layer(
    layer: FixedPointConv, steps: Any, fire_once: bool
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """One layer of stride 1, neuron by neuron and step by step: (spikes of each step, membrane), in plain NumPy."""
    neuron, kernel = layer.neuron, layer.kernel
    threshold, leak, decay = (a.astype(np.int64)[:, None, None] for a in (neuron.threshold, neuron.leak, neuron.decay))
    bias = neuron.bias.astype(np.int64)[:, None, None]
    silence = np.zeros(layer.output_shape(steps[0].shape), np.int64)
    membrane, fired = silence, silence > 0
    pads = [(0, 0), *((p, p) for p in layer.padding)]
    for payload in steps:
        drive = silence
        if payload.any():
            windows = sliding_window_view(np.pad(payload, pads), kernel.shape[2:], axis=(1, 2))  # type: ignore[call-overload]
            drive = np.clip(np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4])), STATE_MIN, STATE_MAX)
        if neuron.leak_mode == "subtractive":
            membrane = np.clip(membrane + drive + bias - leak, STATE_MIN, STATE_MAX)
        else:
            kept = (np.abs(membrane) * (DECAY_UNIT - decay)) >> DECAY_BITS
            membrane = np.clip(np.sign(membrane) * kept + drive + bias, STATE_MIN, STATE_MAX)
        membrane = np.maximum(membrane, 0) if neuron.floor else membrane
        spikes = (membrane >= threshold) & ~(fired & fire_once)
        fired = fired | spikes
        membrane = np.where(spikes, 0, membrane)
        yield spikes, membrane
