"""How one layer is to be written in integers: the knobs of the quantiser."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikeseg_lava.network.integers import BYTE_BITS

Rounding = Literal["nearest", "calibrated"]

WEIGHT_MAX = 127  # largest magnitude of one plane that has its negative among the signed bytes
TWO_PLANES_MAX = WEIGHT_MAX * 2**BYTE_BITS + WEIGHT_MAX  # high byte << 8 plus low byte: 32639


@dataclass(frozen=True)
class LayerSetting:
    """Setting of one convolution.

    Attributes:
        planes: 1 or 2 signed 8-bit weight planes (two: a high and a low byte, about 16 bit together).
        input_bits: payload bits of its input; 1 for spikes.
        per_channel: a scale of its own for every output channel, else one for the layer.
        rounding: "nearest", or "calibrated" (up or down so that the decisions of the calibration clip are kept).
    """

    planes: int = 1
    input_bits: int = 1
    per_channel: bool = False
    rounding: Rounding = "nearest"

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
