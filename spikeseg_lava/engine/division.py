"""Division by a number that stays the same, as one multiplication: `n // d = (n * m) >> s` for 0 <= n < 2**31.

With `s = 32 + bits(d - 1)` and `m = ceil(2**s / d)`: `m d - 2**s < d <= 2**(s - 32)`, so `n (m d - 2**s) < 2**s`
and the quotient is exact (Granlund and Montgomery 1994). A division of the core takes three times as long.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikeseg_lava.engine.compilation import inlined


class Reciprocal(NamedTuple):
    """Multiplier and shift that stand for a division."""

    multiplier: np.uint64
    shift: np.uint64


def reciprocal(divisor: int) -> Reciprocal:
    """What `quotient` needs to divide by `divisor`, 1 to 2**31."""
    shift = 32 + (divisor - 1).bit_length()
    return Reciprocal(np.uint64(-(-(1 << shift) // divisor)), np.uint64(shift))


@inlined
def quotient(number, reciprocal):
    """`number // divisor` of a number from 0 to 2**31 - 1."""
    return np.int64((np.uint64(number) * reciprocal.multiplier) >> reciprocal.shift)
