"""Events as a file has them, block by block, before anything is checked or mended: what every format reader yields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

BLOCK = 2**18  # events; a block of four 8-byte columns takes 8 MB
TimeUnit = Literal["s", "ms", "us", "ns"]
UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
MICROSECONDS: Mapping[TimeUnit, float] = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
UNIT_WORDS: Mapping[TimeUnit, str] = {
    "s": r"s|secs?|seconds?",
    "ms": r"ms|msecs?|milliseconds?",
    "us": r"us|[µμ]s|usecs?|microseconds?",
    "ns": r"ns|nsecs?|nanoseconds?",
}


@dataclass(frozen=True, eq=False)
class RawLabels:
    """Object positions as found: origin and time unit are those of the events."""

    x: NDArray[Any]
    y: NDArray[Any]
    t: NDArray[Any]
    id: NDArray[Any]


@dataclass(frozen=True, eq=False)
class RawEvents:
    """Columns of a block as found, in file order.

    Attributes:
        size: (height, width) where the file's header says so.
        first_pixel: number of the first pixel by the rules of the format; None where the format has none.
        time_unit: by the format or the header; None where it has to be guessed from the numbers.
        unit_from: what told the unit.
        labels: of the whole file, in its first block.
        repairs: what the reader had to leave out since the last block, with counts.
        guesses: what the reader assumed without being sure, as sentences; only those of the first block count.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    t: NDArray[Any]
    p: NDArray[Any]
    size: tuple[int, int] | None = None
    first_pixel: Literal[0, 1] | None = None
    time_unit: TimeUnit | None = None
    unit_from: str = "format"
    labels: RawLabels | None = None
    repairs: Mapping[str, int] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]], **facts: Any) -> RawEvents:
        """The block of the columns "x", "y", "t" and "p"."""
        return cls(columns["x"], columns["y"], columns["t"], columns["p"], **facts)


def as_tree(raw: RawEvents) -> dict[str, Any]:
    """`raw` as the dicts and arrays that a child process can send (`isolation.read_apart`)."""
    return {name: asdict(value) if isinstance(value, RawLabels) else value for name, value in vars(raw).items()}


def from_tree(tree: Mapping[str, Any]) -> RawEvents:
    """The block that `as_tree` took apart."""
    labels = RawLabels(**tree["labels"]) if tree["labels"] else None
    size = (int(tree["size"][0]), int(tree["size"][1])) if tree["size"] else None
    return RawEvents(**{**tree, "labels": labels, "size": size, "guesses": tuple(tree["guesses"])})


def flat(values: Any) -> NDArray[Any]:
    """One column, whatever its shape was: (N,), (N, 1), (1, N) or a list of scalars."""
    array = np.asarray(values)
    if array.dtype == object:
        parts = [np.ravel(part) for part in array.ravel()]
        array = np.concatenate(parts) if parts else np.zeros(0)
    return array.ravel()


def named_unit(word: str) -> TimeUnit | None:
    """The unit of time that `word` names ("us", "usec", "Microseconds", "µs"), or None."""
    return next((unit for unit in UNITS if re.fullmatch(UNIT_WORDS[unit], word.strip(), re.IGNORECASE)), None)


@dataclass(frozen=True)
class TimeNumbers:
    """What the numbers of a time column tell about their unit.

    Attributes:
        count, lowest, highest: how many there are, and their range.
        fractions: any is no whole number.
        thousandths: all are multiples of 0.001, as milliseconds of a clock of microseconds are.
        hundredths: most are multiples of 0.01 too: what somebody wrote by hand.
        thousands: all are multiples of 1000: nanoseconds of a clock of microseconds.
    """

    count: int
    lowest: float
    highest: float
    fractions: bool
    thousandths: bool
    hundredths: bool
    thousands: bool

    def rate(self, unit: TimeUnit) -> float:
        """Events a second if the times are in `unit`."""
        return self.count / max((self.highest - self.lowest) * MICROSECONDS[unit] / 1e6, 1e-9)


SINCE_1970 = 1e17  # nanoseconds since 1970 are above, microseconds below
FEW = 100  # events; fewer tell nothing about a rate
QUIET, DEAD = 1000.0, 10.0  # events a second: less than a camera gives as a rule, and less than any gives


def guessed_unit(numbers: TimeNumbers) -> tuple[TimeUnit, str | None]:
    """The unit that times without one are taken in, and why, where that is a guess.

    1. Times with fractions are seconds: without doubt where they have more than three decimals, for cameras count
       microseconds. They are milliseconds if there are at least 100 events and, read as seconds, they would be fewer
       than 10 a second, or fewer than 1000 a second with exactly three decimals.
    2. Whole numbers are microseconds, unless they reach 10^17, or are all multiples of 1000 and, read as
       microseconds, would be fewer than 1000 a second (of at least 100 events): then nanoseconds.
    """
    slow = numbers.count >= FEW and numbers.rate("s" if numbers.fractions else "us") < QUIET
    if numbers.fractions:
        dead = numbers.count >= FEW and numbers.rate("s") < DEAD
        if dead or (slow and numbers.thousandths and not numbers.hundredths):
            return "ms", f"they have fractions, and as seconds there were {numbers.rate('s'):.3g} events a second"
        return "s", "they have fractions, of three decimals at most" if numbers.thousandths else None
    if max(abs(numbers.lowest), abs(numbers.highest)) >= SINCE_1970:
        return "ns", "they are whole numbers of 10^17 and more"
    if slow and numbers.thousands:
        return "ns", f"all are multiples of 1000, and as microseconds there were {numbers.rate('us'):.3g} a second"
    return "us", None
