"""Integers beside the floats they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trace:
    """All integers of one kind in a layer; arrays of one shape, [O, I, kh, kw] of weights, else [O].

    Attributes:
        kind: "weight", "threshold", "leak" or "decay".
        source: the float.
        scale: integer units per unit of the float.
        integer: what the model holds; of weights `sum of w_p << e_p` over the planes.
        cut: where a weight was cut to the level at which one spike fires the neuron alone (see `cutting`).
        planes: of weights, the signed byte of every plane and its exponent.
    """

    kind: str
    source: NDArray[np.float64]
    scale: NDArray[np.float64]
    integer: NDArray[np.int64]
    cut: NDArray[np.bool_]
    planes: tuple[tuple[NDArray[np.int8], int], ...] = ()

    @property
    def represented(self) -> NDArray[np.float64]:
        """The float the integer says: `integer / scale`; of a decay, beta = 1 - D / 4096."""
        return 1 - self.integer / self.scale if self.kind == "decay" else self.integer / self.scale

    @property
    def error(self) -> NDArray[np.float64]:
        """`represented - source`, in float units."""
        return self.represented - self.source

    @property
    def largest_error(self) -> float:
        """Of the values that were not cut."""
        return float(np.abs(self.error[~self.cut]).max(initial=0))

    @property
    def rms_error(self) -> float:
        """Root mean square over the values that were not cut."""
        kept = self.error[~self.cut]
        return float(np.sqrt(np.mean(np.square(kept)))) if kept.size else 0.0

    @property
    def number_cut(self) -> int:
        return int(self.cut.sum())

    def summary(self) -> dict[str, Any]:
        """Plain numbers on all values together."""
        return {
            "kind": self.kind,
            "values": int(self.integer.size),
            "cut": self.number_cut,
            "smallest_integer": int(self.integer.min()),
            "largest_integer": int(self.integer.max()),
            "largest_error": self.largest_error,
            "rms_error": self.rms_error,
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """One plain row a value: index, float, scale, integer, represented, error, cut, bytes and exponents."""
        represented, error = self.represented, self.error
        for index in np.ndindex(self.integer.shape):
            row = {
                "kind": self.kind,
                "index": " ".join(map(str, index)),
                "float": float(self.source[index]),
                "scale": float(self.scale[index]),
                "integer": int(self.integer[index]),
                "represented": float(represented[index]),
                "error": float(error[index]),
                "cut": bool(self.cut[index]),
            }
            yield row | {"planes": " + ".join(f"{int(w[index])} << {e}" for w, e in self.planes)}
