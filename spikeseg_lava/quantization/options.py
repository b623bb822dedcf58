"""What the user fixed, what the target and the export demand, and the settings that are left, in order of cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spikeseg_lava.chip.targets import Target
from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.network.floats import ConvLayer
from spikeseg_lava.quantization.compensation import signed_groups
from spikeseg_lava.quantization.setting import LayerSetting, Registers, Room, Rounding

ROUNDINGS: tuple[Rounding, ...] = ("nearest", "compensated")
Exportable = Literal["netx"]
FIDELITY = 0.999
NETX_EXPONENT = 7  # a stock synapse shifts by 6, and holds a signed byte w as 2 w


@dataclass(frozen=True)
class Options:
    """What the user fixed; None leaves it to the quantizer.

    Attributes:
        planes: 1 or 2, for all convolutions or by name.
        input_bits: payload bits of the frames.
        per_channel: scales per output channel.
        rounding: "nearest" or "compensated".
        target: the chip.
        fidelity: spike IoU asked of the whole network on clips that took no part in rounding.
        exportable: a file format the model must fit in.
    """

    planes: int | Mapping[str, int] | None
    input_bits: int | None
    per_channel: bool | None
    rounding: Rounding | None
    target: Target
    fidelity: float = FIDELITY
    exportable: Exportable | None = None

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
        if not 0 <= self.fidelity <= 1:
            raise ArgumentError(f"`fidelity` must lie between 0 and 1, got {self.fidelity!r}")
        if self.exportable not in (None, "netx"):
            raise ArgumentError(f"`exportable` must be 'netx' or None, got {self.exportable!r}")
        if self.exportable and (2 in given or self.per_channel):
            raise ArgumentError("`exportable` 'netx' holds one plane and one scale a layer: leave `planes` at 1")

    @property
    def registers(self) -> Registers:
        """What threshold, leak and exponent must be for the chip's own neuron, or for the export."""
        if self.exportable == "netx":
            return Registers(threshold_shift=6, threshold_bits=17, exponent=NETX_EXPONENT)
        if self.target.floor_in_stock_neuron.value:
            target = self.target
            return Registers(
                target.threshold_shift.value,
                target.threshold_bits.value,
                target.bias_bits.value - 1,
                target.bias_shift_max.value,
            )
        return Registers()

    def planes_of(self, name: str) -> tuple[int, ...]:
        """Numbers of planes to try for a layer."""
        fixed = self.planes.get(name) if isinstance(self.planes, Mapping) else self.planes
        if self.exportable:
            return (1,)
        return (1, 2) if fixed is None else (fixed,)

    def settings(self, layer: ConvLayer, graded: bool, known: bool, saturating: bool = False) -> Iterator[LayerSetting]:
        """Settings of a layer by rising cost, the payload apart.

        Only graded inputs have a worst drive so far above the usual one that the accumulator need not hold it, and one
        plane is too coarse to win by that.

        Args:
            known: clips of the user can tell how much is enough; without, it is the most planes and one scale.
            saturating: the accumulator may saturate on usual inputs.
        """
        either = self.per_channel is None and known and not self.exportable
        channels = (False, True) if either else (bool(self.per_channel),)
        planes_to_try = self.planes_of(layer.name)
        for planes in planes_to_try if known else (max(planes_to_try),):
            for room in self._rooms(planes, graded and layer.neuron.floor, known, saturating):
                for per_channel in channels if len(set(signed_groups(layer))) > 2 else channels[:1]:
                    yield LayerSetting(planes, 1, per_channel, self.rounding or "compensated", room)

    def _rooms(self, planes: int, apart: bool, known: bool, saturating: bool) -> tuple[Room, ...]:
        """What the accumulator may hold; `apart`: worst and usual drive may differ."""
        if not apart:
            return ("worst",)
        if not known:
            return ("seen", "firing") if saturating and planes > 1 else ("seen",)
        if planes == 1:
            return ("worst",)
        return ("worst", "seen", "firing") if saturating else ("worst", "seen")

    def check_names(self, names: Sequence[str]) -> None:
        """ArgumentError where `planes` names a layer the network does not have."""
        unknown = set(self.planes) - set(names) if isinstance(self.planes, Mapping) else set()
        if unknown:
            raise ArgumentError(f"`planes` names {', '.join(sorted(unknown))}; the convolutions are {', '.join(names)}")


def _whole(value: object, largest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 1 <= int(value) <= largest
