"""The payload scale at which the frames of a clip are whole numbers, where there is one.

Bins of counts divided by their largest hold fractions k/n with small n, raw counts hold whole numbers: a scale that is
a multiple of every n rounds none of them, so that all the membrane's bits are left to the weights.

Which settings the quantiser may choose from, in order of cost, given what the user has fixed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import ConvLayer, PoolLayer, SpikingNetwork
from spikeseg_lava.network.integers import InputCode
from spikeseg_lava.quantization.calibration import Frames
from spikeseg_lava.quantization.limits import drive_levels, highest_scale
from spikeseg_lava.quantization.setting import LayerSetting, Rounding

LARGEST_COUNT = 255  # denominators looked for
FLOAT_ERROR = 2.0**-23  # relative, of a fraction in float32
VALUES = 4096  # distinct ones; a clip of more is no clip of counts
KEPT = 0.75  # of the payload's resolution must remain, for clips of other values


def common_denominator(clips: Sequence[NDArray[np.floating]], limit: int) -> int | None:
    """The least n for which n times every value is a whole number; None where that takes more than `limit`."""
    values = np.unique(np.concatenate([np.unique(clip) for clip in clips])) if clips else np.zeros(0)
    if len(values) > VALUES:
        return None
    common = 1
    for value in values.tolist():
        fraction = Fraction(value).limit_denominator(LARGEST_COUNT)
        common = lcm(common, fraction.denominator)
        if common > limit or abs(float(fraction) - value) > FLOAT_ERROR * value:
            return None
    return common


def rounded_scale(scale: float, denominator: int | None) -> float:
    """The largest scale up to `scale` that is a multiple of `denominator`; `scale` itself where that costs too much."""
    exact = scale // denominator * denominator if denominator else 0.0
    return exact if exact >= KEPT * scale else scale


GRADED_BITS = (8, 10, 12, 14, 16)  # payloads tried, cheapest first
NO_PAYLOAD = "`calibration` holds graded values, but spikes of {} carry no payload: frames become event or none"
SPIKES = InputCode(1, 1.0)  # what travels between layers
ROUNDINGS: tuple[Rounding, ...] = ("nearest", "calibrated")


@dataclass(frozen=True)
class Options:
    """What the user fixed; None leaves it to the quantiser.

    Attributes:
        planes: 1 or 2, for all convolutions or by name.
        input_bits: payload bits of the frames.
        per_channel: scales per output channel.
        rounding: "nearest" or "calibrated".
        target: the chip.
    """

    planes: int | Mapping[str, int] | None
    input_bits: int | None
    per_channel: bool | None
    rounding: Rounding | None
    target: Target

    @property
    def payload_bits(self) -> int:
        return self.target.payload_bits.value

    def __post_init__(self) -> None:
        given = self.planes.values() if isinstance(self.planes, Mapping) else [self.planes]
        if any(n not in (None, 1, 2) for n in given):
            raise ArgumentError(f"`planes` must be 1 or 2 (or a mapping of layer names to these), got {self.planes!r}")
        if self.input_bits is not None and not _whole(self.input_bits, self.payload_bits):
            raise ArgumentError(
                f"`input_bits` must be a whole number in 1..{self.payload_bits}, got {self.input_bits!r}"
            )
        if self.rounding not in (None, *ROUNDINGS):
            raise ArgumentError(f"`rounding` must be one of {', '.join(ROUNDINGS)}, got {self.rounding!r}")

    def planes_of(self, name: str) -> tuple[int, ...]:
        """Numbers of planes to try for a layer."""
        fixed = self.planes.get(name) if isinstance(self.planes, Mapping) else self.planes
        return (1, 2) if fixed is None else (fixed,)

    def settings(self, name: str, codes: Sequence[InputCode]) -> Iterator[tuple[LayerSetting, InputCode]]:
        """Settings of a layer by rising cost."""
        channels = (False, True) if self.per_channel is None else (self.per_channel,)
        roundings = ROUNDINGS if self.rounding is None else (self.rounding,)
        for planes in self.planes_of(name):
            for code in codes:
                for per_channel in channels:
                    for rounding in roundings:
                        yield LayerSetting(planes, code.bits, per_channel, rounding), code

    def finest(self, name: str, code: InputCode) -> LayerSetting:
        """The setting where no calibration clip tells: as many planes as allowed, weights rounded to the nearest."""
        return LayerSetting(max(self.planes_of(name)), code.bits, bool(self.per_channel))

    def check_names(self, names: Sequence[str]) -> None:
        """ArgumentError where `planes` names a layer the network does not have."""
        unknown = set(self.planes) - set(names) if isinstance(self.planes, Mapping) else set()
        if unknown:
            raise ArgumentError(f"`planes` names {', '.join(sorted(unknown))}; the convolutions are {', '.join(names)}")

    def frame_codes(self, network: SpikingNetwork, clips: Sequence[Frames]) -> list[InputCode]:
        """Codes of the frames to try on calibration clips, cheapest first.

        Frames that meet a pool first, or hold only 0 and 1, need one bit.
        """
        if self.input_bits is not None:
            bits: Sequence[int] = (self.input_bits,)
        elif isinstance(network.layers[0], PoolLayer):
            bits = (1,)
        else:
            binary = all(((clip == 0) | (clip == 1)).all() for clip in clips)
            graded = tuple(b for b in GRADED_BITS if b <= self.payload_bits)
            if not binary and not graded:
                warnings.warn(NO_PAYLOAD.format(self.target.name), stacklevel=4)
            bits = (1,) * (binary or not graded) + graded
        denominator = common_denominator(clips, 2 ** max(bits) - 1)
        return [input_code(b, largest_value(clips), denominator) for b in bits]

    def balanced_code(self, network: SpikingNetwork, clips: Sequence[Frames], steps: int) -> InputCode:
        """The code of the frames where no calibration clip tells: as fine as the weights."""
        largest, first = largest_value(clips), network.convolutions[0]
        if self.input_bits is not None or isinstance(network.layers[0], PoolLayer):
            return input_code(self.input_bits or 1, largest)
        return input_code(balanced_bits(first, max(self.planes_of(first.name)), largest, steps, self.target), largest)


def _whole(value: object, largest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 1 <= int(value) <= largest


def largest_value(clips: Sequence[Frames]) -> float:
    """What a payload must be able to say: 1, the largest value of normalised bins, or more where a clip holds more."""
    return max([1.0, *(float(clip.max(initial=0)) for clip in clips)])


def input_code(bits: int, largest: float, denominator: int | None = None) -> InputCode:
    """The code that fills `bits` with values up to `largest`; 1 bit says whether there is anything at all.

    Where values are multiples of 1 / `denominator`, they become whole numbers, not rounded ones.
    """
    return InputCode(bits, 1.0 if bits == 1 else rounded_scale((2**bits - 1) / largest, denominator))


def balanced_bits(layer: ConvLayer, planes: int, largest: float, steps: int, target: Target) -> int:
    """Payload bits that share the membrane's 24 bit fairly with the weights.

    Weight levels times payload levels are bounded by what Theta + L and the drive of the worst input may be; frames are
    sparse and mostly small, so rounding them costs more than rounding weights, and they get the odd half bit.
    """
    accumulator_max, nothing_cut = 2 ** (target.accumulator_bits.value - 1) - 1, np.full(len(layer.weight), np.inf)
    for bits in range(min(GRADED_BITS[-1], target.payload_bits.value), 1, -1):
        code, setting = input_code(bits, largest), LayerSetting(planes, bits)
        state = float(np.abs(layer.weight).max()) * highest_scale(layer, setting, code.scale, steps).min() / code.scale
        levels = min(state, drive_levels(layer, nothing_cut, setting, accumulator_max))
        if levels >= min(setting.largest_weight, code.largest / np.sqrt(2)):
            return bits
    return min(2, target.payload_bits.value)
