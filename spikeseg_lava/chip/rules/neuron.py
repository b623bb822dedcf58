"""Rules about neurons: what a membrane must hold, where saturation would change a spike, what the chip's LIF lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeseg_lava.chip.rules.finding import Finding, MappedModel
from spikeseg_lava.network.integers import FixedPointConv


def saturation_of_floored_membranes(mapped: MappedModel) -> Iterator[Finding]:
    """Theta + |L - B| <= state_max: then a saturated sum still fires, a sunken one is floored: no spike changes."""
    limit = mapped.target.state_max
    for layer, ranges in mapped.convolutions():
        neuron, value = layer.neuron, ranges.firing_sum
        if neuron.floor and ranges.saturation == "harmful":
            yield Finding(
                "saturation_of_floored_membranes", layer.name, "error", value, limit, "membrane units",
                "threshold + leak leave the state word: a saturated membrane may miss its spike",
                "quantize with a smaller exponent, or fewer weight planes or input bits",
            )  # fmt: skip


def saturation_of_membranes_without_floor(mapped: MappedModel) -> Iterator[Finding]:
    """Without a floor the worst case over all steps must fit, for saturation changes what the neuron does later."""
    limit = mapped.target.state_max
    for layer, ranges in mapped.convolutions():
        value = ranges.membrane.magnitude
        if not layer.neuron.floor and ranges.saturation == "harmful":
            yield Finding(
                "saturation_of_membranes_without_floor", layer.name, "error", value, limit, "membrane units",
                f"the worst input of {mapped.steps} steps drives the membrane out of its state word",
                "quantize for fewer steps or at a smaller scale, or use a neuron with a floor",
            )  # fmt: skip


def accumulator(mapped: MappedModel) -> Iterator[Finding]:
    """The sum of one step must fit the accumulator, which wraps around where the contract saturates."""
    limit = 2 ** (mapped.target.accumulator_bits.value - 1) - 1
    for layer, ranges in mapped.convolutions():
        value, observed = ranges.drive.magnitude, ranges.observed and ranges.observed.drive
        if value <= limit:
            continue
        seen = "no clip was given" if observed is None else f"the clip reaches {observed.magnitude:,}"
        beyond = observed is not None and observed.magnitude > limit
        yield Finding(
            "accumulator", layer.name, "error" if beyond else "warning", value, limit, "membrane units",
            f"the worst input overflows the accumulator and would wrap around ({seen})",
            "quantize with a smaller exponent or fewer input bits; or show on clips that the drive stays below",
        )  # fmt: skip


def stock_current(mapped: MappedModel) -> Iterator[Finding]:
    """The stock LIF shifts its input by 6 into 24 bit and wraps there: payload * sum |w| must stay below 2**17."""
    if mapped.network.stock:
        return
    limit = 2 ** (mapped.target.state_bits.value - 1 - mapped.target.threshold_shift.value) - 1
    for layer, ranges in mapped.convolutions():
        value = ranges.payload * ranges.weight_sum
        if value > limit:
            yield Finding(
                "stock_current", layer.name, "info", value, limit, "membrane units",
                "payload times sum of |w| can wrap the current `u` of the stock LIF around",
                "a stock-only network needs a smaller exponent, or one plane; a neuron of its own does not",
            )  # fmt: skip


OWN_NEURON = "use a neuron of your own (microcode), or `lower(model, 'stock')` for the nearest stock network"


def floor_beyond_stock(mapped: MappedModel) -> Iterator[Finding]:
    """A floor that ever acts needs more than a stock LIF, whose membrane sinks below zero."""
    if mapped.network.stock:
        return
    for layer, ranges in mapped.convolutions():
        lowest = ranges.drive.low - int(layer.neuron.pull.max())
        if layer.neuron.floor and lowest < 0:
            yield Finding(
                "floor_beyond_stock", layer.name, "warning", lowest, 0, "membrane units",
                "the floor V >= 0 needs more than Lava's stock LIF; without it most spikes are lost",
                OWN_NEURON if not mapped.target.floor_in_stock_neuron.value
                else "set the neuron core's register vmin to 0; Lava's LIF does not reach it",
            )  # fmt: skip


def fire_once_beyond_stock(mapped: MappedModel) -> Iterator[Finding]:
    """At most one spike per sample has no fixed-point model in stock Lava (`LIFRefractory` is float only)."""
    if mapped.network.stock:
        return
    if mapped.fire_once:
        yield Finding(
            "fire_once_beyond_stock", "network", "info", 1, 0, "rules", "fire-once is in no fixed-point stock neuron",
            f"{OWN_NEURON}; or run with fire_once off where results allow",
        )  # fmt: skip


def one_threshold_a_population(mapped: MappedModel) -> Iterator[Finding]:
    """The stock LIF has one threshold and one decay for all of its neurons; each set is a population.

    Leak and bias are its bias, of which every neuron has its own.
    """
    if mapped.network.stock:
        return
    for layer, _ in mapped.convolutions():
        value = populations(layer)
        if value == 1:
            continue
        limit = mapped.target.populations_per_core.value
        yield Finding(
            "one_threshold_a_population", layer.name, "warning" if value > limit else "info", value, limit,
            "populations", "channels differ in threshold or decay; each different set is a population of its own",
            "quantize with `per_channel=False`, or map one population a process",
        )  # fmt: skip


def decay_word(mapped: MappedModel) -> Iterator[Finding]:
    """The decay fits its unsigned word; 4096, a membrane that forgets all, does not."""
    limit = 2**mapped.target.decay_bits.value - 1
    for layer, _ in mapped.convolutions():
        value = int(layer.neuron.decay.max())
        if value > limit:
            yield Finding(
                "decay_word", layer.name, "warning", value, limit, "of 4096",
                f"a decay of {value} needs one bit more than the chip's decay word",
                f"use {limit}: the same for membranes below 4096, and one 4096th kept above",
            )  # fmt: skip


def stock_threshold(mapped: MappedModel) -> Iterator[Finding]:
    """The stock LIF fires at V > vth << 6, so Theta - 1 must fit the threshold's mantissa."""
    if mapped.network.stock:
        return
    limit = 2**mapped.target.threshold_bits.value - 1
    for layer, _ in mapped.convolutions():
        value = int(layer.neuron.threshold.max()) - 1
        if value > limit:
            yield Finding(
                "stock_threshold", layer.name, "info", value, limit, "membrane units",
                "vth = Theta - 1 is beyond the mantissa of the stock LIF",
                "a stock-only network needs a smaller exponent; a neuron of its own does not",
            )  # fmt: skip


def stock_bias(mapped: MappedModel) -> Iterator[Finding]:
    """Leak and bias are one bias of the stock LIF, mantissa << exponent in units of 2**-6: whole up to 4096 always."""
    if mapped.network.stock:
        return
    target = mapped.target
    limit = 2 ** (target.bias_bits.value - 1)
    for layer, _ in mapped.convolutions():
        spare = 2 ** (target.bias_shift_max.value - target.threshold_shift.value)
        leak = np.abs(layer.neuron.pull)
        value = int(leak.max())
        if not ((leak <= limit) | ((leak <= limit * spare) & (leak % spare == 0))).all():
            yield Finding(
                "stock_bias", layer.name, "info", value, limit, "membrane units",
                "the leak less the bias is beyond the bias mantissa of the stock LIF",
                "a stock-only network needs a smaller exponent; a neuron of its own does not",
            )  # fmt: skip


def populations(layer: FixedPointConv) -> int:
    """Different sets of (threshold, decay) among the channels."""
    return len(np.unique(np.stack([layer.neuron.threshold, layer.neuron.decay]), axis=1).T)
