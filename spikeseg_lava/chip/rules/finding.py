"""What a design rule says when it is broken.

What the design rules examine: a model at one frame size on one target, and the limits that each rule rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from spikeseg_lava.chip.groups import ChipNetwork
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.chip.tiling import PlacedGroup
from spikeseg_lava.network.bounds import LayerRange
from spikeseg_lava.network.floats import Pair
from spikeseg_lava.network.integers import FixedPointConv
from spikeseg_lava.network.model import FixedPointModel

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    Attributes:
        rule: name of the rule.
        layer: name of the layer, or "network".
        severity: "error": the integers would not behave as computed, or do not fit. "warning": they may not, or cost
            more than expected. "info": the stock parts of the chip's software cannot do it, or a fact worth knowing.
        value, limit: what was found and what was allowed, in `unit`.
        message: what is wrong, in words.
        remedy: what to do about it.
    """

    rule: str
    layer: str
    severity: Severity
    value: int
    limit: int
    unit: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


LIMITS_OF: Mapping[str, tuple[str, ...]] = {
    "saturation_of_floored_membranes": ("state_bits",),
    "saturation_of_membranes_without_floor": ("state_bits",),
    "accumulator": ("accumulator_bits",),
    "weight_word": ("weight_bits",),
    "payload_word": ("payload_bits", "synapse_shift_max"),
    "odd_mixed_weights": ("weight_bits", "state_bits"),
    "weight_planes": ("weight_bits",),
    "floor_beyond_stock": ("floor_in_stock_neuron",),
    "fire_once_beyond_stock": (),
    "one_threshold_a_population": ("populations_per_core",),
    "decay_word": ("decay_bits",),
    "stock_threshold": ("threshold_bits", "threshold_shift"),
    "stock_bias": ("bias_bits", "bias_shift_max"),
    "stock_current": ("state_bits", "threshold_shift"),
    "fan_in_axons": ("axons_in_per_core",),
    "synapse_memory": ("synapse_bytes_per_core",),
    "neurons_on_a_core": ("neurons_per_core",),
    "axons_out": ("axons_out_per_core",),
    "chip_count": ("mapped_cores",),
    "wide_input": (),
}
WITHOUT_LIMIT: Mapping[str, str] = {
    "fire_once_beyond_stock": "lava-nc 0.10: LIFRefractory has a floating-point model only",
    "wide_input": "a warning of the Lava compiler, in the printout of lava-dl yolo_kp",
}


def limits_of_rule(rule: str, target: Target) -> str:
    """The limits behind a rule on `target`: published or inferred, and where each was read."""
    facts = [getattr(target, name) for name in LIMITS_OF[rule]]
    return "; ".join(f"{fact.standing}: {fact.source}" for fact in facts) or WITHOUT_LIMIT[rule]


@dataclass(frozen=True, eq=False)
class MappedModel:
    """A model at one frame size on one target, with the ranges of its integers.

    Attributes:
        size: (height, width) of the frames in pixels.
        steps: time steps of a sample.
        network: the form in which it is placed; `placed`: its groups cut into cores.
        ranges: of each convolution, by name.
    """

    model: FixedPointModel
    target: Target
    size: Pair
    steps: int
    fire_once: bool
    network: ChipNetwork
    placed: tuple[PlacedGroup, ...]
    ranges: dict[str, LayerRange]

    def convolutions(self) -> list[tuple[FixedPointConv, LayerRange]]:
        """Every convolution with its ranges."""
        return [(layer, self.ranges[layer.name]) for layer in self.model.convolutions]
