"""Which gadget a layer gets, and how deep its windows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from spikeseg_lava.errors import ArgumentError
from spikeseg_lava.fixed_point import FixedPointConv
from spikeseg_lava.lowering.depth import needed_depth
from spikeseg_lava.lowering.direct import floor_is_idle
from spikeseg_lava.lowering.leaky import best_leaky
from spikeseg_lava.lowering.limits import CURRENT_LIMIT, Payloads, largest_drive
from spikeseg_lava.lowering.stock_network import LayerPlan

MIRROR_POPULATIONS = 4


@dataclass(frozen=True)
class Wish:
    """What the user asked of `lower`."""

    method: str
    depth: int | None
    fidelity: float
    fire_once: bool
    frames: int
    calibrated: bool

    def __post_init__(self) -> None:
        if self.depth is not None and (self.method != "windows" or not 1 <= self.depth <= self.frames):
            raise ArgumentError(f"`depth` is for method 'windows', from 1 to {self.frames} frames; got {self.depth}")
        if self.method == "leaky" and not self.calibrated:
            raise ArgumentError("`method` 'leaky' fits a clip: pass one as `calibration`")
        if not 0 < self.fidelity <= 1:
            raise ArgumentError(f"`fidelity` must be an IoU above 0 and up to 1, got {self.fidelity}")

    def mirrored(self, conv: FixedPointConv) -> bool:
        """The layer will be written as floor and detector."""
        if floor_is_idle(conv):
            return False
        exact = self.method == "exact" and self.frames + 1 > MIRROR_POPULATIONS
        return self.method == "mirror" or (exact and conv.neuron.leak_mode == "subtractive")


def plan_layer(conv: FixedPointConv, wish: Wish, payloads: NDArray[Any] | None, largest_payload: Payloads) -> LayerPlan:
    """The gadget for a layer; `payloads` Int[T, I, H, W] is its input on the calibration clip."""
    rounded = conv.neuron.leak_mode == "multiplicative"
    if floor_is_idle(conv):
        deepest = (largest_drive(conv, largest_payload)[1] + 2 * int(conv.neuron.leak.max())) * wish.frames
        held = conv.neuron.floor or deepest < CURRENT_LIMIT
        return LayerPlan(conv.name, "direct", exact=held and not rounded, note="its floor never acts")
    if wish.method == "unfloored":
        return LayerPlan(conv.name, "direct", exact=False, note="no floor at all")
    if wish.method == "leaky" and payloads is not None:
        neuron, iou = best_leaky(conv, payloads, wish.fire_once)
        return LayerPlan(conv.name, "direct", exact=False, note=f"IoU {iou:.3f} on the clip", neuron=neuron)
    if wish.mirrored(conv):
        return LayerPlan(conv.name, "mirror", note="floor by hard reset")
    depth, note = _depth(conv, wish, payloads)
    return LayerPlan(conv.name, "windows", depth, exact=depth >= wish.frames and not rounded, note=note)


def _depth(conv: FixedPointConv, wish: Wish, payloads: NDArray[Any] | None) -> tuple[int, str]:
    if wish.method == "memoryless":
        return 1, "forgets every step"
    if wish.method == "windows" and wish.depth is not None:
        return wish.depth, "as asked"
    if wish.method == "auto" and payloads is not None:
        depth = needed_depth(conv, payloads, wish.fire_once, wish.fidelity)
        return depth, f"fewest that keep an IoU of {wish.fidelity:g} on the clip"
    return wish.frames, "every start of the sample"
