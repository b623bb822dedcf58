"""How one layer is to be written in integers, and what the registers of its neurons can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikeseg_lava.network.integers import BYTE_BITS

Rounding = Literal["nearest", "compensated"]

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
        worst_drive: the accumulator holds the drive of the worst input; else that of the inputs seen, and a margin.
    """

    planes: int = 1
    input_bits: int = 1
    per_channel: bool = False
    rounding: Rounding = "compensated"
    worst_drive: bool = True

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
