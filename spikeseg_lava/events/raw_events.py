"""Events as a file has them, before anything is checked or mended; what every format reader hands over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

TimeUnit = Literal["s", "ms", "us", "ns"]
MICROSECONDS: Mapping[str, float] = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}


@dataclass(frozen=True, eq=False)
class RawLabels:
    """Object positions as found: origin and time unit are those of the events."""

    x: NDArray[Any]
    y: NDArray[Any]
    t: NDArray[Any]
    id: NDArray[Any]


@dataclass(frozen=True, eq=False)
class RawEvents:
    """Columns as found, in file order.

    Attributes:
        size: (height, width) where the file's header says so.
        first_pixel: number of the first pixel by the rules of the format; None where the format has none.
        time_unit: by the rules of the format; None where it has to be told from the numbers.
        repairs: what the reader itself had to leave out, with counts.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    t: NDArray[Any]
    p: NDArray[Any]
    size: tuple[int, int] | None = None
    first_pixel: Literal[0, 1] | None = None
    time_unit: TimeUnit | None = None
    labels: RawLabels | None = None
    repairs: Mapping[str, int] = field(default_factory=dict)


def flat(values: Any) -> NDArray[Any]:
    """One column, whatever its shape was: (N,), (N, 1), (1, N) or a list of scalars."""
    array = np.asarray(values)
    if array.dtype == object:
        parts = [np.ravel(part) for part in array.ravel()]
        array = np.concatenate(parts) if parts else np.zeros(0)
    return array.ravel()
