"""The close calls of a layer in a run: where a membrane came near its threshold, and what the neuron had received.

Between two resets a floored membrane is a sum over the steps since it last was at zero (Lindley's recursion)::

    V(t) = w . X(t) - n * (lambda - b)  X(t) = sum over those n steps s of beta**(t - s) * x(s)

so the decision `V(t) >= theta` is one linear inequality in w, and an error in the weights is an error of V on the
patches X. What such an error does to the spikes depends on how many membranes are near the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.observation import input_windows

CLOSEST = 1500  # calls kept for each output channel and run
VALUES = 2**22  # of all patches of a run together, to bound memory
PRODUCTS = 2**31  # of pairs of values of all patches of a run, to bound time
LONGEST = 200  # steps of a run that are looked at, for the same reason


@dataclass(frozen=True, eq=False)
class CloseCalls:
    """Where the neurons of one output channel came nearest to their threshold.

    Attributes:
        t, y, x: Int[K], step and neuron.
        steps: Int[K], steps since the membrane was last at zero, this one included.
        distance: Float[K], V - theta before the reset.
        complete: every membrane of the run is among them, not only the nearest.
        fired: spikes of the channel in the run.
    """

    t: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    steps: NDArray[np.int64]
    distance: NDArray[np.float32]
    complete: bool
    fired: int

    def density(self, band: float) -> float:
        """Membranes per unit around the threshold, counted up to `band` (or as far as they are known) from it."""
        far = np.abs(self.distance)
        if not self.complete and len(far):
            band = min(band, float(far.max()))
        return float((far <= band).sum()) / (2 * band) if band > 0 else 0.0


def close_calls(
    layer: ConvLayer, inputs: NDArray[np.floating], fire_once: bool, reset_interval: int | None = None
) -> list[CloseCalls]:
    """Per output channel, the steps and neurons nearest to the threshold, for float input Float[T, I, H, W].

    Only the first `LONGEST` steps are looked at.
    """
    distance, since = _trajectories(layer, _windows(layer, inputs[:LONGEST]), fire_once, reset_interval)
    size = layer.weight.size
    most = min(VALUES // size, PRODUCTS // (size * layer.weight[0].size))
    count = int(np.clip(most, 50, CLOSEST))
    return [_closest(distance[:, o], since[:, o], count) for o in range(len(layer.weight))]


def received(
    layer: ConvLayer, calls: list[CloseCalls], inputs: NDArray[np.floating], kept: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """Per output channel Float64[K, I * kh * kw]: the (decayed) sum of what a neuron saw since it was last at zero.

    Args:
        inputs: Float[T, I, H, W], as frames or as their payloads say it.
        kept: Float[O], the part of the membrane a step keeps.
    """
    sums: dict[float, NDArray[np.float64]] = {}
    for call, part in zip(calls, kept.tolist(), strict=True):
        if part not in sums:
            sums[part] = _windows(layer, _leaky_sum(inputs[:LONGEST], part))
        windows = sums[part]
        before = windows[call.t + 1 - call.steps, :, call.y, call.x]
        after = windows[call.t + 1, :, call.y, call.x]
        decayed = part ** call.steps[:, None, None, None]
        yield (after - decayed * before).reshape(len(call.t), -1)


def _leaky_sum(inputs: NDArray[np.floating], kept: float) -> NDArray[np.float64]:
    """Float64[T + 1, I, H, W]: `s[0] = 0`, `s[t + 1] = kept * s[t] + x[t]`."""
    sums = np.zeros((len(inputs) + 1, *inputs.shape[1:]))
    for t, frame in enumerate(inputs):
        sums[t + 1] = kept * sums[t] + frame
    return sums


def _windows(layer: ConvLayer, inputs: NDArray[Any]) -> NDArray[Any]:
    height, width = layer.weight.shape[2:4]
    return input_windows(inputs, (height, width), layer.stride, layer.padding)


def _trajectories(
    layer: ConvLayer, windows: NDArray[np.floating], fire_once: bool, reset_interval: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """V - theta before the reset [T, O, oh, ow] (inf where a neuron may not fire), steps since V was last zero."""
    neuron = layer.neuron
    theta, pull, beta = (a[:, None, None] for a in (neuron.threshold, neuron.pull, neuron.beta))
    weight = layer.weight.astype(np.float64)
    shape = (len(windows), len(weight), *windows.shape[2:4])
    distances, ages = np.empty(shape, np.float32), np.empty(shape, np.int16)
    v, age, fired = np.zeros(shape[1:]), np.zeros(shape[1:], np.int32), np.zeros(shape[1:], bool)
    for t, window in enumerate(windows):
        if reset_interval and t % reset_interval == 0:
            v, age, fired = np.zeros_like(v), np.zeros_like(age), np.zeros_like(fired)
        v = beta * v + np.tensordot(weight, window, axes=((1, 2, 3), (0, 3, 4))) - pull
        age += 1
        blocked = fired & fire_once
        distances[t], ages[t] = np.where(blocked, np.inf, v - theta), age
        spikes = (v >= theta) & ~blocked
        zero = spikes | (v <= 0) if neuron.floor else spikes
        fired |= spikes
        v, age = np.where(zero, 0, v), np.where(zero, 0, age)
    return distances, ages


def _closest(distance: NDArray[np.floating], since: NDArray[np.int16], count: int) -> CloseCalls:
    far = np.abs(distance).ravel()
    nearest = np.argpartition(far, count)[:count] if far.size > count else np.arange(far.size)
    nearest = nearest[np.isfinite(far[nearest])]
    t, y, x = np.unravel_index(nearest, distance.shape)
    steps = since[t, y, x].astype(np.int64)
    fired = int(((distance >= 0) & np.isfinite(distance)).sum())
    return CloseCalls(t, y, x, steps, distance[t, y, x], far.size <= count, fired)
