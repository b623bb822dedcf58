"""Rules about synapses: weight words, planes, payloads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.chip.rules.finding import Finding, MappedModel
from spikeseg_lava.chip.targets import Target
from spikeseg_lava.network.integers import FixedPointConv


def weight_word(mapped: MappedModel) -> Iterator[Finding]:
    """Every weight of a plane fits the signed weight word."""
    limit = 2 ** (mapped.target.weight_bits.value - 1) - 1
    for layer, _ in mapped.convolutions():
        value = max(_magnitude(plane.weight) for plane in layer.planes)
        if value > limit:
            yield Finding(
                "weight_word", layer.name, "error", value, limit, "weight units",
                f"a weight needs more than {mapped.target.weight_bits.value} bit",
                "quantize for this target: smaller weights, or more planes",
            )  # fmt: skip


def weight_planes(mapped: MappedModel) -> Iterator[Finding]:
    """More than one plane costs synapse memory, axons and operations once per plane."""
    for layer, _ in mapped.convolutions():
        if len(layer.planes) > 1:
            yield Finding(
                "weight_planes", layer.name, "info", len(layer.planes), 1, "planes",
                "every plane is a synapse group of its own: memory, axons and synaptic operations multiply",
                "quantize with `planes=1` and compare the spikes where cost matters more",
            )  # fmt: skip


def payload_word(mapped: MappedModel) -> Iterator[Finding]:
    """Payload and what a plane's exponent adds to it fit a spike; an exponent beyond the synapse's goes there."""
    target, limit = mapped.target, mapped.target.payload_bits.value
    for layer, ranges in mapped.convolutions():
        exponent = max(plane.exponent for plane in layer.planes)
        shifted = exponent if exponent > target.synapse_shift_max.value else 0
        value = ranges.payload.bit_length() + shifted
        if value > limit:
            yield Finding(
                "payload_word", layer.name, "error", value, limit, "bit",
                f"a spike would carry {value} bit: {ranges.payload.bit_length()} of its input"
                + (f", {shifted} of the exponent that convolutions cannot apply" if shifted else ""),
                _payload_remedy(target, ranges.payload > 1),
            )  # fmt: skip


def odd_mixed_weights(mapped: MappedModel) -> Iterator[Finding]:
    """A synapse group of both signs keeps even weights only: odd ones must be written as 2 w."""
    limit = mapped.target.state_max
    for layer, _ in mapped.convolutions():
        odd = sum(int((plane.weight % 2 != 0).sum()) for plane in layer.planes if _mixed(plane.weight))
        if not odd:
            continue
        doubles = 2 * int((layer.neuron.threshold.astype(np.int64) + np.abs(layer.neuron.pull)).max())
        spare = min(plane.exponent for plane in layer.planes) > 0 or doubles <= limit
        yield Finding(
            "odd_mixed_weights", layer.name, "info" if spare else "error", odd, 0, "weights",
            "odd weights among weights of both signs; the chip drops their lowest bit",
            _doubling(layer, spare),
        )  # fmt: skip


def _doubling(layer: FixedPointConv, spare: bool) -> str:
    if not spare:
        return "2 w needs twice the threshold, which leaves the state word; quantize to half the scale"
    if min(plane.exponent for plane in layer.planes) > 0:
        return "exact as 2 w with every exponent one lower; nothing is lost"
    return "exact as 2 w with threshold and leak doubled; nothing is lost"


def _payload_remedy(target: Target, graded: bool) -> str:
    if target.payload_bits.value > 1:
        return "quantize with fewer input bits or a smaller exponent"
    if graded:
        return "this chip has no graded spikes: quantize with `input_bits=1`, for binary frames"
    return f"this chip has no graded spikes: quantize with exponents up to {target.synapse_shift_max.value}"


def _mixed(weight: NDArray[np.int8]) -> bool:
    return bool((weight > 0).any() and (weight < 0).any())


def _magnitude(weight: NDArray[np.int8]) -> int:
    """Largest w, or -w - 1 for negative ones: what a signed word must hold."""
    wide = weight.astype(np.int64)
    return int(np.maximum(wide, -wide - 1).max())
