"""Integer kernels written exactly in signed byte planes, as few as there can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeseg_lava.fixed_point import Plane

BYTE_BITS = 8


def byte_planes(kernel: NDArray[np.int64], exponent: int) -> tuple[Plane, ...]:
    """Planes with `sum of w_p << e_p == kernel`, exponents `exponent`, `exponent + 8`, ...; low byte first.

    Args:
        kernel: Int64[O, I, kh, kw], every weight a multiple of `2 ** exponent`.
    """
    rest, planes = kernel >> exponent, []
    while rest.any() or not planes:
        low = ((rest + 128) & 255) - 128
        planes.append(Plane(low.astype(np.int8), exponent + BYTE_BITS * len(planes)))
        rest = (rest - low) >> BYTE_BITS
    return tuple(planes)
