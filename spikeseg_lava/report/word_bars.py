"""How much of the chip's words the integers of a layer use: bars of bits against the length of the word."""

from __future__ import annotations

from dataclasses import dataclass

from spikeseg_lava.ranges import ConvRange, Interval
from spikeseg_lava.report.figure import number
from spikeseg_lava.report.report import Report

BITS_DRAWN = 27


@dataclass(frozen=True)
class WordBar:
    """`bits` used of a word of `limit` bits by values from `low` to `high`."""

    name: str
    bits: int
    limit: int
    values: str

    @property
    def beyond(self) -> bool:
        return self.bits > self.limit


def word_bars(report: Report) -> dict[str, list[WordBar]]:
    """Bars of every convolution, by name."""
    return {name: _bars(report, name, ranges) for name, ranges in report.subject.ranges.items()}


def _bars(report: Report, name: str, ranges: ConvRange) -> list[WordBar]:
    target = report.target
    layer = next(x for x in report.subject.model.convolutions if x.name == name)
    weight = Interval(min(int(p.weight.min()) for p in layer.planes), max(int(p.weight.max()) for p in layer.planes))
    top = Interval(0, int((layer.neuron.threshold.astype(int) + layer.neuron.leak).max()))
    state, accumulator = target.state_bits.value, target.accumulator_bits.value
    payload = WordBar(
        "payload", ranges.payload.bit_length(), target.payload_bits.value, f"0 … {number(ranges.payload)}"
    )
    found = [
        payload,
        _signed(f"weight, {len(layer.planes)} plane(s)", weight, target.weight_bits.value),
        _signed("drive, worst case", ranges.drive, accumulator),
    ]
    if ranges.observed_drive:
        found.append(_signed("drive, on the clip", ranges.observed_drive, accumulator))
    return [*found, _signed("threshold + leak", top, state), _signed("membrane, worst case", ranges.membrane, state)]


def _signed(name: str, values: Interval, limit: int) -> WordBar:
    return WordBar(name, values.bits, limit, f"{number(values.low)} … {number(values.high)}")
