"""New integers for a layer whose own do not fit stock parts, from the float layer it was made from.

The layer is written in units of its threshold, `w / theta` and `lambda / theta` per channel, so that one threshold
serves all channels; `units` is the integer threshold, and everything else follows from it::

    spikes   w8 = round(units w / theta)
    graded   w8 = round(units w / (theta X)),  r8 = round((units w / (theta X) - w8) R)
             A = sum of w8 round(X x) + r8 round(X x / R)

The second weight of a graded layer repairs the first's rounding, with a payload R times coarser: the sum stays within
the 17 bits of activations that one 8-bit weight could not use well.

The choice of a refitted layer's integers: as fine as the limits allow, then the best on the calibration clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.errors import QuantizationError
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.network.integers import DECAY_UNIT, FixedPointConv, FixedPointNeuron, InputCode, Plane
from spikeseg_lava.stock.limits import BIAS_MANTISSA, CURRENT_LIMIT
from spikeseg_lava.stock.network import largest_payloads
from spikeseg_lava.stock.steps import agreement, drives, window_spikes

LARGEST_WEIGHT = 127
FINEST = 16_000  # units of a threshold: beyond, one spike cannot take a threshold off a window


def in_thresholds(source: ConvLayer) -> NDArray[np.float64]:
    """Float64[O, I, kh, kw]: weights in units of their channel's threshold."""
    return source.weight / source.neuron.threshold[:, None, None, None]


def refit_spikes(conv: FixedPointConv, units: int) -> FixedPointConv:
    """A layer that sees 0/1 spikes, in one 8-bit plane.

    Where no weight is negative, a weight of Theta + L fires from any membrane: larger ones are cut there, without loss.
    """
    neuron = integer_neuron(conv, units)
    most = LARGEST_WEIGHT if _signed(conv) else min(LARGEST_WEIGHT, units + int(neuron.pull.max(initial=0)))
    weight = np.clip(np.rint(units * in_thresholds(conv.source)), -LARGEST_WEIGHT, most).astype(np.int8)
    return _with(conv, weight, units, neuron, conv.source)


def most_units_of_spikes(conv: FixedPointConv) -> int:
    """Largest threshold at which 8 bit hold the weights that matter."""
    weight = in_thresholds(conv.source)
    pull = conv.source.neuron.pull / conv.source.neuron.threshold
    largest = np.abs(weight).max() if _signed(conv) else 1 + pull.max(initial=0)
    return max(1, min(FINEST, int(LARGEST_WEIGHT / max(largest, 1e-9))))


def refit_graded(
    conv: FixedPointConv, units: int, scale: float, ratio: int, brightest: float
) -> tuple[FixedPointConv, tuple[InputCode, ...]]:
    """A layer that sees payloads, in two planes on two copies of the input; `scale` is X, `ratio` R."""
    wanted = units * in_thresholds(conv.source) / scale
    weight = np.clip(np.rint(wanted), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    repair = np.clip(np.rint((wanted - weight) * ratio), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    codes = tuple(InputCode(_bits(x * brightest), x) for x in (scale, scale / ratio))
    doubled = replace(conv.source, weight=np.concatenate([conv.source.weight] * 2, axis=1))
    stacked = np.concatenate([weight, repair], axis=1).astype(np.int8)
    return _with(conv, stacked, units, integer_neuron(conv, units), doubled), codes


def integer_neuron(conv: FixedPointConv, units: int) -> FixedPointNeuron:
    """Threshold `units` for every channel, leak and bias in the same units; a decay is a ratio and stays."""
    source = conv.source.neuron
    leak, bias = (np.rint(units * a / source.threshold).astype(np.int32) for a in (source.leak, source.bias))
    decay = np.rint(DECAY_UNIT * (1 - source.beta)).astype(np.int32)
    return replace(conv.neuron, threshold=np.full_like(leak, units), leak=leak, decay=decay, bias=bias)


def _with(
    conv: FixedPointConv, weight: NDArray[np.int8], units: int, neuron: FixedPointNeuron, source: ConvLayer
) -> FixedPointConv:
    scale = units / conv.source.neuron.threshold
    return replace(conv, planes=(Plane(weight, 0),), neuron=neuron, scale=scale, source=source)


def _signed(conv: FixedPointConv) -> bool:
    return bool((conv.source.weight < 0).any()) or not conv.neuron.floor


def _bits(largest: float) -> int:
    return max(2, int(np.ceil(np.rint(largest))).bit_length())


LARGEST_PAYLOAD = 4095
SCALES = 40
RATIOS = (4, 8, 16, 32, 64)
TRIED_ON_CLIP = 8
SHRINK = 0.97

Problems = Callable[[FixedPointConv, Any], list[str]]
Codes = tuple[InputCode, ...]


@dataclass(frozen=True, eq=False)
class LayerClip:
    """What a layer sees and should answer on the calibration clip.

    Attributes:
        frames: Float[T, I, H, W], frames of the first layer or spikes of the layer below.
        spikes: Bool[T, H, W, O] of the model that is lowered.
    """

    frames: NDArray[Any]
    spikes: NDArray[np.bool_]
    fire_once: bool

    def iou(self, conv: FixedPointConv, payloads: NDArray[np.integer]) -> float:
        """IoU of the floored neuron with these integers and the given model's spikes; 1 where neither fires."""
        return agreement(window_spikes(conv, drives(conv, payloads), len(payloads), self.fire_once), self.spikes)


def fit_spikes(conv: FixedPointConv, problems: Problems) -> FixedPointConv:
    """New integers for a layer that sees spikes: the finest that `problems` finds nothing against."""
    return next(_without_problems(lambda units: refit_spikes(conv, units), most_units_of_spikes(conv), problems, 1))


def fit_graded(
    conv: FixedPointConv, brightest: float, problems: Problems, clip: LayerClip | None
) -> tuple[FixedPointConv, Codes]:
    """New integers and payload codes for a layer that sees graded frames."""
    units = _most_units(conv, brightest)
    sample = _sample(clip, brightest)
    candidates = sorted(_candidates(conv, units, brightest), key=lambda x: _drive_error(conv, units, *x, sample))
    fitted = [_legal(conv, units, scale, ratio, brightest, problems) for scale, ratio in candidates[:TRIED_ON_CLIP]]
    if clip is None or not clip.spikes.any():
        return fitted[0]
    return max(fitted, key=lambda x: clip.iou(x[0], encoded(clip.frames, x[1])))


def encoded(frames: NDArray[Any], codes: Codes) -> NDArray[np.int32]:
    """Int32[T, planes * I, H, W] payloads of all codes."""
    return np.concatenate([code.encode(frames) for code in codes], axis=1)


def _legal(
    conv: FixedPointConv, units: int, scale: float, ratio: int, brightest: float, problems: Problems
) -> tuple[FixedPointConv, Codes]:
    codes = refit_graded(conv, units, scale, ratio, brightest)[1]
    largest = largest_payloads(codes, brightest, conv.source.weight.shape[1])
    tries = _without_problems(lambda n: refit_graded(conv, n, scale, ratio, brightest)[0], units, problems, largest)
    return next(tries), codes


def _without_problems(
    make: Callable[[int], FixedPointConv], units: int, problems: Problems, largest: Any
) -> Iterator[FixedPointConv]:
    """Layers with fewer and fewer units that have no problem; QuantizationError when an eighth is too many."""
    least = max(1, units // 8)
    while True:
        conv = make(units)
        found = problems(conv, largest)
        if not found:
            yield conv
        elif units == least:
            raise QuantizationError("; ".join(found))
        units = max(least, min(units - 1, int(units * SHRINK)))


def _most_units(conv: FixedPointConv, brightest: float) -> int:
    weight, source = in_thresholds(conv.source), conv.source.neuron
    drive = np.maximum(np.maximum(weight, 0).sum(axis=(1, 2, 3)), np.maximum(-weight, 0).sum(axis=(1, 2, 3))).max()
    leak = (np.abs(source.pull) / source.threshold).max()
    return max(1, int(min(FINEST, CURRENT_LIMIT / (2 * drive * brightest), BIAS_MANTISSA / max(leak, 1e-9))))


def _candidates(conv: FixedPointConv, units: int, brightest: float) -> Iterator[tuple[float, int]]:
    """(X, R): the payload must be fine enough for the largest weight to fit 8 bit."""
    least = max(units * float(np.abs(in_thresholds(conv.source)).max()) / LARGEST_WEIGHT, 2 / brightest)
    for scale in np.geomspace(least, max(least, LARGEST_PAYLOAD / brightest), SCALES):
        yield from ((float(scale), ratio) for ratio in RATIOS)


def _drive_error(conv: FixedPointConv, units: int, scale: float, ratio: int, values: NDArray[np.floating]) -> float:
    """Mean square of what rounding adds to the drive, for independent inputs of these values."""
    weight, repair = np.split(refit_graded(conv, units, scale, ratio, 1.0)[0].kernel, 2, axis=1)
    missed = weight * scale + repair * (scale / ratio) - units * in_thresholds(conv.source)
    errors = [((np.rint(values * x) - values * x) ** 2).mean() for x in (scale, scale / ratio)]
    parts = (missed**2 * (values**2).mean(), weight**2 * errors[0], repair**2 * errors[1])
    return float(sum(part.sum() for part in parts))


def _sample(clip: LayerClip | None, brightest: float) -> NDArray[np.floating]:
    """Frame values that occur: those of the clip, else evenly spread."""
    values = np.linspace(0, brightest, 257)[1:] if clip is None else clip.frames[clip.frames > 0]
    return values[:: max(1, values.size // 4096)].astype(np.float64) if values.size else np.ones(1)
