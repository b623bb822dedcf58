"""Error-compensated rounding: the errors of a channel's weights cancel on the inputs that come near its threshold.

With X the patches a neuron received since it last was at zero, as payloads say them, and V the float membrane, the
integers q at scale s are chosen for a small mean of `(q / s . X - V)**2` over close calls::

    loss(q / s) = (q / s - target)' H (q / s - target) + rest        H = mean of X X'      target = H^-1 mean of X V

First each weight is rounded and its error handed to those not yet rounded (GPTQ, Frantar et al. 2023, after Optimal
Brain Surgeon), then single weights and pairs move by one unit while the loss falls. H is a mean over many patches, and
so says what inputs look like, not what one clip held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.network.floats import ConvLayer

RIDGE = 0.02  # of the mean second moment, added to each: inputs never seen must not count for nothing
SHARED = 0.1  # part of the whole layer's moments in those of a channel, for channels of few close calls
DRIFT = 2.0  # units a weight may lie from its float
MOVES = 400
PAIRS = 128  # weights up to which pairs of them are tried


@dataclass(frozen=True, eq=False)
class Moments:
    """What the close calls of one channel ask of its weights, D = I * kh * kw.

    Attributes:
        second: Float64[D, D], mean of X X'.
        target: Float64[D], the weights the integers should stand for.
        rest: the loss at `target`, in squared units of the float membrane.
    """

    second: NDArray[np.float64]
    target: NDArray[np.float64]
    rest: float = 0.0


@dataclass
class PatchSums:
    """Sums over close calls of one channel (or of a group of channels of equal or opposite weights)."""

    second: NDArray[np.float64]
    cross: NDArray[np.float64]
    square: float = 0.0
    count: float = 0.0

    @classmethod
    def empty(cls, size: int) -> PatchSums:
        return cls(np.zeros((size, size)), np.zeros(size))

    def add(self, patches: NDArray[np.float64], membranes: NDArray[np.float64], closeness: NDArray[np.float64]) -> None:
        """Patches Float64[K, D], the membranes Float64[K] they must give, and how much each of them counts."""
        weighed = patches * closeness[:, None]
        self.second += weighed.T @ patches
        self.cross += weighed.T @ membranes
        self.square += float(closeness @ np.square(membranes))
        self.count += float(closeness.sum())


def moments_of(sums: PatchSums, layer_second: NDArray[np.float64] | None, weight: NDArray[np.float64]) -> Moments:
    """The moments of one channel of float weights Float64[D]; where no close call is known, those of equal inputs.

    Args:
        layer_second: mean of X X' over all channels of the layer, or None.
    """
    if layer_second is None:
        return Moments(np.eye(len(weight)), weight)
    own = sums.second / sums.count if sums.count else layer_second
    seen = (1 - SHARED) * own + SHARED * layer_second
    second = seen + RIDGE * max(np.trace(seen), 1e-30) / len(weight) * np.eye(len(weight))
    if not sums.count:
        return Moments(second, weight)
    # Rounded payloads and an integer decay pull the best weights away from the floats; the ridge pulls them back.
    cross = sums.cross / sums.count
    misfit = np.linalg.solve(second, cross - own @ weight)
    rest = sums.square / sums.count - 2 * float(weight @ cross) + float(weight @ own @ weight)
    return Moments(second, weight + misfit, max(rest - float(misfit @ second @ misfit), 0.0))


def signed_groups(layer: ConvLayer) -> list[tuple[int, int]]:
    """Of every channel the first one of equal or opposite weights and equal neuron, and the sign between the two.

    Channels of a group are rounded together: they stay opposites, which share their work in the event engine.
    """
    neuron, seen, groups = layer.neuron, dict[bytes, int](), []
    for o, weight in enumerate(layer.weight):
        alike = np.array([neuron.threshold[o], neuron.leak[o], neuron.beta[o], neuron.bias[o]]).tobytes()
        same, opposite = (alike + (sign * weight + 0.0).tobytes() for sign in (1, -1))
        sign = -1 if opposite in seen and same not in seen else 1
        groups.append((seen.setdefault(same if sign > 0 else opposite, o), sign))
    return groups


def compensated(
    moments: Moments, scales: NDArray[np.float64], least: int, largest: int, fixed: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whole weights Float64[N, D] at every scale Float64[N], and the loss of each in squared float units.

    Args:
        least, largest: what a weight may be.
        fixed: Float64[N, D], integers that are given, NaN where they are not.
    """
    free = np.isnan(fixed)
    wanted = np.where(free, scales[:, None] * moments.target, fixed)
    low = np.where(free, np.clip(np.ceil(wanted - DRIFT), least, largest), fixed)
    high = np.where(free, np.clip(np.floor(wanted + DRIFT), least, largest), fixed)
    whole = _rounded_in_turn(wanted, moments.second, low, high)
    whole = _descended(whole, wanted, moments.second, low, high)
    error = (whole - wanted) / scales[:, None]
    return whole, np.einsum("nd,nd->n", error @ moments.second, error) + moments.rest


def polished(
    whole: NDArray[np.float64], moments: Moments, scale: float, least: int, largest: int, fixed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Float64[D]: pairs of weights move by one unit each, while that lowers the loss; arguments as above."""
    if len(whole) > PAIRS:
        return whole
    free = np.isnan(fixed)
    wanted, whole = np.where(free, scale * moments.target, fixed), whole.copy()
    for _ in range(MOVES):
        move = _best_pair(moments.second, moments.second @ (whole - wanted), free)
        moved = whole if move is None else whole + move
        outside = (
            (moved < least).any() or (moved > largest).any() or np.abs(moved - wanted)[free].max(initial=0) > DRIFT + 1
        )
        if move is None or outside:
            return whole
        whole = moved
    return whole


def _rounded_in_turn(
    wanted: NDArray[np.float64], second: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One weight after the other, those of the largest inputs first; each error is handed to the weights left."""
    order = np.argsort(-np.diag(second), kind="stable")
    spread = np.linalg.cholesky(np.linalg.inv(second[np.ix_(order, order)])).T
    left, whole = wanted[:, order].copy(), np.empty_like(wanted)
    for k, place in enumerate(order):
        whole[:, place] = np.clip(np.rint(left[:, k]), low[:, place], high[:, place])
        error = (left[:, k] - whole[:, place]) / spread[k, k]
        left[:, k + 1 :] -= error[:, None] * spread[k, k + 1 :]
    return whole


def _descended(
    whole: NDArray[np.float64],
    wanted: NDArray[np.float64],
    second: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The single step of one unit that lowers the loss most, until none does; all scales at a time."""
    whole, rows, curve = whole.copy(), np.arange(len(whole)), np.diag(second)
    slope = (whole - wanted) @ second
    for _ in range(MOVES):
        step = np.where(slope > 0, -1.0, 1.0)
        allowed = (whole + step >= low) & (whole + step <= high)
        gain = np.where(allowed, 2 * np.abs(slope) - curve, -np.inf)
        place = gain.argmax(axis=1)
        better = gain[rows, place] > 1e-9 * curve[place]
        if not better.any():
            break
        moved, at = rows[better], place[better]
        delta = step[moved, at]
        whole[moved, at] += delta
        slope[moved] += delta[:, None] * second[at]
    return whole


def _best_pair(
    second: NDArray[np.float64], slope: NDArray[np.float64], movable: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    curve = np.diag(second)
    best, move = -1e-9 * float(curve.max()), None
    blocked = ~(movable[:, None] & movable) | np.eye(len(slope), dtype=bool)
    for first, other in ((1, 1), (1, -1), (-1, -1)):
        change = curve[:, None] + curve + 2 * first * other * second + 2 * (first * slope[:, None] + other * slope)
        change[blocked] = np.inf
        at = int(change.argmin())
        if change.flat[at] < best:
            best, move = float(change.flat[at]), np.zeros(len(slope))
            move[at // len(slope)], move[at % len(slope)] = first, other
    return move


def pooled_second(sums: Sequence[PatchSums]) -> NDArray[np.float64] | None:
    """Mean of X X' over all channels of a layer; None without close calls."""
    count = sum(one.count for one in sums)
    return sum((one.second for one in sums), np.zeros(())) / count if count else None
