"""Rules about ranges: what a step adds, what a membrane holds, and where saturation would change a spike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeseg_lava.rules.finding import Finding
from spikeseg_lava.rules.subject import Subject


def saturation_of_floored_membranes(subject: Subject) -> Iterator[Finding]:
    """Theta + L <= state_max: then a saturated sum still fires and a sunken one is floored, so no spike changes."""
    limit = subject.target.state_max
    for layer, _ in subject.convolutions():
        neuron = layer.neuron
        value = int((neuron.threshold.astype(np.int64) + neuron.leak).max())
        if neuron.floor and value > limit:
            yield Finding(
                "saturation_of_floored_membranes", layer.name, "error", value, limit, "membrane units",
                "threshold + leak leave the state word: a saturated membrane may miss its spike",
                "quantise with a smaller exponent, or fewer weight planes or input bits",
            )  # fmt: skip


def saturation_of_membranes_without_floor(subject: Subject) -> Iterator[Finding]:
    """Without a floor the worst case over all steps must fit, for saturation changes what the neuron does later."""
    limit = subject.target.state_max
    for layer, ranges in subject.convolutions():
        value = ranges.membrane.magnitude
        if not layer.neuron.floor and value > limit:
            yield Finding(
                "saturation_of_membranes_without_floor", layer.name, "error", value, limit, "membrane units",
                f"the worst input of {subject.steps} steps drives the membrane out of its state word",
                "quantise for fewer steps or at a smaller scale, or use a neuron with a floor",
            )  # fmt: skip


def accumulator(subject: Subject) -> Iterator[Finding]:
    """The sum of one step must fit the accumulator, which wraps around where the contract saturates."""
    limit = 2 ** (subject.target.accumulator_bits.value - 1) - 1
    for layer, ranges in subject.convolutions():
        value, observed = ranges.drive.magnitude, ranges.observed_drive
        if value <= limit:
            continue
        seen = "no clip was given" if observed is None else f"the clip reaches {observed.magnitude:,}"
        beyond = observed is not None and observed.magnitude > limit
        yield Finding(
            "accumulator", layer.name, "error" if beyond else "warning", value, limit, "membrane units",
            f"the worst input overflows the accumulator and would wrap around ({seen})",
            "quantise with a smaller exponent or fewer input bits; or show on clips that the drive stays below",
        )  # fmt: skip


def stock_current(subject: Subject) -> Iterator[Finding]:
    """The stock LIF shifts its input by 6 into 24 bit and wraps there: payload * sum |w| must stay below 2**17."""
    limit = 2 ** (subject.target.state_bits.value - 1 - subject.target.threshold_shift.value) - 1
    for layer, ranges in subject.convolutions():
        value = ranges.payload * ranges.weight_sum
        if value > limit:
            yield Finding(
                "stock_current", layer.name, "info", value, limit, "membrane units",
                "payload times sum of |w| can wrap the current `u` of the stock LIF around",
                "a stock-only network needs a smaller exponent, or one plane; a neuron of its own does not",
            )  # fmt: skip
