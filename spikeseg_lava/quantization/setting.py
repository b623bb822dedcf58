"""How one layer is to be written in integers, and what the registers of its neurons can hold.

Which payloads of the frames are tried.

Bins of counts divided by their largest hold fractions k/n with small n. A scale that is a multiple of n holds them
exactly, and composite numbers are multiples of many small n, 2520 of all up to 10. Such that are little below a power
of two leave no part of the payload's word, and so of the accumulator, unused.
Whole counts are held exactly by a scale of 1. What is left of the membrane's bits goes to the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikeseg_lava.network.integers import BYTE_BITS, InputCode
from spikeseg_lava.quantization.validation_clips import FrameKind

Rounding = Literal["nearest", "compensated"]
Room = Literal["worst", "seen", "firing"]

WEIGHT_MAX = 127  # largest magnitude of one plane that has its negative among the signed bytes
TWO_PLANES_MAX = WEIGHT_MAX * 2**BYTE_BITS + WEIGHT_MAX  # high byte << 8 plus low byte: 32639


@dataclass(frozen=True)
class LayerSetting:
    """Setting of one convolution.

    Attributes:
        planes: 1 or 2 signed 8-bit weight planes (two: a high and a low byte, about 16 bit together).
        input_bits: payload bits of its input; 1 for spikes.
        per_channel: a scale of its own for every output channel, else one for the layer.
        rounding: "nearest", or "compensated": the errors of the weights cancel on inputs that come near the threshold.
        room: what of one step's drive the accumulator holds: that of the "worst" input, that of the inputs "seen" and
            a margin, or only what fires ("firing"), beyond which it saturates.
    """

    planes: int = 1
    input_bits: int = 1
    per_channel: bool = False
    rounding: Rounding = "compensated"
    room: Room = "worst"

    @property
    def largest_weight(self) -> int:
        """Largest integer weight, all planes together, before the exponent."""
        return WEIGHT_MAX if self.planes == 1 else TWO_PLANES_MAX

    @property
    def shift(self) -> int:
        """How much higher the exponent of the high plane is than that of the low one."""
        return 0 if self.planes == 1 else BYTE_BITS

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Registers:
    """What the registers of a chip's own neuron hold; the default is a neuron in microcode, which holds any word.

    Attributes:
        threshold_shift: Theta = m * 2**shift + 1, from a strict comparison with a shifted mantissa; 0: any Theta.
        threshold_bits: of the mantissa m.
        leak_bits, leak_shift: L = mantissa of `leak_bits` bits times 2**(0..leak_shift); 0 bits: any L.
        exponent: left shift of the weight plane, where it is fixed.
    """

    threshold_shift: int = 0
    threshold_bits: int = 23
    leak_bits: int = 0
    leak_shift: int = 0
    exponent: int | None = None


ANY_WORD = Registers()

COMPOSITE = (2, 4, 6, 12, 24, 60, 120, 240, 360, 840, 1680, 2520, 3780, 5040, 7560, 10080, 27720)
COARSEST = 12  # levels of graded frames: with fewer they lose more than the weights can win
COARSEST_FLOORED = 360  # a floored membrane leaves more bits to share
COARSEST_UNKNOWN = 2520  # without a clip nothing tells how large the counts of a bin are; for floored neurons
SPIKES = InputCode(1, 1.0)  # what travels between layers


def payload_codes(
    kind: FrameKind, input_bits: int | None, largest_bits: int, coarsest: int = COARSEST
) -> list[InputCode]:
    """Codes to try for frames of a kind, in no order.

    Args:
        input_bits: where the user fixed them.
        largest_bits: of a payload on the target.
        coarsest: fewest levels of graded frames, where the bits are not fixed.
    """
    if input_bits == 1 or largest_bits == 1 or (kind.binary and input_bits is None):
        return [SPIKES]
    codes = [code for code in _codes(kind, input_bits, coarsest) if 1 < code.bits <= largest_bits]
    return [code for code in codes if input_bits in (None, code.bits)]


def _codes(kind: FrameKind, input_bits: int | None, coarsest: int) -> Iterator[InputCode]:
    if kind.whole or kind.binary:
        yield from _whole_codes(int(kind.largest), input_bits)
        return
    for levels in COMPOSITE:
        bits = input_bits or levels.bit_length()
        if levels < 2**bits and (levels >= coarsest or input_bits is not None):
            yield InputCode(bits, levels / kind.largest)
    if input_bits is not None:
        yield InputCode(input_bits, (2**input_bits - 1) / kind.largest)


def _whole_codes(largest: int, input_bits: int | None) -> Iterator[InputCode]:
    """Counts as they are, with room for twice the largest seen, or just for it; and coarser where they are large."""
    if input_bits is not None:
        multiple = (2**input_bits - 1) // largest
        yield from (InputCode(input_bits, float(scale)) for scale in {multiple, 1} if multiple)
        if not multiple:
            yield InputCode(input_bits, (2**input_bits - 1) / largest)
        return
    yield InputCode((2 * largest).bit_length(), 1.0)
    yield InputCode(largest.bit_length(), 1.0)
    for bits in range(6, largest.bit_length()):
        yield InputCode(bits, (2**bits - 1) / largest)
