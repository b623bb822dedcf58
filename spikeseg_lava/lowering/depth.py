"""How long the windows of a layer must be: measured on the drives of a calibration clip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import DECAY_UNIT, FixedPointConv
from spikeseg_lava.lowering.kernel_step import KernelState
from spikeseg_lava.lowering.neuron_step import decayed
from spikeseg_lava.lowering.parts import KernelSynapse
from spikeseg_lava.network import Shape


def drives(conv: FixedPointConv, payloads: NDArray[np.integer]) -> NDArray[np.int64]:
    """Int64[T, H, W, O]: the contract's A for payloads Int[T, I, H, W]."""
    source: Shape = payloads.shape[1:]  # type: ignore[assignment]
    synapse = KernelSynapse(conv.name, "", "", conv.kernel, conv.stride, conv.padding, message_bits=1)
    kernel = KernelState(synapse, source, conv.output_shape(source))
    return np.array([kernel.deliver(np.ascontiguousarray(x.transpose(1, 2, 0))) for x in payloads])


def window_spikes(conv: FixedPointConv, drive: NDArray[np.int64], depth: int, fire_once: bool) -> NDArray[np.bool_]:
    """Bool[T, H, W, O]: spikes of a layer whose floor is `depth` windows; `depth` = T is the floored neuron itself."""
    threshold, leak = conv.neuron.threshold.astype(np.int64), conv.neuron.leak.astype(np.int64)
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
