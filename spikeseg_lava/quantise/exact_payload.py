"""The payload scale at which the frames of a clip are whole numbers, where there is one.

Bins of counts divided by their largest hold fractions k/n with small n, raw counts hold whole numbers: a scale that is
a multiple of every n rounds none of them, so that all the membrane's bits are left to the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

LARGEST_COUNT = 255  # denominators looked for
FLOAT_ERROR = 2.0**-23  # relative, of a fraction in float32
VALUES = 4096  # distinct ones; a clip of more is no clip of counts
KEPT = 0.75  # of the payload's resolution must remain, for clips of other values


def common_denominator(clips: Sequence[NDArray[np.floating]], limit: int) -> int | None:
    """The least n for which n times every value is a whole number; None where that takes more than `limit`."""
    values = np.unique(np.concatenate([np.unique(clip) for clip in clips])) if clips else np.zeros(0)
    if len(values) > VALUES:
        return None
    common = 1
    for value in values.tolist():
        fraction = Fraction(value).limit_denominator(LARGEST_COUNT)
        common = lcm(common, fraction.denominator)
        if common > limit or abs(float(fraction) - value) > FLOAT_ERROR * value:
            return None
    return common


def rounded_scale(scale: float, denominator: int | None) -> float:
    """The largest scale up to `scale` that is a multiple of `denominator`; `scale` itself where that costs too much."""
    exact = scale // denominator * denominator if denominator else 0.0
    return exact if exact >= KEPT * scale else scale
