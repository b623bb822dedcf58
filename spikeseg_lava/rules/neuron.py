"""Rules about neurons: what the chip's own LIF can do, and what needs a neuron of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeseg_lava.fixed_point import FixedPointConv
from spikeseg_lava.rules.finding import Finding
from spikeseg_lava.rules.subject import Subject

OWN_NEURON = "use a neuron of your own (microcode), or `lower(model, 'stock')` for the nearest stock network"


def positive_threshold(subject: Subject) -> Iterator[Finding]:
    """A neuron with a threshold of 0 or less fires in every step, input or not."""
    for layer, _ in subject.convolutions():
        value = int(layer.neuron.threshold.min())
        if value < 1:
            yield Finding(
                "positive_threshold", layer.name, "error", value, 1, "membrane units",
                "the threshold rounds to nothing: neurons fire without input",
                "quantise at a larger scale: more planes, or a larger exponent",
            )  # fmt: skip


def floor_beyond_stock(subject: Subject) -> Iterator[Finding]:
    """A floor that ever acts needs more than a stock LIF, whose membrane sinks below zero."""
    for layer, ranges in subject.convolutions():
        lowest = ranges.drive.low - int(layer.neuron.leak.max())
        if layer.neuron.floor and lowest < 0:
            yield Finding(
                "floor_beyond_stock", layer.name, "warning", lowest, 0, "membrane units",
                "the floor V >= 0 needs more than Lava's stock LIF; without it most spikes are lost",
                OWN_NEURON if not subject.target.floor_in_stock_neuron.value
                else "set the neuron core's register vmin to 0; Lava's LIF does not reach it",
            )  # fmt: skip


def fire_once_beyond_stock(subject: Subject) -> Iterator[Finding]:
    """At most one spike per sample has no fixed-point model in stock Lava (`LIFRefractory` is float only)."""
    if subject.fire_once:
        yield Finding(
            "fire_once_beyond_stock", "network", "info", 1, 0, "rules", "fire-once is in no fixed-point stock neuron",
            f"{OWN_NEURON}; or run with fire_once off where results allow",
        )  # fmt: skip


def one_threshold_a_population(subject: Subject) -> Iterator[Finding]:
    """The stock LIF has one threshold, leak and decay for all of its neurons; each set is a population."""
    for layer, _ in subject.convolutions():
        value = populations(layer)
        if value == 1:
            continue
        limit = subject.target.populations_per_core.value
        yield Finding(
            "one_threshold_a_population", layer.name, "warning" if value > limit else "info", value, limit,
            "populations", "channels differ in threshold, leak or decay; each different set is a population of its own",
            "quantise with `per_channel=False`, or map one population a process",
        )  # fmt: skip


def decay_word(subject: Subject) -> Iterator[Finding]:
    """The decay fits its unsigned word; 4096, a membrane that forgets all, does not."""
    limit = 2**subject.target.decay_bits.value - 1
    for layer, _ in subject.convolutions():
        value = int(layer.neuron.decay.max())
        if value > limit:
            yield Finding(
                "decay_word", layer.name, "warning", value, limit, "of 4096",
                f"a decay of {value} needs one bit more than the chip's decay word",
                f"use {limit}: the same for membranes below 4096, and one 4096th kept above",
            )  # fmt: skip


def stock_threshold(subject: Subject) -> Iterator[Finding]:
    """The stock LIF fires at V > vth << 6, so Theta - 1 must fit the threshold's mantissa."""
    limit = 2**subject.target.threshold_bits.value - 1
    for layer, _ in subject.convolutions():
        value = int(layer.neuron.threshold.max()) - 1
        if value > limit:
            yield Finding(
                "stock_threshold", layer.name, "info", value, limit, "membrane units",
                "vth = Theta - 1 is beyond the mantissa of the stock LIF",
                "a stock-only network needs a smaller exponent; a neuron of its own does not",
            )  # fmt: skip


def stock_bias(subject: Subject) -> Iterator[Finding]:
    """A leak in the stock LIF is a bias, -(mantissa << exponent) in units of 2**-6: whole numbers up to 4096 always."""
    target = subject.target
    limit = 2 ** (target.bias_bits.value - 1)
    for layer, _ in subject.convolutions():
        spare = 2 ** (target.bias_shift_max.value - target.threshold_shift.value)
        leak = layer.neuron.leak
        value = int(leak.max())
        if not ((leak <= limit) | ((leak <= limit * spare) & (leak % spare == 0))).all():
            yield Finding(
                "stock_bias", layer.name, "info", value, limit, "membrane units",
                "the leak is beyond the bias mantissa of the stock LIF",
                "a stock-only network needs a smaller exponent; a neuron of its own does not",
            )  # fmt: skip


def populations(layer: FixedPointConv) -> int:
    """Different sets of (threshold, leak, decay) among the channels."""
    neuron = layer.neuron
    return len(np.unique(np.stack([neuron.threshold, neuron.leak, neuron.decay]), axis=1).T)
