"""The close calls of a layer on a calibration clip: decisions to fire or not, each linear in the layer's weights.

Between two resets a floored membrane is a sum over the steps since it last was at zero (Lindley's recursion)::

    V(t) = sum over steps s of beta**(t - s) * (w . x(s) - lambda)        s from the last zero to t

so the decision `V(t) >= theta` is one linear inequality in w. Rounding w is then choosing integers that keep the
inequalities of the decisions nearest to the threshold (the idea of AdaRound, Nagel et al. 2020, for spikes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer, Neuron
from spikeseg_lava.network.observation import input_windows

CLOSEST = 1500  # decisions kept for each output channel and clip
LONGEST = 200  # steps of a clip that are looked at, to bound memory


@dataclass(frozen=True, eq=False)
class CloseCalls:
    """Where one output channel came nearest to its threshold.

    Attributes:
        t, y, x: Int[K], step and neuron.
        steps: Int[K], steps since the membrane was last at zero, this one included.
        fires: Bool[K], what the float network decided.
    """

    t: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    steps: NDArray[np.int64]
    fires: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Decisions:
    """Decisions of one output channel.

    Attributes:
        inputs: Float64[K, I * kh * kw], (decayed) sum of the inputs the neuron saw since it was last at zero.
        level: Float64[K], what `w . inputs` must reach to fire: theta, and lambda for every step since then.
        fires: Bool[K], what the float network decided.
    """

    inputs: NDArray[np.float64]
    level: NDArray[np.float64]
    fires: NDArray[np.bool_]


def close_calls(layer: ConvLayer, inputs: NDArray[np.floating], fire_once: bool) -> list[CloseCalls]:
    """Per output channel, the steps and neurons nearest to the threshold, for float input Float[T, I, H, W].

    Only the first `LONGEST` steps are looked at.
    """
    distance, since = _trajectories(layer, _windows(layer, inputs[:LONGEST]), fire_once)
    return [_closest(distance[:, o], since[:, o]) for o in range(len(layer.weight))]


def decisions_at(layer: ConvLayer, calls: list[CloseCalls], encoded: NDArray[np.floating]) -> list[Decisions]:
    """The same as inequalities in the weights, with the input as its payloads say it (in units of the float input)."""
    windows = _windows(layer, encoded)
    return [_inequalities(layer.neuron, o, call, windows) for o, call in enumerate(calls)]


def joined(parts: list[list[Decisions]]) -> list[Decisions]:
    """Decisions of several clips, channel by channel."""
    return [
        Decisions(*(np.concatenate([getattr(d, n) for d in one]) for n in FIELDS)) for one in zip(*parts, strict=True)
    ]


FIELDS = ("inputs", "level", "fires")


def _windows(layer: ConvLayer, inputs: NDArray[Any]) -> NDArray[Any]:
    height, width = layer.weight.shape[2:4]
    return input_windows(inputs, (height, width), layer.stride, layer.padding)


def _trajectories(
    layer: ConvLayer, windows: NDArray[np.floating], fire_once: bool
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """V - theta before the reset [T, O, oh, ow] (inf where a neuron may not fire), steps since V was last zero."""
    neuron = layer.neuron
    theta, pull, beta = (a[:, None, None] for a in (neuron.threshold, neuron.pull, neuron.beta))
    weight = layer.weight.astype(np.float64)
    shape = (len(windows), len(weight), *windows.shape[2:4])
    distances, ages = np.empty(shape, np.float32), np.empty(shape, np.int16)
    v, age, fired = np.zeros(shape[1:]), np.zeros(shape[1:], np.int32), np.zeros(shape[1:], bool)
    for t, window in enumerate(windows):
        v = beta * v + np.einsum("oikl,iyxkl->oyx", weight, window, optimize=True) - pull
        age += 1
        blocked = fired & fire_once
        distances[t], ages[t] = np.where(blocked, np.inf, v - theta), age
        spikes = (v >= theta) & ~blocked
        zero = spikes | (v <= 0) if neuron.floor else spikes
        fired |= spikes
        v, age = np.where(zero, 0, v), np.where(zero, 0, age)
    return distances, ages


def _closest(distance: NDArray[np.floating], since: NDArray[np.int16]) -> CloseCalls:
    far = np.abs(distance).ravel()
    nearest = np.argpartition(far, CLOSEST)[:CLOSEST] if far.size > CLOSEST else np.arange(far.size)
    nearest = nearest[np.isfinite(far[nearest])]
    t, y, x = np.unravel_index(nearest, distance.shape)
    return CloseCalls(t, y, x, since[t, y, x].astype(np.int64), distance[t, y, x] >= 0)


def _inequalities(neuron: Neuron, o: int, call: CloseCalls, windows: NDArray[np.floating]) -> Decisions:
    total = np.zeros((len(call.t), windows.shape[1], *windows.shape[4:]))
    for back in range(int(call.steps.max(initial=0))):
        seen = call.steps > back
        total[seen] += neuron.beta[o] ** back * windows[call.t[seen] - back, :, call.y[seen], call.x[seen]]
    level = neuron.threshold[o] + call.steps * neuron.pull[o]
    return Decisions(total.reshape(len(call.t), -1), level, call.fires)
